//! How money goes back after a sale.

use contracts::events::orders::{OrderFact, TicketFate};
use contracts::ids::PaymentId;

use super::{Changed, Heard, Ignored, Order, Sale, State};
use crate::domain::refusal::Refusal;

impl Order {
    /// The seller gives money back: `amount_minor`, or the whole rest.
    ///
    /// # Errors
    /// When the order is not complete, or the amount is not within what is left.
    pub fn ask_refund(
        self,
        amount_minor: Option<i64>,
        fate: TicketFate,
    ) -> Result<Changed, Refusal> {
        let sale = match self.state {
            State::Complete(sale) => sale,
            State::Refunding { .. } => return Err(Refusal::OrderRefunding),
            State::Refunded(_) => return Err(Refusal::OrderRefunded),
            _ => return Err(Refusal::OrderNotPaid),
        };
        let rest_minor = self.terms.price.minor.saturating_sub(sale.refunded_minor);
        let amount_minor = amount_minor.unwrap_or(rest_minor);
        if amount_minor <= 0 {
            return Err(Refusal::RefundNotPositive);
        }
        if amount_minor > rest_minor {
            return Err(Refusal::RefundTooLarge);
        }
        let payment_id = sale.payment_id;
        let fact = OrderFact::RefundRequested {
            payment_id,
            amount_minor,
            fate,
        };
        Ok(self.becomes(
            State::Refunding {
                sale,
                amount_minor,
                fate,
            },
            fact,
        ))
    }

    /// The provider has given money back, `total_minor` until now: the whole ends the sale, a part leaves
    /// the order complete.
    /// If nobody has asked for it here, somebody gave it back at the provider, or the request was in a part
    /// of the log that was lost with an older backup; the ticket is then taken off the market, because what
    /// is to become of it nobody has said, or it is lost too.
    ///
    /// # Errors
    /// When the payment is not the one that paid: then it was rejected. When it was heard before, which a
    /// payment tells again whose service came back from an older backup.
    pub fn payment_refunded(self, payment_id: PaymentId, total_minor: i64) -> Heard {
        let (sale, fate) = match self.state {
            State::Refunding { sale, fate, .. } => (sale, fate),
            State::Complete(sale) => (sale, TicketFate::Withdraw),
            _ => return Err(Ignored::NotRefunding),
        };
        if sale.payment_id != payment_id {
            return Err(Ignored::OtherPayment);
        }
        let refunded_minor = total_minor.min(self.terms.price.minor);
        let amount_minor = refunded_minor.saturating_sub(sale.refunded_minor);
        if amount_minor <= 0 {
            return Err(Ignored::RefundedBefore);
        }
        let sale = Sale {
            refunded_minor,
            ..sale
        };
        let state = if refunded_minor >= self.terms.price.minor {
            State::Refunded(sale)
        } else {
            State::Complete(sale)
        };
        Ok(self.becomes(
            state,
            OrderFact::Refunded {
                payment_id,
                amount_minor,
                fate,
            },
        ))
    }
}
