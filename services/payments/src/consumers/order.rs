//! Orders: who may pay what until when, and what becomes of each payment.

use contracts::events::orders::{Order, OrderFact};
use contracts::ids::PaymentId;
use platform::{Consumer, Event, Result, Tx};

use crate::commands::adopt::adopt;
use crate::commands::decide;
use crate::flaws;
use crate::store::order_copies;

/// Keeps the copy, and does to payments what orders decided.
#[must_use]
pub fn consumer() -> Consumer {
    Consumer::of::<Order>()
        .copy(
            &["order_copies"],
            async |tx: &mut Tx, event: &Event<Order>| order_copies::put(tx, &event.state).await,
        )
        .react(react)
        .remove(async |tx: &mut Tx, subject: &str| order_copies::remove(tx, subject).await)
        .fell_back(fell_back)
        .build()
}

async fn fell_back(tx: &mut Tx, subject: &str, newest: Option<&Event<Order>>) -> Result<()> {
    match (newest, subject.parse()) {
        (None, Ok(order_id)) if !flaws::LOST_ORDER_KEPT.is_there() => {
            decide::forsake(tx, order_id).await
        }
        // What comes of an older state, its own events will tell.
        _ => Ok(()),
    }
}

async fn react(tx: &mut Tx, event: &Event<Order>) -> Result<()> {
    let order_id = event.state.id;
    for payment_id in named(event).into_iter().flatten() {
        adopt(tx, order_id, payment_id).await?;
    }
    match &event.fact {
        Some(OrderFact::Cancelled { .. }) => decide::cancel(tx, order_id).await,
        Some(OrderFact::Capturing { payment_id }) => {
            decide::choose(tx, order_id, *payment_id).await
        }
        Some(OrderFact::Completed { payment_id }) => decide::earn(tx, order_id, *payment_id).await,
        Some(OrderFact::PaymentRejected { payment_id }) => {
            decide::reject(tx, order_id, *payment_id).await
        }
        Some(OrderFact::RefundRequested {
            payment_id,
            amount_minor,
            ..
        }) => {
            let key = format!("refund:{}", event.id);
            decide::refund(tx, (order_id, *payment_id), &key, *amount_minor).await
        }
        Some(
            OrderFact::Created
            | OrderFact::AwaitingPayment
            | OrderFact::Extended
            | OrderFact::Refunded { .. },
        )
        | None => Ok(()),
    }
}

/// The payments of which the order speaks.
fn named(event: &Event<Order>) -> [Option<PaymentId>; 2] {
    let in_fact = match &event.fact {
        Some(
            OrderFact::Capturing { payment_id }
            | OrderFact::Completed { payment_id }
            | OrderFact::PaymentRejected { payment_id }
            | OrderFact::RefundRequested { payment_id, .. }
            | OrderFact::Refunded { payment_id, .. },
        ) => Some(*payment_id),
        _ => None,
    };
    [in_fact, event.state.payment_id]
}
