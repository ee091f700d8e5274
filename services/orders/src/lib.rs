//! Orders: the only judge of who holds a ticket, and of payment against expiry.

mod api;
mod commands;
mod consumers;
mod domain;
pub mod flaws;
mod store;

use std::time::Duration;

use platform::db::Migration;
use platform::{Owned, Service};

/// What an operator can set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long a ticket is held for its buyer.
    pub hold: Duration,
    /// How long the first payment that begins in time keeps an order, at least.
    pub grace: Duration,
    /// How many orders that wait for money a buyer may have.
    pub unpaid_holds_max: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            hold: Duration::from_secs(15 * 60),
            grace: Duration::from_secs(5 * 60),
            unpaid_holds_max: 10,
        }
    }
}

/// The history of its tables.
pub const MIGRATIONS: &[Migration] = &[Migration {
    name: "0001_orders",
    sqlite: include_str!("../migrations/0001_orders.sql"),
}];

/// The orders service.
#[must_use]
pub fn service(settings: Settings) -> Service {
    let grace = settings.grace;
    Service::new("orders", MIGRATIONS)
        .owned(Owned::of(store::orders::current))
        .routes(move |ctx| api::routes(ctx, settings))
        .consumer(consumers::ticket::consumer())
        .consumer(consumers::timer::consumer())
        .consumer(consumers::payment::consumer(grace))
}
