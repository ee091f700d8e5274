//! Published by tickets: listings and the lock on each.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::envelope::Aggregate;
use crate::ids::{OrderId, TicketId, UserId};
use crate::money::{Currency, Money};

/// A seller's listing.
#[derive(Debug)]
pub struct Ticket;

impl Aggregate for Ticket {
    const NAME: &'static str = "ticket";
    const OWNER: &'static str = "tickets";
    type State = TicketState;
    type Fact = TicketFact;
}

/// A listing after a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TicketState {
    /// The listing's id.
    pub id: TicketId,
    /// Who sells it.
    pub seller_id: UserId,
    /// What the seller calls it, 1–200 characters.
    pub title: String,
    /// The asking price in minor units of `currency`.
    pub price_minor: i64,
    /// The currency of the price.
    pub currency: Currency,
    /// Whether it can be bought, and who holds it if not.
    #[serde(flatten)]
    pub status: TicketStatus,
    /// The version of its last listed, updated or relisting event: what a buyer accepts.
    pub offer_version: i64,
    /// The highest order epoch that was seen (the fencing token of the lock).
    pub epoch: i64,
    /// When it was first listed.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub created_at: Timestamp,
}

impl TicketState {
    /// The asking price.
    #[must_use]
    pub fn price(&self) -> Money {
        Money {
            minor: self.price_minor,
            currency: self.currency,
        }
    }
}

/// Whether a listing can be bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum TicketStatus {
    /// It can be bought.
    Listed,
    /// An order holds it.
    Locked {
        /// The order that holds it.
        order_id: OrderId,
    },
    /// An order has paid for it.
    Sold {
        /// The order that paid.
        order_id: OrderId,
    },
    /// Its seller took it back.
    Withdrawn,
}

/// Why an order did not get the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LockRefusal {
    /// Its seller took it back.
    Withdrawn,
    /// Another order has paid for it.
    Sold,
    /// The title or the price is not what the buyer accepted.
    OfferChanged,
}

/// What happened to a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type")]
pub enum TicketFact {
    /// Offered for the first time.
    #[serde(rename = "ticketing.ticket.listed.v1")]
    Listed,
    /// The seller changed the title or the price: a new offer.
    #[serde(rename = "ticketing.ticket.updated.v1")]
    Updated,
    /// The seller took it back, or a refund ended its sale for good.
    #[serde(rename = "ticketing.ticket.withdrawn.v1")]
    Withdrawn,
    /// An order holds it now.
    #[serde(rename = "ticketing.ticket.locked.v1")]
    Locked {
        /// The holding order.
        order_id: OrderId,
        /// That order's epoch.
        epoch: i64,
    },
    /// An order asked for the lock and did not get it.
    #[serde(rename = "ticketing.ticket.lock_refused.v1")]
    LockRefused {
        /// The refused order.
        order_id: OrderId,
        /// That order's epoch.
        epoch: i64,
        /// Why.
        reason: LockRefusal,
    },
    /// It can be bought again; after a refund this is a new offer.
    #[serde(rename = "ticketing.ticket.released.v1")]
    Released {
        /// The order that held or had bought it.
        order_id: OrderId,
    },
    /// The holding order was paid.
    #[serde(rename = "ticketing.ticket.sold.v1")]
    Sold {
        /// The paid order.
        order_id: OrderId,
    },
}
