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

use platform::db::Migration;
use platform::{Context, Job, Owned, Service};

use api::Doors;
use jobs::reconcile::Reconciler;
use jobs::settle::{SETTLE, Settlement};

pub use settings::Settings;

/// The history of the service's tables.
pub const MIGRATIONS: &[Migration] = &[
    Migration {
        name: "0001_payments",
        sqlite: include_str!("../migrations/0001_payments.sql"),
    },
    Migration {
        name: "0002_origins",
        sqlite: include_str!("../migrations/0002_origins.sql"),
    },
];

/// How often the settle job looks by itself; it is woken for everything that is due.
const SETTLE_EVERY: Duration = Duration::from_secs(1);

/// The service.
#[must_use]
pub fn service(settings: Settings) -> Service {
    let reconcile_every = settings.reconcile_every;
    let sandbox = settings.sandbox.clone();
    let settlement = Arc::new(Settlement::new(settings));
    let (settling, doors) = (Arc::clone(&settlement), Arc::clone(&settlement));
    let reconciler = Arc::new(Reconciler::new(settlement));
    Service::new("payments", MIGRATIONS)
        .owned(Owned::of(store::payments::current))
        .routes(move |ctx: &Context| api::routes(Doors::new(ctx, doors), sandbox))
        .consumer(consumers::order::consumer())
        .job(Job::new(SETTLE, SETTLE_EVERY, move |ctx| {
            Arc::clone(&settling).run(ctx)
        }))
        .job(Job::new("reconcile", reconcile_every, move |ctx| {
            Arc::clone(&reconciler).run(ctx)
        }))
}
