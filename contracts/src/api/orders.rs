//! Answers of orders, under `/api/orders`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::events::orders::CancelReason;
use crate::ids::{OrderId, PaymentId, TicketId, UserId};
use crate::money::Amount;

/// Body of `POST /api/orders`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderRequest {
    /// The ticket to hold.
    pub ticket_id: TicketId,
    /// The price that the buyer has seen; refused (409) when the offer's differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Amount>,
    /// The ticket's version that the buyer has seen; refused (409) when below the offer's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
}

/// Body of `POST /api/orders/{id}/refund`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct RefundRequest {
    /// How much in major units; the whole rest when it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Amount>,
    /// Whether the ticket is offered again once the whole is refunded; false when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relist: Option<bool>,
}

/// An order, to its buyer (and, for a refund, to its seller).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderView {
    /// The order's id.
    pub id: OrderId,
    /// Where it stands.
    pub status: OrderStatusView,
    /// Until when it can be paid.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// When it was placed.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// The buyer.
    pub user_id: UserId,
    /// The seller.
    pub seller_id: UserId,
    /// The number of its last change: its `ETag`.
    pub version: i64,
    /// The ticket as it was accepted.
    pub ticket: OrderTicket,
    /// Whether it is complete and a refund was asked for.
    pub refunding: bool,
    /// What was given back so far, in major units.
    pub refunded: Amount,
    /// The chosen payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_id: Option<PaymentId>,
    /// Why it was cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub cancel_reason: Option<CancelReason>,
}

/// The ticket as the buyer accepted it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderTicket {
    /// The listing's id.
    pub id: TicketId,
    /// What it was called.
    pub title: String,
    /// The accepted price in major units of `currency`.
    pub price: Amount,
    /// ISO 4217 in lower case.
    pub currency: String,
    /// The accepted offer.
    pub version: i64,
}

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum OrderStatusView {
    /// Placed, not yet ready to be paid (milliseconds).
    #[serde(rename = "created")]
    Created,
    /// It can be paid until `expiresAt`.
    #[serde(rename = "awaiting:payment")]
    AwaitingPayment,
    /// The money is being taken.
    #[serde(rename = "paying")]
    Paying,
    /// Paid (also while a refund is on its way).
    #[serde(rename = "complete")]
    Complete,
    /// Ended without a sale.
    #[serde(rename = "cancelled")]
    Cancelled,
    /// Wholly given back.
    #[serde(rename = "refunded")]
    Refunded,
}
