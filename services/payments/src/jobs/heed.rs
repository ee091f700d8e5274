//! Looks up the payments of which the provider said something.

use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use platform::clock::until;
use platform::{Context, Result, Tx};

use super::settle::Settlement;
use crate::domain::retry;
use crate::store::hints::{self, Hint};
use crate::store::payments;

/// The job's name, which wakes it.
pub const HEED: &str = "heed";

/// How often it looks by itself; it is woken for everything that is due.
pub const HEED_EVERY: Duration = Duration::from_secs(1);

/// How many are looked up at the same time.
const AT_ONCE: usize = 16;

/// Looks up everything that is due; says when the next is.
///
/// # Errors
/// When the database does not answer. A provider that does not is asked again later.
pub async fn run(settlement: Arc<Settlement>, ctx: Context) -> Result<Option<Duration>> {
    loop {
        let replica = Arc::clone(&ctx.replica);
        let look = async move |tx: &mut Tx| hints::next_due(tx, &replica).await;
        let Some(due) = ctx.db.read(look).await? else {
            return Ok(None);
        };
        let wait = until(ctx.now(), due);
        if !wait.is_zero() {
            return Ok(Some(wait));
        }
        let taker = settlement.taker(&ctx);
        let limit = i64::try_from(AT_ONCE).unwrap_or(1);
        let taken = async move |tx: &mut Tx| hints::take_due(tx, limit, &taker).await;
        let looks: Vec<_> = ctx
            .db
            .write(taken)
            .await?
            .into_iter()
            .map(|hint| look_up(&settlement, &ctx, hint))
            .collect();
        let mut looks = stream::iter(looks).buffer_unordered(AT_ONCE);
        while let Some(looked) = looks.next().await {
            looked?;
        }
    }
}

async fn look_up(settlement: &Settlement, ctx: &Context, hint: Hint) -> Result<()> {
    let origin = hint.origin.clone();
    let work = async {
        let id = hint.payment_id;
        let read = async move |tx: &mut Tx| payments::find(tx, id).await;
        let answered = match ctx.db.read(read).await? {
            Some(stored) => settlement.compare(ctx, stored.payment).await?,
            None => true,
        };
        let finish = async move |tx: &mut Tx| {
            if answered {
                hints::remove(tx, &hint).await
            } else {
                hints::postpone(tx, &hint, retry::pause(hint.attempts)).await
            }
        };
        ctx.db.write(finish).await
    };
    origin.resume(work).await
}
