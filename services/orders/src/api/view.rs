//! An order as its buyer sees it, and its seller in the answer to a refund.

use contracts::api::orders::{OrderStatusView, OrderTicket, OrderView};
use contracts::events::orders::OrderStatus;
use contracts::money::Money;

use crate::store::orders::Saved;

/// The order as an answer.
#[must_use]
pub fn view(saved: &Saved) -> OrderView {
    let order = &saved.order;
    let terms = &order.terms;
    let money = |minor| {
        Money {
            minor,
            currency: terms.price.currency,
        }
        .major()
    };
    OrderView {
        id: terms.id,
        status: status(order.status()),
        expires_at: order.expires_at,
        created_at: terms.created_at,
        user_id: terms.buyer_id,
        seller_id: terms.seller_id,
        version: saved.version,
        ticket: OrderTicket {
            id: terms.ticket_id,
            title: terms.title.clone(),
            price: terms.price.major(),
            currency: terms.price.currency.to_string(),
            version: terms.offer_version,
        },
        refunding: order.status() == OrderStatus::Refunding,
        refunded: money(order.refunded_minor()),
        payment_id: order.chosen(),
        cancel_reason: order.cancel_reason(),
    }
}

fn status(status: OrderStatus) -> OrderStatusView {
    match status {
        OrderStatus::Created => OrderStatusView::Created,
        OrderStatus::AwaitingPayment => OrderStatusView::AwaitingPayment,
        OrderStatus::Capturing => OrderStatusView::Paying,
        OrderStatus::Complete | OrderStatus::Refunding => OrderStatusView::Complete,
        OrderStatus::Refunded => OrderStatusView::Refunded,
        OrderStatus::Cancelled => OrderStatusView::Cancelled,
    }
}
