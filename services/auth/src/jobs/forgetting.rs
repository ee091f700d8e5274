//! Deletes sessions and reset links that have been over for a day.

use std::time::Duration;

use contracts::Timestamp;
use platform::db::Tx;
use platform::{Context, Job, Result};

use crate::store::{password_resets, sessions};

/// How often it looks.
const INTERVAL: Duration = Duration::from_secs(3600);

/// How long what is over is kept, for whoever looks into what happened.
const KEPT: Duration = Duration::from_secs(24 * 3600);

/// How many rows one transaction deletes, so that it holds the writer for a moment only.
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
            let sessions = sessions::delete_expired(tx, before, BATCH).await?;
            let resets = password_resets::delete_expired(tx, before, BATCH).await?;
            Ok(sessions.max(resets))
        })
        .await
}
