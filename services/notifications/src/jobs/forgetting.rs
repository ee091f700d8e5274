//! Empties messages that were sent a month ago: who was told what is nobody's business any more.

use std::time::Duration;

use contracts::Timestamp;
use platform::{Context, Job, Result, Tx};

use crate::store::messages;

/// How often it looks.
const INTERVAL: Duration = Duration::from_secs(3600);

/// For how long a message is kept whole, for whoever is asked what was written.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// How many rows one transaction empties, so that it holds the writer for a moment only.
const BATCH: i64 = 500;

/// The job.
pub fn job() -> Job {
    Job::new("forgetting", INTERVAL, async move |ctx: Context| {
        while forget(&ctx).await? >= BATCH.unsigned_abs() {}
        Ok(None)
    })
}

async fn forget(ctx: &Context) -> Result<u64> {
    ctx.db
        .write(async move |tx: &mut Tx| {
            let before = tx.now().checked_sub(KEPT).unwrap_or(Timestamp::MIN);
            messages::forget(tx, before, BATCH).await
        })
        .await
}
