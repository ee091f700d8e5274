//! Why the rules say no.

/// Why a command on a payment is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The ticket is not locked for the order yet.
    #[error("the order is still being prepared; try again in a second")]
    NotReady,
    /// The order ran out of time.
    #[error("the time to pay this order has run out; order the ticket again")]
    OrderExpired,
    /// The order was cancelled for another reason.
    #[error("this order was cancelled; order the ticket again")]
    OrderCancelled,
    /// The order has been paid, or is being paid.
    #[error("this order has already been paid")]
    OrderPaid,
    /// The order was paid and given back.
    #[error("this order was refunded; order the ticket again")]
    OrderRefunded,
    /// The payment has come to its end.
    #[error("the payment has ended")]
    Ended,
    /// The payment is to be undone, or was not captured.
    #[error("no money of this payment can be given back now")]
    NotCaptured,
    /// More than what is left of it.
    #[error("the amount is not within what is left of the payment")]
    AmountOutOfRange,
    /// The provider shows another amount under our key.
    #[error("the provider shows another amount than the payment's")]
    OtherAmount,
}

impl Refusal {
    /// The stable slug for programs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NotReady => "not_ready",
            Self::OrderExpired => "order_expired",
            Self::OrderCancelled => "order_cancelled",
            Self::OrderPaid => "order_paid",
            Self::OrderRefunded => "order_refunded",
            Self::Ended => "payment_ended",
            Self::NotCaptured => "payment_not_captured",
            Self::AmountOutOfRange => "amount_out_of_range",
            Self::OtherAmount => "other_amount",
        }
    }
}
