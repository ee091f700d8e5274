//! Waiting for what has just been made elsewhere, so that it can be used here at once.

use std::time::Duration;

use platform::random::uuid_time;
use platform::{Context, Result};
use uuid::Uuid;

/// An unknown id that is younger than this is worth waiting for.
const FRESH: Duration = Duration::from_secs(5);

/// How long a request waits for an event that is on its way.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// Whether the id's own time (version 7) lies within [`FRESH`] of now, in either direction: the clock
/// of the machine that made it may be ahead.
pub fn is_fresh(ctx: &Context, id: Uuid) -> bool {
    let fresh = i128::try_from(FRESH.as_nanos()).unwrap_or(i128::MAX);
    uuid_time(id).is_some_and(|time| ctx.now().duration_since(time).as_nanos().abs() < fresh)
}

/// Looks for what has this id: once, or for up to [`PATIENCE`] while it is fresh.
pub async fn find<T>(
    ctx: &Context,
    id: Uuid,
    look: impl AsyncFn() -> Result<Option<T>>,
) -> Result<Option<T>> {
    let limit = if is_fresh(ctx, id) {
        PATIENCE
    } else {
        Duration::ZERO
    };
    ctx.wait_for(limit, look).await
}
