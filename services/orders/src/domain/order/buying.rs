//! What a payment does to an order: extra time, the decision, the sale, or its rejection.

use std::time::Duration;

use contracts::Timestamp;
use contracts::events::orders::{CancelReason, OrderFact};
use contracts::ids::PaymentId;

use crate::flaws;

use super::{Changed, Claim, Grace, Heard, Ignored, Order, Sale, State, after};

impl Order {
    /// A payment has begun: the first one in time keeps the order at least until `now + grace`.
    ///
    /// # Errors
    /// When it wins no time; nothing else depends on it.
    pub fn payment_started(
        mut self,
        payment_id: PaymentId,
        now: Timestamp,
        grace: Duration,
    ) -> Heard {
        match self.state {
            State::AwaitingPayment {
                grace: Grace::Unused,
            } if now < self.expires_at => {
                self.expires_at = self.expires_at.max(after(now, grace));
                let state = State::AwaitingPayment {
                    grace: Grace::Running(payment_id),
                };
                Ok(self.becomes(state, OrderFact::Extended))
            }
            State::AwaitingPayment {
                grace: Grace::Unused,
            } => Err(Ignored::TimeIsUp),
            State::AwaitingPayment { .. } => Err(Ignored::NotFirstPayment),
            _ => Err(Ignored::NotWaitingForMoney),
        }
    }

    /// A payment was declined or could not be taken. One that had extended the order takes that time
    /// back with it; the chosen one ends the order.
    ///
    /// # Errors
    /// When the order does not depend on this payment.
    pub fn payment_failed(mut self, payment_id: PaymentId, now: Timestamp) -> Heard {
        match self.state {
            State::AwaitingPayment {
                grace: Grace::Running(first),
            } if first == payment_id => {
                if now >= self.terms.hold_until {
                    return Ok(self.cancelled(CancelReason::Expired, None));
                }
                self.expires_at = self.terms.hold_until;
                let state = State::AwaitingPayment {
                    grace: Grace::Spent,
                };
                Ok(self.becomes(state, OrderFact::Extended))
            }
            State::Capturing { payment_id: chosen } if chosen == payment_id => {
                Ok(self.cancelled(CancelReason::PaymentFailed, Some(payment_id)))
            }
            _ => Err(Ignored::OtherPayment),
        }
    }

    /// The provider holds the money. The first payment that fits is chosen, whatever the time: as
    /// long as the order lives, late money is welcome. Every other one is rejected.
    ///
    /// # Errors
    /// When the payment is the chosen one already.
    pub fn payment_authorized(self, claim: Claim) -> Heard {
        let Claim { payment_id, .. } = claim;
        if self.chosen() == Some(payment_id) {
            return Err(Ignored::AlreadyChosen);
        }
        Ok(match self.state {
            State::AwaitingPayment { .. } if claim.amount == self.terms.price => self.becomes(
                State::Capturing { payment_id },
                OrderFact::Capturing { payment_id },
            ),
            State::Cancelled { .. } if flaws::LATE_MONEY_KEPT.is_there() => {
                return Err(Ignored::NotWaitingForMoney);
            }
            _ => self.rejects(payment_id),
        })
    }

    /// The money was taken: by the chosen payment, or at once by a provider that can't hold it.
    ///
    /// # Errors
    /// When the payment has completed the order before.
    pub fn payment_captured(self, claim: Claim) -> Heard {
        let Claim { payment_id, .. } = claim;
        let pays = match self.state {
            State::AwaitingPayment { .. } => claim.amount == self.terms.price,
            State::Capturing { payment_id: chosen } => chosen == payment_id,
            _ if self.chosen() == Some(payment_id) => return Err(Ignored::AlreadyChosen),
            _ => false,
        };
        if !pays {
            return Ok(self.rejects(payment_id));
        }
        let sale = Sale {
            payment_id,
            refunded_minor: 0,
        };
        Ok(self.becomes(State::Complete(sale), OrderFact::Completed { payment_id }))
    }

    /// A payment was let go at the provider: one that the order has rejected or outlived. If it is the
    /// chosen one, the order had done so in a part of its log that was lost with an older backup, and
    /// chose it when it heard of it again: that ends it once more.
    ///
    /// # Errors
    /// When the order does not depend on this payment.
    pub fn payment_voided(self, payment_id: PaymentId) -> Heard {
        match self.state {
            State::Capturing { payment_id: chosen } if chosen == payment_id => {
                Ok(self.cancelled(CancelReason::PaymentFailed, Some(payment_id)))
            }
            _ => Err(Ignored::OtherPayment),
        }
    }

    /// Nothing changes, but payments is told to undo this one.
    fn rejects(self, payment_id: PaymentId) -> Changed {
        Changed {
            order: self,
            fact: OrderFact::PaymentRejected { payment_id },
        }
    }
}
