//! Brings a database to the newest migration, one step at a time.

use anyhow::{Context as _, bail};

/// One step of a database's history; never edited once it is merged.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// Sorts the steps: `0001_accounts`.
    pub name: &'static str,
    /// The statements for SQLite.
    pub sqlite: &'static str,
}

/// The tables of the platform in every service's database.
const PLATFORM: &[Migration] = &[Migration {
    name: "platform_0001",
    sqlite: include_str!("../../migrations/0001_platform.sql"),
}];

/// Runs what has not been run, each step in a transaction of its own.
pub(super) fn migrate(
    connection: &rusqlite::Connection,
    migrations: &[Migration],
) -> anyhow::Result<()> {
    connection.execute_batch(
        "create table if not exists migrations (name text primary key, place bigint not null)",
    )?;
    let done: Vec<String> = connection
        .prepare("select name from migrations order by place")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let known: Vec<&Migration> = PLATFORM.iter().chain(migrations).collect();
    if let Some(newer) = done
        .iter()
        .find(|name| known.iter().all(|step| step.name != **name))
    {
        bail!(
            "the database is at migration {newer}, which this version of the program does not know: use a newer version"
        );
    }
    for step in known {
        if done.iter().any(|name| name == step.name) {
            continue;
        }
        connection
            .execute_batch(&format!(
                "begin immediate; {}; insert into migrations (name, place) \
                 select '{}', count(*) from migrations; commit",
                step.sqlite, step.name
            ))
            .with_context(|| format!("migration {}", step.name))?;
    }
    Ok(())
}
