//! The sandbox tells this service what becomes of charges: through the door that any provider uses,
//! with everything around it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use futures::{StreamExt, stream};
use platform::http::layers::{LayerSettings, layered};
use platform::{Context, Result};
use tower::ServiceExt as _;

use super::settle::Settlement;
use crate::api::{self, Doors};
use crate::provider::sandbox::Sandbox;
use crate::provider::sandbox::notices::Parcel;

/// How often it looks for what another replica has left to be told; it is woken by its own.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// How many notices are under way at the same time.
const AT_ONCE: usize = 64;

/// Tells what is due, then waits for more.
///
/// # Errors
/// When the provider's database does not answer.
pub async fn run(
    sandbox: Arc<Sandbox>,
    settlement: Arc<Settlement>,
    ctx: Context,
) -> Result<Option<Duration>> {
    let mut around = LayerSettings::new(Arc::clone(&ctx.clock), Arc::clone(&ctx.random));
    around.public_url.clone_from(&ctx.public_url);
    let doors = api::routes(Doors::new(&ctx, settlement), None);
    let router = layered(doors.split_for_parts().0, &around);
    let news = sandbox.news();
    let limit = i64::try_from(AT_ONCE).unwrap_or(1);
    loop {
        let due = sandbox.due(limit).await?;
        if due.parcels.is_empty() {
            tokio::select! {
                biased;
                () = news.notified() => {}
                () = ctx.clock.sleep(due.next.unwrap_or(TELL_EVERY).min(TELL_EVERY)) => {}
            }
            continue;
        }
        let sending: Vec<_> = due
            .parcels
            .into_iter()
            .map(|parcel| send(router.clone(), parcel))
            .collect();
        let outcomes = stream::iter(sending).buffer_unordered(AT_ONCE).collect();
        sandbox.sent(outcomes.await).await?;
    }
}

/// Sends a notice; whether it was heard.
async fn send(router: Router, parcel: Parcel) -> (Parcel, bool) {
    let answered = match parcel.request() {
        Ok(request) => router.oneshot(request).await,
        Err(error) => {
            tracing::error!(%error, id = parcel.id, "a notice can't be sent");
            return (parcel, false);
        }
    };
    let is_heard = match answered {
        Ok(answer) => answer.status().is_success(),
        Err(never) => match never {},
    };
    (parcel, is_heard)
}
