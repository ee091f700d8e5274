//! The payments service: authorises, and takes and gives back money when orders says so.

mod api;
pub mod audit;
mod commands;
mod consumers;
pub mod domain;
pub mod flaws;
mod jobs;
pub mod provider;
mod settings;
pub mod store;

use std::sync::Arc;
use std::time::Duration;

use platform::{Context, Job, Owned, Service};

use api::Doors;
use jobs::reconcile::Reconciler;
use jobs::settle::{SETTLE, Settlement};
use jobs::{heed, tell};

pub use settings::Settings;
pub use store::MIGRATIONS;

/// How often the settle job looks by itself; it is woken for everything that is due.
const SETTLE_EVERY: Duration = Duration::from_secs(1);

/// The service.
#[must_use]
pub fn service(settings: Settings) -> Service {
    let reconcile_every = settings.reconcile_every;
    let sandbox = settings.sandbox.clone();
    let teller = sandbox.clone().filter(|_| settings.tells);
    let settlement = Arc::new(Settlement::new(settings));
    let again = || Arc::clone(&settlement);
    let (settling, heeding, telling, doors) = (again(), again(), again(), again());
    let reconciler = Arc::new(Reconciler::new(settlement));
    let service = Service::new("payments", MIGRATIONS)
        .owned(Owned::of(store::payments::current))
        .routes(move |ctx: &Context| api::routes(Doors::new(ctx, doors), sandbox))
        .consumer(consumers::order::consumer())
        .job(Job::new(SETTLE, SETTLE_EVERY, move |ctx| {
            Arc::clone(&settling).run(ctx)
        }))
        .job(Job::new("reconcile", reconcile_every, move |ctx| {
            Arc::clone(&reconciler).run(ctx)
        }))
        .job(Job::new(heed::HEED, heed::HEED_EVERY, move |ctx| {
            heed::run(Arc::clone(&heeding), ctx)
        }));
    let Some(sandbox) = teller else {
        return service;
    };
    service.job(Job::new("tell", SETTLE_EVERY, move |ctx| {
        tell::run(Arc::clone(&sandbox), Arc::clone(&telling), ctx)
    }))
}
