//! Why a request about an order is refused: the stable codes that clients see.

use contracts::api::problem::FieldError;
use platform::{Failure, Refused};

/// Why a buyer or a seller does not get what they asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The buyer has seen an older offer.
    OfferChanged,
    /// The seller wants to buy from themselves.
    OwnTicket,
    /// An order has paid for it.
    TicketSold,
    /// Its seller took it back.
    TicketWithdrawn,
    /// A live order holds it.
    TicketReserved,
    /// The buyer has seen another price.
    PriceChanged,
    /// The buyer holds too many tickets without paying.
    TooManyHolds,
    /// A chosen payment is being taken.
    OrderPaying,
    /// It was paid.
    OrderPaid,
    /// It was cancelled before.
    OrderCancelled,
    /// There is nothing to give back.
    OrderNotPaid,
    /// An earlier refund is still on its way.
    OrderRefunding,
    /// Everything was given back.
    OrderRefunded,
    /// A refund of nothing, or of less.
    RefundNotPositive,
    /// More than is left.
    RefundTooLarge,
}

impl Refusal {
    /// The stable slug.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::OfferChanged => "offer_changed",
            Self::OwnTicket => "own_ticket",
            Self::TicketSold => "ticket_sold",
            Self::TicketWithdrawn => "ticket_withdrawn",
            Self::TicketReserved => "ticket_reserved",
            Self::PriceChanged => "price_changed",
            Self::TooManyHolds => "too_many_holds",
            Self::OrderPaying => "order_paying",
            Self::OrderPaid => "order_paid",
            Self::OrderCancelled => "order_cancelled",
            Self::OrderNotPaid => "order_not_complete",
            Self::OrderRefunding => "order_refunding",
            Self::OrderRefunded => "order_refunded",
            Self::RefundNotPositive | Self::RefundTooLarge => "invalid_input",
        }
    }

    /// What is wrong and what to do, for people.
    #[must_use]
    pub fn message(self) -> &'static str {
        match self {
            Self::OfferChanged => "the seller has changed the offer; look at it again",
            Self::OwnTicket => "this is your own ticket",
            Self::TicketSold => "this ticket is sold",
            Self::TicketWithdrawn => "the seller has taken this ticket back",
            Self::TicketReserved => "somebody else holds this ticket; it may come back",
            Self::PriceChanged => "the price is another one now; look at the offer again",
            Self::TooManyHolds => "you hold too many tickets; pay for one or cancel one first",
            Self::OrderPaying => "the payment is being taken; the order can't be cancelled now",
            Self::OrderPaid => {
                "the order is paid and can't be cancelled; ask the seller for a refund"
            }
            Self::OrderCancelled => "the order was cancelled",
            Self::OrderNotPaid => "the order is not paid; there is nothing to give back",
            Self::OrderRefunding => "a refund is on its way; wait until it has arrived",
            Self::OrderRefunded => "everything was given back already",
            Self::RefundNotPositive => "must be more than zero",
            Self::RefundTooLarge => "must not be more than is left of the price",
        }
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::RefundNotPositive | Refusal::RefundTooLarge => {
                Self::fields(vec![FieldError {
                    message: refusal.message().to_owned(),
                    field: Some("amount".to_owned()),
                }])
            }
            _ => Self::conflict(refusal.code(), refusal.message()),
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Refused::from(refusal).into()
    }
}
