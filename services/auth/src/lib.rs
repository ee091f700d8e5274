//! auth: who somebody is. People, their passwords and where they are signed in.

mod api;
mod commands;
mod domain;
mod failures;
mod hashing;
mod jobs;
mod settings;
mod store;

use std::sync::Arc;

use platform::db::Migration;
use platform::{Owned, Service};

use hashing::Memory;

pub use hashing::Cost;
pub use settings::Settings;

/// The history of auth's tables.
pub const MIGRATIONS: &[Migration] = &[Migration {
    name: "0001_auth",
    sqlite: include_str!("../migrations/0001_auth.sql"),
}];

/// The service.
#[must_use]
pub fn service(settings: Settings) -> Service {
    let (settings, memory) = (Arc::new(settings), Memory::default());
    Service::new("auth", MIGRATIONS)
        .owned(Owned::of(store::users::current))
        .owned(Owned::of(store::sessions::current).forgets())
        .job(jobs::reset_mails::job(Arc::clone(&settings)))
        .job(jobs::forgetting::job())
        .job(jobs::memory::job(memory.clone()))
        .routes(move |ctx| api::routes(ctx, settings, memory))
}
