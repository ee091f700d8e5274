//! Published by orders: who holds a ticket until when, and what became of it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::envelope::Aggregate;
use crate::ids::{OrderId, PaymentId, TicketId, UserId};
use crate::money::{Currency, Money};

/// A hold on a ticket, from the reservation to its end.
#[derive(Debug)]
pub struct Order;

impl Aggregate for Order {
    const NAME: &'static str = "order";
    const OWNER: &'static str = "orders";
    type State = OrderState;
    type Fact = OrderFact;
}

/// An order after a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderState {
    /// The order's id.
    pub id: OrderId,
    /// The ticket that it holds.
    pub ticket_id: TicketId,
    /// Who holds it.
    pub buyer_id: UserId,
    /// Who sells it.
    pub seller_id: UserId,
    /// What the ticket was called when it was reserved.
    pub title: String,
    /// The price that the buyer accepted, in minor units of `currency`.
    pub price_minor: i64,
    /// The currency of the price.
    pub currency: Currency,
    /// The offer that the buyer accepted.
    pub offer_version: i64,
    /// Orders the holds on one ticket: the fencing token of the lock.
    pub epoch: i64,
    /// Where it stands.
    pub status: OrderStatus,
    /// When it was placed.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub created_at: Timestamp,
    /// Until when it can be paid.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub expires_at: Timestamp,
    /// The payment that orders has chosen (capturing and later), or that extended the hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_id: Option<PaymentId>,
    /// Why it was cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_reason: Option<CancelReason>,
    /// What was given back so far, in minor units.
    #[serde(default)]
    pub refunded_minor: i64,
}

impl OrderState {
    /// The price that the buyer accepted.
    #[must_use]
    pub fn price(&self) -> Money {
        Money {
            minor: self.price_minor,
            currency: self.currency,
        }
    }
}

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// Placed; tickets has not yet confirmed the lock.
    Created,
    /// The ticket is locked; it can be paid until `expires_at`.
    AwaitingPayment,
    /// Orders has chosen a payment; the money is being taken.
    Capturing,
    /// Paid.
    Complete,
    /// Paid, and a refund was asked for.
    Refunding,
    /// Wholly given back.
    Refunded,
    /// Ended without a sale.
    Cancelled,
}

impl OrderStatus {
    /// Whether it keeps its ticket from everybody else.
    #[must_use]
    pub fn is_live(self) -> bool {
        !matches!(self, Self::Refunded | Self::Cancelled)
    }
}

/// Why an order was cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CancelReason {
    /// The buyer asked for it.
    Buyer,
    /// It was not paid in time.
    Expired,
    /// The chosen payment could not be taken.
    PaymentFailed,
    /// The seller had taken the ticket back.
    TicketWithdrawn,
    /// The ticket was already sold.
    TicketSold,
    /// The seller had changed the offer.
    OfferChanged,
}

/// What becomes of the ticket when its order is refunded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TicketFate {
    /// It is offered again.
    Relist,
    /// It is taken off the market.
    Withdraw,
}

/// What happened to an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type")]
pub enum OrderFact {
    /// Placed: asks tickets for the lock.
    #[serde(rename = "ticketing.order.created.v1")]
    Created,
    /// The ticket is locked for it.
    #[serde(rename = "ticketing.order.awaiting_payment.v1")]
    AwaitingPayment,
    /// `expires_at` changed: a payment began, or the one that had extended it failed.
    #[serde(rename = "ticketing.order.extended.v1")]
    Extended,
    /// The decision: this payment is to be captured.
    #[serde(rename = "ticketing.order.capturing.v1")]
    Capturing {
        /// The chosen payment.
        payment_id: PaymentId,
    },
    /// Paid.
    #[serde(rename = "ticketing.order.completed.v1")]
    Completed {
        /// The payment that paid it.
        payment_id: PaymentId,
    },
    /// Ended without a sale.
    #[serde(rename = "ticketing.order.cancelled.v1")]
    Cancelled {
        /// Why.
        reason: CancelReason,
    },
    /// Money came for which there is no place: to be voided or given back.
    #[serde(rename = "ticketing.order.payment_rejected.v1")]
    PaymentRejected {
        /// The payment to be undone.
        payment_id: PaymentId,
    },
    /// Money is to be given back.
    #[serde(rename = "ticketing.order.refund_requested.v1")]
    RefundRequested {
        /// The payment to take it from.
        payment_id: PaymentId,
        /// How much, in minor units of the order's currency.
        amount_minor: i64,
        /// What becomes of the ticket if this refunds the whole.
        fate: TicketFate,
    },
    /// Money was given back; wholly if the state is refunded, else in part.
    #[serde(rename = "ticketing.order.refunded.v1")]
    Refunded {
        /// The payment that it was taken from.
        payment_id: PaymentId,
        /// How much this time, in minor units.
        amount_minor: i64,
        /// What becomes of the ticket if the whole is refunded.
        fate: TicketFate,
    },
}
