//! Published by payments: what the payment provider did.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::envelope::Aggregate;
use crate::ids::{OrderId, PaymentId, UserId};
use crate::money::{Currency, Money};

/// One attempt to pay an order.
#[derive(Debug)]
pub struct Payment;

impl Aggregate for Payment {
    const NAME: &'static str = "payment";
    const OWNER: &'static str = "payments";
    type State = PaymentState;
    type Fact = PaymentFact;
}

/// A payment after a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentState {
    /// The payment's id.
    pub id: PaymentId,
    /// The order that it is for.
    pub order_id: OrderId,
    /// Who pays.
    pub buyer_id: UserId,
    /// How much, in minor units of `currency`.
    pub amount_minor: i64,
    /// The currency of the amount.
    pub currency: Currency,
    /// Where it stands.
    pub status: PaymentStatus,
    /// What was given back so far, in minor units.
    #[serde(default)]
    pub refunded_minor: i64,
    /// Why it failed, by the provider's stable code such as `card_declined`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_code: Option<String>,
    /// When it was started.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub created_at: Timestamp,
}

impl PaymentState {
    /// The whole amount.
    #[must_use]
    pub fn amount(&self) -> Money {
        Money {
            minor: self.amount_minor,
            currency: self.currency,
        }
    }
}

/// Where a payment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// Recorded here; the provider may or may not know it yet.
    Started,
    /// The provider holds the amount for us.
    Authorized,
    /// The money was taken.
    Captured,
    /// Declined, or it could not be taken.
    Failed,
    /// The hold was let go; no money moved.
    Voided,
    /// Wholly given back.
    Refunded,
}

impl PaymentStatus {
    /// Whether it still stands in the way of another payment of the same order.
    #[must_use]
    pub fn is_live(self) -> bool {
        matches!(self, Self::Started | Self::Authorized | Self::Captured)
    }
}

/// What happened to a payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type")]
pub enum PaymentFact {
    /// Recorded, before the provider was asked.
    #[serde(rename = "ticketing.payment.started.v1")]
    Started,
    /// The provider holds the amount.
    #[serde(rename = "ticketing.payment.authorized.v1")]
    Authorized,
    /// The money was taken.
    #[serde(rename = "ticketing.payment.captured.v1")]
    Captured,
    /// Declined, or it could not be taken.
    #[serde(rename = "ticketing.payment.failed.v1")]
    Failed {
        /// The provider's stable code.
        code: String,
    },
    /// The hold was let go.
    #[serde(rename = "ticketing.payment.voided.v1")]
    Voided,
    /// Money was given back, wholly if the state is refunded.
    #[serde(rename = "ticketing.payment.refunded.v1")]
    Refunded {
        /// How much this time, in minor units.
        amount_minor: i64,
    },
}
