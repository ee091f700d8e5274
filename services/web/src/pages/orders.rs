//! The pages about orders, and the acts on them.

pub mod cancel;
pub mod index;
pub mod pay;
pub mod place;
pub mod refund;
pub mod show;

use contracts::api::orders::{OrderStatusView, OrderView};

/// An order's state in a word, and the style of that word.
pub fn state(order: &OrderView) -> (&'static str, &'static str) {
    match order.status {
        OrderStatusView::Created => ("Being confirmed", "wait"),
        OrderStatusView::AwaitingPayment => ("Waiting for payment", "wait"),
        OrderStatusView::Paying => ("Payment in progress", "wait"),
        OrderStatusView::Complete if order.refunding => ("Being refunded", "wait"),
        OrderStatusView::Complete => ("Paid", "good"),
        OrderStatusView::Cancelled => ("Cancelled", "off"),
        OrderStatusView::Refunded => ("Refunded", "done"),
    }
}
