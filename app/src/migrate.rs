//! `ticketing migrate`: brings databases of services that run apart to the newest migration.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum as _;
use platform::clock::SystemClock;

use crate::compose::{self, Options};
use crate::settings::{MigrateSettings, ServiceName};
use crate::storage::{Databases, Storage};

/// How long it is waited for a server that starts at the same time.
const WITHIN: Duration = Duration::from_secs(30);

/// Migrates a service's database, or those of all.
///
/// # Errors
/// When one can't be reached, or has migrations that this program doesn't know.
pub async fn migrate(settings: &MigrateSettings) -> anyhow::Result<ExitCode> {
    let process = compose::process(
        &Options::offline(),
        compose::alone(Arc::new(SystemClock::new())),
        Vec::new(),
    );
    let storage = Storage::Databases(Databases {
        urls: settings.database.clone(),
        connections_max: 1,
        migrate: true,
        within: WITHIN,
    });
    let wanted = |name: &ServiceName| settings.service.is_none_or(|only| only == *name);
    for name in ServiceName::value_variants()
        .iter()
        .filter(|name| wanted(name))
    {
        let Some(schema) = compose::schema(*name) else {
            continue;
        };
        let (db, _) = storage.open(&process, schema).await?;
        if settings.restored {
            db.begin_new_life().await?;
        }
        println!("{}: at the newest migration", schema.name);
        if *name == ServiceName::Payments {
            storage.open_sandbox(&process).await?;
            println!("sandbox: at the newest migration");
        }
    }
    Ok(ExitCode::SUCCESS)
}
