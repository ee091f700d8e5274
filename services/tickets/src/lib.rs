//! Tickets: sellers' listings, and the lock that orders hold on each.

mod api;
mod commands;
mod consumers;
mod domain;
pub mod flaws;
mod store;

use platform::db::Migration;
use platform::{Owned, Service};

/// The limits of a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How many Unicode characters a title may have.
    pub title_chars_max: usize,
    /// The highest price, in major units of any currency.
    pub price_major_max: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            title_chars_max: 200,
            price_major_max: 1_000_000,
        }
    }
}

/// The history of its tables.
pub const MIGRATIONS: &[Migration] = &[
    Migration {
        name: "0001_tickets",
        sqlite: include_str!("../migrations/0001_tickets.sql"),
    },
    Migration {
        name: "0002_expand_orders",
        sqlite: include_str!("../migrations/0002_expand_orders.sql"),
    },
];

/// The service.
#[must_use]
pub fn service(settings: Settings) -> Service {
    Service::new("tickets", MIGRATIONS)
        .owned(Owned::of(store::tickets::current))
        .routes(move |ctx| api::routes(ctx, settings))
        .consumer(consumers::orders::consumer())
}
