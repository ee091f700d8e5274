//! notifications: tells people by mail what became of their orders and tickets, each thing once.

mod api;
pub mod audit;
mod commands;
mod consumers;
mod domain;
mod jobs;
mod settings;
mod store;

use std::sync::Arc;

use platform::Service;
use platform::db::Migration;

pub use settings::Settings;

/// The history of notifications' tables.
pub const MIGRATIONS: &[Migration] = &[
    Migration {
        name: "0001_notifications",
        sqlite: include_str!("../migrations/0001_notifications.sql"),
    },
    Migration {
        name: "0002_expand_holder",
        sqlite: include_str!("../migrations/0002_expand_holder.sql"),
    },
];

/// The service.
#[must_use]
pub fn service(settings: Settings) -> Service {
    let Settings {
        mailer,
        public_url,
        dev_mail,
    } = settings;
    let site: Arc<str> = public_url.trim_end_matches('/').into();
    let service = Service::new("notifications", MIGRATIONS)
        .consumer(consumers::user::consumer())
        .consumer(consumers::order::consumer(Arc::clone(&site)))
        .consumer(consumers::ticket::consumer(site))
        .job(jobs::send::job(mailer))
        .job(jobs::forgetting::job());
    match dev_mail {
        Some(files) => service.routes(move |_| api::dev_mail::routes(files)),
        None => service,
    }
}
