//! What payments knows of an order: a copy, about which it decides nothing.

use contracts::Timestamp;
use contracts::events::orders::{CancelReason, OrderStatus};
use contracts::ids::{OrderId, PaymentId, UserId};
use contracts::money::Money;

use super::refusal::Refusal;

/// The copied fields of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The order's id.
    pub id: OrderId,
    /// Who pays.
    pub buyer_id: UserId,
    /// Who is to get the money.
    pub seller_id: UserId,
    /// The accepted price.
    pub amount: Money,
    /// Until when it can be paid.
    pub expires_at: Timestamp,
    /// Where it stands.
    pub status: OrderStatus,
    /// Why it was cancelled.
    pub cancel_reason: Option<CancelReason>,
    /// The payment that the order chose, or that extended it.
    pub payment_id: Option<PaymentId>,
}

impl Order {
    /// Whether a payment may begin now.
    ///
    /// # Errors
    /// Why not.
    pub fn payable(&self, now: Timestamp) -> Result<(), Refusal> {
        match self.status {
            OrderStatus::Created => Err(Refusal::NotReady),
            OrderStatus::AwaitingPayment if now < self.expires_at => Ok(()),
            OrderStatus::AwaitingPayment => Err(Refusal::OrderExpired),
            OrderStatus::Capturing | OrderStatus::Complete | OrderStatus::Refunding => {
                Err(Refusal::OrderPaid)
            }
            OrderStatus::Refunded => Err(Refusal::OrderRefunded),
            OrderStatus::Cancelled if self.cancel_reason == Some(CancelReason::Expired) => {
                Err(Refusal::OrderExpired)
            }
            OrderStatus::Cancelled => Err(Refusal::OrderCancelled),
        }
    }

    /// Whether a payment that is under way is shown to somebody who tries to pay again.
    #[must_use]
    pub fn is_being_paid(&self) -> bool {
        matches!(
            self.status,
            OrderStatus::AwaitingPayment | OrderStatus::Capturing
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::money::Currency;
    use uuid::Uuid;

    fn order(status: OrderStatus, cancel_reason: Option<CancelReason>) -> Order {
        Order {
            id: Uuid::from_u128(1).into(),
            buyer_id: Uuid::from_u128(2).into(),
            seller_id: Uuid::from_u128(3).into(),
            amount: Money {
                minor: 2000,
                currency: Currency::USD,
            },
            expires_at: Timestamp::from_second(100).unwrap(),
            status,
            cancel_reason,
            payment_id: None,
        }
    }

    #[test]
    fn only_an_order_that_awaits_payment_in_time_is_payable() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let judged = |status, reason, now| order(status, reason).payable(at(now));
        assert_eq!(judged(OrderStatus::AwaitingPayment, None, 99), Ok(()));
        assert_eq!(
            judged(OrderStatus::AwaitingPayment, None, 100),
            Err(Refusal::OrderExpired)
        );
        assert_eq!(
            judged(OrderStatus::Created, None, 0),
            Err(Refusal::NotReady)
        );
        for paid in [
            OrderStatus::Capturing,
            OrderStatus::Complete,
            OrderStatus::Refunding,
        ] {
            assert_eq!(judged(paid, None, 0), Err(Refusal::OrderPaid));
        }
        assert_eq!(
            judged(OrderStatus::Refunded, None, 0),
            Err(Refusal::OrderRefunded)
        );
        let expired = Some(CancelReason::Expired);
        assert_eq!(
            judged(OrderStatus::Cancelled, expired, 0),
            Err(Refusal::OrderExpired)
        );
        let buyer = Some(CancelReason::Buyer);
        assert_eq!(
            judged(OrderStatus::Cancelled, buyer, 0),
            Err(Refusal::OrderCancelled)
        );
        assert_eq!(
            judged(OrderStatus::Cancelled, None, 0),
            Err(Refusal::OrderCancelled)
        );
    }
}
