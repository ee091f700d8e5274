//! A timer follows its order: armed as long as the order can expire, and gone with that.

use contracts::Timestamp;
use contracts::events::orders::OrderStatus;

/// What an order's state asks of its timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// It rings at this time.
    Armed(Timestamp),
    /// There is none.
    Gone,
}

/// What the timer of an order with this status and deadline should be. The status alone decides, so
/// that event types which are not known yet arm and disarm as well.
#[must_use]
pub fn wanted(status: OrderStatus, expires_at: Timestamp) -> Wanted {
    match status {
        OrderStatus::Created | OrderStatus::AwaitingPayment => Wanted::Armed(expires_at),
        OrderStatus::Capturing
        | OrderStatus::Complete
        | OrderStatus::Refunding
        | OrderStatus::Refunded
        | OrderStatus::Cancelled => Wanted::Gone,
    }
}

/// Whether a timer that rings next at `next_at` rings now: never before its time.
#[must_use]
pub fn is_due(next_at: Timestamp, now: Timestamp) -> bool {
    next_at <= now
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_can_expire_until_it_is_decided() {
        let at = Timestamp::UNIX_EPOCH;
        for status in [OrderStatus::Created, OrderStatus::AwaitingPayment] {
            assert_eq!(wanted(status, at), Wanted::Armed(at), "{status:?}");
        }
        for status in [
            OrderStatus::Capturing,
            OrderStatus::Complete,
            OrderStatus::Refunding,
            OrderStatus::Refunded,
            OrderStatus::Cancelled,
        ] {
            assert_eq!(wanted(status, at), Wanted::Gone, "{status:?}");
        }
    }

    #[test]
    fn a_timer_is_due_from_its_time_on() {
        let at = |micros| Timestamp::from_microsecond(micros).unwrap();
        assert!(!is_due(at(1_000), at(999)));
        assert!(is_due(at(1_000), at(1_000)));
        assert!(is_due(at(1_000), at(1_001)));
    }
}
