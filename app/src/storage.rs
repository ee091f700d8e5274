//! Where the services keep their data: files of one directory, or databases of a server.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use platform::db::{Db, PostgresSettings, Wakers};
use platform::run::{Process, open_embedded, open_shared};
use platform::tls::Authorities;
use platform::{Failure, Schema};

use crate::settings::DatabaseSettings;

/// The pause before a server that did not answer is asked again.
const AGAIN: Duration = Duration::from_millis(500);

/// Where data is kept.
#[derive(Debug, Clone)]
pub enum Storage {
    /// SQLite files in this directory, for this process alone.
    Files(PathBuf),
    /// PostgreSQL databases.
    Databases(Databases),
}

/// PostgreSQL databases, and how they are opened.
#[derive(Debug, Clone)]
pub struct Databases {
    /// Their URLs.
    pub urls: DatabaseSettings,
    /// How many connections to each.
    pub connections_max: usize,
    /// Whether they are brought to the newest migration.
    pub migrate: bool,
    /// How long it is waited for a server that does not answer.
    pub within: Duration,
}

/// The database of a service among what must be ready.
#[must_use]
pub fn check(service: &str) -> String {
    format!("database of {service}")
}

impl Databases {
    /// For looking at what is there.
    #[must_use]
    pub fn to_look_at(urls: DatabaseSettings) -> Self {
        Self {
            urls,
            connections_max: 4,
            migrate: false,
            within: Duration::ZERO,
        }
    }

    fn settings(&self, url: String) -> anyhow::Result<PostgresSettings> {
        let authorities = self.urls.database_ca.as_deref().map(Authorities::read);
        Ok(PostgresSettings {
            url,
            connections_max: self.connections_max,
            migrate: self.migrate,
            authorities: authorities
                .transpose()
                .context("--database-ca (TICKETING_DATABASE_CA)")?,
        })
    }

    /// Waits a little if that may help; otherwise the error it is.
    async fn wait_after(
        &self,
        error: anyhow::Error,
        (process, check): (&Process, &str),
        began: Duration,
    ) -> anyhow::Result<()> {
        let silent = matches!(error.downcast_ref(), Some(Failure::Unavailable(_)));
        if !silent || process.clock.elapsed().saturating_sub(began) >= self.within {
            return Err(error);
        }
        let error = format!("{error:#}");
        tracing::warn!(error, "waiting for the database");
        process.readiness.fail(check, &error);
        process.clock.sleep(AGAIN).await;
        Ok(())
    }
}

impl Storage {
    /// Opens the database of a service.
    ///
    /// # Errors
    /// When it can't be opened; the setting is named.
    pub async fn open(&self, process: &Process, schema: Schema) -> anyhow::Result<(Db, Wakers)> {
        let databases = match self {
            Self::Files(directory) => return open_embedded(process, directory, schema),
            Self::Databases(databases) => databases,
        };
        let settings = databases.settings(databases.urls.of(schema.name)?)?;
        let began = process.clock.elapsed();
        let check = check(schema.name);
        loop {
            match open_shared(process, &settings, schema).await {
                Ok(opened) => {
                    process.readiness.set(&check, true);
                    return Ok(opened);
                }
                Err(error) => databases
                    .wait_after(error, (process, &check), began)
                    .await
                    .with_context(|| format!("--database-url ({})", schema.name))?,
            }
        }
    }

    /// Opens the database of the sandbox provider.
    ///
    /// # Errors
    /// When it can't be opened; the setting is named.
    pub async fn open_sandbox(&self, process: &Process) -> anyhow::Result<Db> {
        let schema = Schema {
            name: "sandbox",
            migrations: payments::provider::sandbox::MIGRATIONS,
        };
        let databases = match self {
            Self::Files(_) => return Ok(self.open(process, schema).await?.0),
            Self::Databases(databases) => databases,
        };
        let url = databases.urls.of_sandbox()?;
        let urls = DatabaseSettings {
            database_url: Some(url),
            sandbox_database_url: None,
            ..databases.urls.clone()
        };
        let sandbox = Self::Databases(Databases {
            urls,
            ..databases.clone()
        });
        Ok(Box::pin(sandbox.open(process, schema)).await?.0)
    }
}
