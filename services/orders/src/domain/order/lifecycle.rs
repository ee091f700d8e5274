//! How an order begins, gets its lock, and ends without a sale.

use contracts::Timestamp;
use contracts::events::orders::{CancelReason, OrderFact};
use contracts::events::tickets::LockRefusal;

use crate::flaws;

use super::{Changed, Grace, Heard, Ignored, Order, State, Terms};
use crate::domain::refusal::Refusal;

impl Order {
    /// Placed on these terms.
    #[must_use]
    pub fn place(terms: Terms) -> Changed {
        let order = Self {
            expires_at: terms.hold_until,
            terms,
            state: State::Created,
        };
        Changed {
            order,
            fact: OrderFact::Created,
        }
    }

    /// Tickets has locked the ticket for the order of this epoch.
    ///
    /// # Errors
    /// When the epoch is another's, or the order no longer waits for the lock.
    pub fn ticket_locked(self, epoch: i64) -> Heard {
        self.waits_for_lock(epoch)?;
        let state = State::AwaitingPayment {
            grace: Grace::Unused,
        };
        Ok(self.becomes(state, OrderFact::AwaitingPayment))
    }

    /// Tickets has refused the lock to the order of this epoch.
    ///
    /// # Errors
    /// As [`Self::ticket_locked`].
    pub fn lock_refused(self, epoch: i64, refusal: LockRefusal) -> Heard {
        self.waits_for_lock(epoch)?;
        let reason = match refusal {
            LockRefusal::Withdrawn => CancelReason::TicketWithdrawn,
            LockRefusal::Sold => CancelReason::TicketSold,
            LockRefusal::OfferChanged => CancelReason::OfferChanged,
        };
        Ok(self.cancelled(reason, None))
    }

    fn waits_for_lock(&self, epoch: i64) -> Result<(), Ignored> {
        if self.terms.epoch != epoch {
            return Err(Ignored::OtherEpoch);
        }
        match self.state {
            State::Created => Ok(()),
            _ => Err(Ignored::NotWaitingForLock),
        }
    }

    /// The buyer gives the ticket back before paying.
    ///
    /// # Errors
    /// When it is paid or being paid, or was cancelled before.
    pub fn cancel(self) -> Result<Changed, Refusal> {
        match self.state {
            State::Created | State::AwaitingPayment { .. } => {
                Ok(self.cancelled(CancelReason::Buyer, None))
            }
            State::Capturing { .. } => Err(Refusal::OrderPaying),
            State::Complete(_) | State::Refunding { .. } | State::Refunded(_) => {
                Err(Refusal::OrderPaid)
            }
            State::Cancelled { .. } => Err(Refusal::OrderCancelled),
        }
    }

    /// A timer says that the time is up. `now` is our own clock: the timer's may be wrong.
    ///
    /// # Errors
    /// When there is time left, or the order can no longer expire.
    pub fn timer_due(self, now: Timestamp) -> Heard {
        match self.state {
            State::Created | State::AwaitingPayment { .. }
                if now < self.expires_at && !flaws::TIMER_BELIEVED.is_there() =>
            {
                Err(Ignored::NotDue)
            }
            State::Created | State::AwaitingPayment { .. } => {
                Ok(self.cancelled(CancelReason::Expired, None))
            }
            State::Capturing { payment_id } if flaws::EXPIRED_WHILE_CAPTURING.is_there() => {
                Ok(self.cancelled(CancelReason::Expired, Some(payment_id)))
            }
            _ => Err(Ignored::NotWaitingForMoney),
        }
    }
}
