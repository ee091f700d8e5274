//! Expiration: tells the time to orders, and decides nothing.

mod commands;
mod consumers;
mod domain;
pub mod flaws;
mod jobs;
mod store;

use std::time::Duration;

use platform::Service;
use platform::db::Migration;

pub use domain::repeat::Repeats;

/// How timers ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How many timers ring in one transaction: enough that a sync is shared by many, few enough
    /// that the events of orders wait for some milliseconds only.
    pub batch_max: i64,
    /// How long a timer that nobody has answered waits before it rings again.
    pub repeats: Repeats,
}

impl Default for Settings {
    fn default() -> Self {
        let repeats = Repeats {
            first: Duration::from_millis(500),
            longest: Duration::from_secs(30),
            per_unanswered: Duration::from_micros(100),
        };
        Self {
            batch_max: 500,
            repeats,
        }
    }
}

/// The history of its tables.
pub const MIGRATIONS: &[Migration] = &[
    Migration {
        name: "0001_expiration",
        sqlite: include_str!("../migrations/0001_expiration.sql"),
    },
    Migration {
        name: "0002_origins",
        sqlite: include_str!("../migrations/0002_origins.sql"),
    },
];

/// The service.
#[must_use]
pub fn service(settings: Settings) -> Service {
    Service::new("expiration", MIGRATIONS)
        .consumer(consumers::orders::consumer())
        .job(jobs::ring::job(settings))
}
