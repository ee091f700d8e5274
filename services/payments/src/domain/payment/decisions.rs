//! What orders says about a payment: kept with it, and nobody else's business until it is done.

use super::{Decision, Payment, Refund, State};
use crate::domain::refusal::Refusal;

impl Payment {
    /// The order chose this payment (order.capturing): it is to be captured.
    ///
    /// # Errors
    /// When it has ended or is to be undone: orders hears that by its events.
    pub fn choose(mut self) -> Result<Self, Refusal> {
        match self.state {
            State::Started { .. } | State::Authorized { .. } | State::Captured { .. }
                if self.decision != Decision::Undo =>
            {
                self.decision = Decision::Take;
                Ok(self)
            }
            _ => Err(Refusal::Ended),
        }
    }

    /// The order has no place for this payment (order.payment_rejected): it is to be voided, or
    /// given back. One that has come to nothing stays as it is.
    #[must_use]
    pub fn reject(mut self) -> Self {
        if self.status().is_live() {
            self.decision = Decision::Undo;
        }
        self
    }

    /// The order was cancelled, or chose another payment: one that was only started is to be voided. Of
    /// one that is further the order has heard or will hear, and rejects it.
    #[must_use]
    pub fn order_closed(self) -> Self {
        match self.state {
            State::Started { .. } => self.reject(),
            _ => self,
        }
    }

    /// Money is to be given back (order.refund_requested), under the provider's key `key`.
    ///
    /// # Errors
    /// When it was not captured or is to be undone anyway, or the amount is more than what is left.
    pub fn request_refund(mut self, key: &str, amount_minor: i64) -> Result<Self, Refusal> {
        // Asked for in a part of the log that was lost, and shown by the provider before it is asked again.
        let is_done = |refund: &Refund| refund.done && refund.key == key;
        if self.refunds.iter().any(is_done) {
            return Ok(self);
        }
        // One that was chosen and is not captured was: what is known of that was lost, and comes again.
        let is_captured = match self.state {
            State::Captured { .. } => self.decision != Decision::Undo,
            State::Started { .. } | State::Authorized { .. } => self.decision == Decision::Take,
            _ => false,
        };
        if !is_captured {
            return Err(Refusal::NotCaptured);
        }
        let asked: i64 = self.refunds.iter().map(|refund| refund.amount_minor).sum();
        if amount_minor <= 0 || amount_minor > self.amount.minor - asked {
            return Err(Refusal::AmountOutOfRange);
        }
        self.refunds.push(Refund {
            key: key.to_owned(),
            amount_minor,
            done: false,
        });
        Ok(self)
    }
}
