//! Orders: who claims a ticket, and what became of it.

use contracts::events::orders::{Order, OrderFact, OrderStatus};
use platform::{Consumer, Event, Result, Tx};

use crate::commands::lock;
use crate::domain::Claim;

/// Moves the locks. Tickets keeps no copy of orders.
#[must_use]
pub fn consumer() -> Consumer {
    Consumer::of::<Order>()
        .react(async |tx: &mut Tx, event: &Event<Order>| react(tx, event).await)
        .fell_back(fell_back)
        .build()
}

async fn fell_back(tx: &mut Tx, subject: &str, newest: Option<&Event<Order>>) -> Result<()> {
    match (newest, subject.parse()) {
        (None, Ok(order_id)) => lock::forsake(tx, order_id).await,
        // What comes of an older state, its own events will tell.
        _ => Ok(()),
    }
}

async fn react(tx: &mut Tx, Event { state, fact, .. }: &Event<Order>) -> Result<()> {
    let (id, order_id) = (state.ticket_id, state.id);
    match fact {
        Some(OrderFact::Created) => {
            let (epoch, offer_version) = (state.epoch, state.offer_version);
            let claim = Claim {
                order_id,
                epoch,
                offer_version,
                price: state.price(),
            };
            lock::claim(tx, id, claim).await
        }
        Some(OrderFact::Cancelled { .. }) => lock::let_go(tx, id, order_id).await,
        Some(OrderFact::Completed { .. }) => lock::sell(tx, id, order_id, state.epoch).await,
        Some(OrderFact::Refunded { fate, .. }) if state.status == OrderStatus::Refunded => {
            lock::take_back(tx, id, order_id, *fate).await
        }
        Some(
            OrderFact::AwaitingPayment
            | OrderFact::Extended
            | OrderFact::Capturing { .. }
            | OrderFact::PaymentRejected { .. }
            | OrderFact::RefundRequested { .. }
            | OrderFact::Refunded { .. },
        )
        | None => Ok(()),
    }
}
