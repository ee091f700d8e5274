//! Rings the timers whose time has come.

use contracts::events::expiration::{Timer, TimerFact, TimerState};
use platform::clock::later;
use platform::{Result, Tx};

use crate::Settings;
use crate::store::timers;

/// Rings at most one batch of timers, of which `unanswered` had rung before. How many did.
///
/// # Errors
/// When the database does not answer.
pub async fn ring(tx: &mut Tx, unanswered: u32, settings: Settings) -> Result<u32> {
    let now = tx.now();
    let due = timers::due(tx, now, settings.batch_max).await?;
    let count = u32::try_from(due.len()).unwrap_or(u32::MAX);
    let unanswered = unanswered.saturating_add(count);
    for timer in due {
        let rings = timer.rings.saturating_add(1);
        let next_at = later(now, settings.repeats.wait_after(rings, unanswered));
        tx.resume(timer.origin.clone(), async |tx: &mut Tx| {
            say_due(tx, &timer).await?;
            timers::rung(tx, timer.order_id, rings, next_at).await
        })
        .await?;
    }
    Ok(count)
}

async fn say_due(tx: &mut Tx, timer: &timers::Timer) -> Result<()> {
    let subject = timer.order_id.to_string();
    let state = TimerState {
        order_id: timer.order_id,
        due_at: timer.due_at,
    };
    let head = tx.head::<Timer>(&subject).await?;
    tx.append::<Timer>(&subject, head, &TimerFact::Due, &state)
        .await
        .map(drop)
}
