//! Sleeps until the first timer's time has come, then rings all that are due.

use std::time::Duration;

use platform::clock::until;
use platform::{Context, Job, Result, Tx};

use crate::Settings;
use crate::commands;
use crate::domain::timer::is_due;
use crate::store::timers;

/// Wakes the job.
pub const RING: &str = "ring";

/// How often the job looks without having been woken and without a timer: a net under the wake-ups.
const INTERVAL: Duration = Duration::from_secs(30);

/// The pause before it looks again at what another replica was ringing.
const OTHERS_PAUSE: Duration = Duration::from_millis(50);

/// The job.
#[must_use]
pub fn job(settings: Settings) -> Job {
    Job::new(RING, INTERVAL, move |ctx| ring_all(ctx, settings)).for_all_replicas()
}

/// Rings until nothing is due. How long until the next timer is.
async fn ring_all(ctx: Context, settings: Settings) -> Result<Option<Duration>> {
    let mut unanswered = None;
    loop {
        let first = ctx
            .db
            .read(async |tx: &mut Tx| timers::first(tx).await)
            .await?;
        let Some(next_at) = first else {
            return Ok(None);
        };
        let now = ctx.now();
        if !is_due(next_at, now) {
            return Ok(Some(until(now, next_at).min(INTERVAL)));
        }
        let before = match unanswered {
            Some(counted) => counted,
            None => {
                ctx.db
                    .read(async |tx: &mut Tx| timers::unanswered(tx).await)
                    .await?
            }
        };
        let rung = ctx
            .db
            .write(async move |tx: &mut Tx| commands::ring::ring(tx, before, settings).await)
            .await?;
        if rung == 0 {
            // Another replica is ringing what is due.
            return Ok(Some(OTHERS_PAUSE));
        }
        unanswered = Some(before.saturating_add(rung));
    }
}
