//! Timers: an order's time may be up.

use contracts::events::expiration::{Timer, TimerFact};
use platform::{Consumer, Event, Result, Tx};

use crate::commands::hear::hear;

/// Looks at the clock when a timer rings.
#[must_use]
pub fn consumer() -> Consumer {
    Consumer::of::<Timer>().react(react).build()
}

async fn react(tx: &mut Tx, event: &Event<Timer>) -> Result<()> {
    let now = tx.now();
    match event.fact {
        Some(TimerFact::Due) => hear(tx, event.state.order_id, |order| order.timer_due(now)).await,
        None => Ok(()),
    }
}
