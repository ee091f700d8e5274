//! What of an order or a ticket is worth a message, and to whom.

use contracts::events::orders::{OrderFact, OrderState};
use contracts::events::tickets::{TicketFact, TicketState};
use contracts::ids::{OrderId, UserId};

/// Why a person is written to. The name is stored: one message per name and event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Occasion {
    /// The buyer holds the ticket and can pay for it.
    OrderPlaced,
    /// The buyer has paid: the receipt.
    OrderPaid,
    /// The order ended without a sale.
    OrderCancelled,
    /// A payment for which there is no place is undone.
    PaymentReturned,
    /// The buyer's money was given back.
    MoneyReturned,
    /// The seller's buyer got money back.
    SaleRefunded,
    /// The seller's ticket is sold.
    TicketSold,
}

impl Occasion {
    /// All of them.
    #[cfg(test)]
    pub const ALL: [Self; 7] = [
        Self::OrderPlaced,
        Self::OrderPaid,
        Self::OrderCancelled,
        Self::PaymentReturned,
        Self::MoneyReturned,
        Self::SaleRefunded,
        Self::TicketSold,
    ];

    /// The name under which its messages are stored.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OrderPlaced => "order_placed",
            Self::OrderPaid => "order_paid",
            Self::OrderCancelled => "order_cancelled",
            Self::PaymentReturned => "payment_returned",
            Self::MoneyReturned => "money_returned",
            Self::SaleRefunded => "sale_refunded",
            Self::TicketSold => "ticket_sold",
        }
    }
}

/// Whom an order's event is told, and why.
///
/// The buyer hears of an order once its ticket is locked for it: before that it may still be refused,
/// and then one message, with the reason, says all.
#[must_use]
pub fn of_order(fact: &OrderFact, order: &OrderState) -> Vec<(Occasion, UserId)> {
    let buyer = |occasion| vec![(occasion, order.buyer_id)];
    match fact {
        OrderFact::AwaitingPayment => buyer(Occasion::OrderPlaced),
        OrderFact::Completed { .. } => buyer(Occasion::OrderPaid),
        OrderFact::Cancelled { .. } => buyer(Occasion::OrderCancelled),
        OrderFact::PaymentRejected { .. } => buyer(Occasion::PaymentReturned),
        OrderFact::Refunded { .. } => vec![
            (Occasion::MoneyReturned, order.buyer_id),
            (Occasion::SaleRefunded, order.seller_id),
        ],
        OrderFact::Created
        | OrderFact::Extended
        | OrderFact::Capturing { .. }
        | OrderFact::RefundRequested { .. } => Vec::new(),
    }
}

/// Which order a ticket was sold to, and who sold it; nothing for all else that happens to a ticket.
#[must_use]
pub fn sale(fact: &TicketFact, ticket: &TicketState) -> Option<(OrderId, UserId)> {
    match fact {
        TicketFact::Sold { order_id } => Some((*order_id, ticket.seller_id)),
        _ => None,
    }
}
