//! Answers of tickets, under `/api/tickets`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::{OrderId, TicketId, UserId};
use crate::money::Amount;

/// Body of `POST /api/tickets` and `PUT /api/tickets/{id}`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TicketDraft {
    /// 1–200 characters.
    pub title: String,
    /// In major units of `currency`, above zero, up to 1,000,000.00.
    pub price: Amount,
    /// ISO 4217 in lower case; `usd` when it is left out (on a change: as it was).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
}

/// A listing as everybody may see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TicketView {
    /// The listing's id.
    pub id: TicketId,
    /// What the seller calls it.
    pub title: String,
    /// In major units of `currency`.
    pub price: Amount,
    /// ISO 4217 in lower case.
    pub currency: String,
    /// The seller.
    pub user_id: UserId,
    /// The number of its last change: its `ETag`.
    pub version: i64,
    /// The number of the change that made the present offer.
    pub offer_version: i64,
    /// Whether it can be bought.
    pub status: TicketStatusView,
    /// The order that holds or has bought it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
    /// When it was first listed.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// Whether a listing can be bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TicketStatusView {
    /// It can be bought.
    Listed,
    /// Somebody holds it.
    Held,
    /// Somebody has paid for it.
    Sold,
    /// Its seller took it back.
    Withdrawn,
}
