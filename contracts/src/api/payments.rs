//! Answers of payments, under `/api/payments`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::events::payments::PaymentStatus;
use crate::ids::{OrderId, PaymentId};
use crate::money::Amount;

/// Body of `POST /api/payments`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PaymentRequest {
    /// The order to pay.
    pub order_id: OrderId,
    /// What the provider's form made of the card, such as `tok_visa`.
    pub token: String,
}

/// A payment, to its buyer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PaymentView {
    /// The payment's id.
    pub id: PaymentId,
    /// The order that it is for.
    pub order_id: OrderId,
    /// Where it stands.
    #[schema(value_type = String)]
    pub status: PaymentStatus,
    /// In major units of `currency`.
    pub amount: Amount,
    /// ISO 4217 in lower case.
    pub currency: String,
    /// What was given back so far, in major units.
    pub refunded: Amount,
    /// Why it failed, by the provider's stable code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_code: Option<String>,
    /// Where the customer must confirm, when the provider wants that (3-D Secure).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action_url: Option<String>,
    /// When it was started.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}
