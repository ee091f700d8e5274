//! Orders: until when each can be paid, and whether it still matters.

use contracts::events::orders::Order;
use platform::{Consumer, Event, Result, Tx};

use crate::commands::follow::follow;
use crate::flaws;
use crate::store::{order_copies, timers};

/// Keeps the copy, and arms and disarms the timers.
#[must_use]
pub fn consumer() -> Consumer {
    Consumer::of::<Order>()
        .copy(
            &["order_copies"],
            async |tx: &mut Tx, event: &Event<Order>| order_copies::put(tx, &event.state).await,
        )
        .react(async |tx: &mut Tx, event: &Event<Order>| follow(tx, &event.state).await)
        .remove(async |tx: &mut Tx, order_id: &str| forget(tx, order_id).await)
        .fell_back(fell_back)
        .build()
}

/// An order that had ended may wait for its time again.
async fn fell_back(tx: &mut Tx, _: &str, newest: Option<&Event<Order>>) -> Result<()> {
    match newest {
        Some(event) if !flaws::TIMER_GONE.is_there() => follow(tx, &event.state).await,
        _ => Ok(()),
    }
}

/// Orders lost the order with its newer backup: there is nobody left to ring for.
async fn forget(tx: &mut Tx, order_id: &str) -> Result<()> {
    timers::remove(tx, order_id).await?;
    order_copies::remove(tx, order_id).await
}
