//! An order and its states; each state carries the data that only it has.

mod buying;
mod lifecycle;
mod selling;
#[cfg(test)]
mod tests;

use std::time::Duration;

use contracts::Timestamp;
use contracts::events::orders::{CancelReason, OrderFact, OrderState, OrderStatus, TicketFate};
use contracts::ids::{OrderId, PaymentId, TicketId, UserId};
use contracts::money::Money;

/// What was agreed when the order was placed. It never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The order's id.
    pub id: OrderId,
    /// The ticket that it holds.
    pub ticket_id: TicketId,
    /// Who holds it.
    pub buyer_id: UserId,
    /// Who sells it.
    pub seller_id: UserId,
    /// What the ticket was called.
    pub title: String,
    /// What the buyer accepted to pay.
    pub price: Money,
    /// The offer that the buyer accepted.
    pub offer_version: i64,
    /// The fencing token of the lock on the ticket.
    pub epoch: i64,
    /// When it was placed.
    pub created_at: Timestamp,
    /// Creation plus the hold: until when it can be paid if no payment extends it.
    pub hold_until: Timestamp,
}

/// An order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// What was agreed.
    pub terms: Terms,
    /// Until when it can be paid.
    pub expires_at: Timestamp,
    /// Where it stands.
    pub state: State,
}

/// Where an order stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Placed; tickets has not yet answered.
    Created,
    /// The ticket is locked; it can be paid.
    AwaitingPayment {
        /// Whether a payment has won it extra time.
        grace: Grace,
    },
    /// This payment was chosen; the money is being taken.
    Capturing {
        /// The chosen payment.
        payment_id: PaymentId,
    },
    /// Paid.
    Complete(Sale),
    /// Paid, and money is on its way back.
    Refunding {
        /// What was paid.
        sale: Sale,
        /// How much was asked back, in minor units.
        amount_minor: i64,
        /// What becomes of the ticket if that refunds the whole.
        fate: TicketFate,
    },
    /// Wholly given back.
    Refunded(Sale),
    /// Ended without a sale.
    Cancelled {
        /// Why.
        reason: CancelReason,
        /// The chosen payment that could not be taken.
        payment_id: Option<PaymentId>,
    },
}

/// The extra time for a payment that began before the hold ended. There is one, for the first
/// payment: else one who keeps starting payments could keep a ticket for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grace {
    /// No payment has begun.
    Unused,
    /// This payment, the first, is on its way.
    Running(PaymentId),
    /// The first payment failed.
    Spent,
}

/// The payment of an order, and what was given back of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sale {
    /// The chosen payment.
    pub payment_id: PaymentId,
    /// What was given back so far, in minor units.
    pub refunded_minor: i64,
}

/// A payment that has, or holds, money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The payment.
    pub payment_id: PaymentId,
    /// How much, in which currency.
    pub amount: Money,
}

/// The order after a step, and what happened: exactly one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The order after it.
    pub order: Order,
    /// What happened.
    pub fact: OrderFact,
}

/// Why an event of another service left the order as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Ignored {
    /// The lock was meant for another hold on this ticket.
    #[error("the lock has another epoch")]
    OtherEpoch,
    /// The lock was answered before.
    #[error("the order no longer waits for the lock")]
    NotWaitingForLock,
    /// By our own clock there is time left.
    #[error("the order has time left")]
    NotDue,
    /// The order can no longer expire.
    #[error("the order no longer waits for money")]
    NotWaitingForMoney,
    /// The extra time is for the first payment alone.
    #[error("another payment has had the extra time")]
    NotFirstPayment,
    /// A payment that begins after the end wins no time.
    #[error("the time to pay is over")]
    TimeIsUp,
    /// The payment neither extends the order nor is the chosen one.
    #[error("the order does not depend on this payment")]
    OtherPayment,
    /// The order has this payment already.
    #[error("the payment is the chosen one")]
    AlreadyChosen,
    /// So much was given back before.
    #[error("the money was given back before")]
    RefundedBefore,
    /// No refund was asked for.
    #[error("no refund is on its way")]
    NotRefunding,
}

/// What an event of another service does to an order.
pub type Heard = Result<Changed, Ignored>;

impl Order {
    /// The payment that was chosen, once one is.
    #[must_use]
    pub fn chosen(&self) -> Option<PaymentId> {
        match &self.state {
            State::Capturing { payment_id } => Some(*payment_id),
            State::Complete(sale) | State::Refunding { sale, .. } | State::Refunded(sale) => {
                Some(sale.payment_id)
            }
            State::Created | State::AwaitingPayment { .. } | State::Cancelled { .. } => None,
        }
    }

    /// The state as others may see it.
    #[must_use]
    pub fn status(&self) -> OrderStatus {
        match self.state {
            State::Created => OrderStatus::Created,
            State::AwaitingPayment { .. } => OrderStatus::AwaitingPayment,
            State::Capturing { .. } => OrderStatus::Capturing,
            State::Complete(_) => OrderStatus::Complete,
            State::Refunding { .. } => OrderStatus::Refunding,
            State::Refunded(_) => OrderStatus::Refunded,
            State::Cancelled { .. } => OrderStatus::Cancelled,
        }
    }

    /// What was given back so far, in minor units.
    #[must_use]
    pub fn refunded_minor(&self) -> i64 {
        match &self.state {
            State::Complete(sale) | State::Refunding { sale, .. } | State::Refunded(sale) => {
                sale.refunded_minor
            }
            _ => 0,
        }
    }

    /// Why it was cancelled, if it was.
    #[must_use]
    pub fn cancel_reason(&self) -> Option<CancelReason> {
        match self.state {
            State::Cancelled { reason, .. } => Some(reason),
            _ => None,
        }
    }

    /// The public state, as every event carries it.
    #[must_use]
    pub fn public_state(&self) -> OrderState {
        let payment_id = match self.state {
            State::AwaitingPayment {
                grace: Grace::Running(payment_id),
            } => Some(payment_id),
            State::Cancelled { payment_id, .. } => payment_id,
            _ => self.chosen(),
        };
        OrderState {
            id: self.terms.id,
            ticket_id: self.terms.ticket_id,
            buyer_id: self.terms.buyer_id,
            seller_id: self.terms.seller_id,
            title: self.terms.title.clone(),
            price_minor: self.terms.price.minor,
            currency: self.terms.price.currency,
            offer_version: self.terms.offer_version,
            epoch: self.terms.epoch,
            status: self.status(),
            created_at: self.terms.created_at,
            expires_at: self.expires_at,
            payment_id,
            cancel_reason: self.cancel_reason(),
            refunded_minor: self.refunded_minor(),
        }
    }

    fn becomes(self, state: State, fact: OrderFact) -> Changed {
        Changed {
            order: Self { state, ..self },
            fact,
        }
    }

    fn cancelled(self, reason: CancelReason, payment_id: Option<PaymentId>) -> Changed {
        self.becomes(
            State::Cancelled { reason, payment_id },
            OrderFact::Cancelled { reason },
        )
    }
}

/// `time` later by `duration`, in the whole microseconds that a database keeps (or the end of time).
#[must_use]
pub fn after(time: Timestamp, duration: Duration) -> Timestamp {
    let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    time.checked_add(Duration::from_micros(micros))
        .unwrap_or(Timestamp::MAX)
}
