//! PostgreSQL databases for tests: each test its own, on a server that is there or of its own.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, bail};
use platform::db::PostgresSettings;
pub use servers::postgres::Postgres;
use servers::postgres::Reached;

/// Names the port of a server that all tests of a run share; `cargo xtask test` starts one, because
/// making a server takes longer than most tests.
pub const SHARED: &str = "TESTS_POSTGRES";

/// Makes every [`crate::World`] keep its data in PostgreSQL, when it says so.
pub const DATABASE: &str = "TESTS_DATABASE";

/// Where the databases of a world are, if this run keeps its data in PostgreSQL.
#[derive(Debug)]
pub struct Databases {
    server: Server,
    known: Mutex<HashMap<&'static str, PostgresSettings>>,
}

impl Databases {
    /// A server, if this run is to keep its data in one.
    ///
    /// # Errors
    /// When it does not start.
    pub fn wanted() -> Result<Option<Arc<Self>>> {
        match std::env::var(DATABASE).as_deref() {
            Ok("postgres") => Self::new().map(Some),
            Ok(other) => bail!("{DATABASE}={other}: it can be postgres"),
            Err(_) => Ok(None),
        }
    }

    /// A server.
    ///
    /// # Errors
    /// When it does not start.
    pub fn new() -> Result<Arc<Self>> {
        Ok(Arc::new(Self {
            server: Server::get()?,
            known: Mutex::default(),
        }))
    }

    /// The database of a service: the same each time.
    ///
    /// # Errors
    /// When the server does not answer.
    pub fn of(&self, service: &'static str) -> Result<PostgresSettings> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(settings) = known.get(service) {
            return Ok(settings.clone());
        }
        let settings = self.server.database(service)?;
        known.insert(service, settings.clone());
        Ok(settings)
    }
}

/// Backups, as whoever runs the server makes them.
impl Databases {
    pub(crate) fn dump(&self, service: &'static str, file: &Path) -> Result<()> {
        self.server.reached().dump(&self.name(service)?, file)
    }

    pub(crate) fn restore(&self, service: &'static str, file: &Path) -> Result<()> {
        self.server.reached().restore(&self.name(service)?, file)
    }

    pub(crate) fn empty(&self, service: &'static str) -> Result<()> {
        self.server.reached().empty(&self.name(service)?)
    }

    /// What the database of a service is called.
    fn name(&self, service: &'static str) -> Result<String> {
        let url = self.of(service)?.url;
        let name = url.rsplit_once('/').context("a URL with a database")?.1;
        Ok(name.to_owned())
    }
}

/// A server for one test.
#[derive(Debug)]
pub enum Server {
    /// It belongs to whoever runs the tests.
    Shared(Reached),
    /// It goes with the test.
    Own(Box<Postgres>),
}

impl Server {
    /// The server that the tests share, or else one of this test's own.
    ///
    /// # Errors
    /// When PostgreSQL is not installed or does not start.
    pub fn get() -> Result<Self> {
        match std::env::var(SHARED) {
            Ok(port) => {
                let port = port.parse().with_context(|| format!("{SHARED}={port}"))?;
                Ok(Self::Shared(Reached::at(port)?))
            }
            Err(_) => Ok(Self::Own(Box::new(Postgres::temporary(false)?))),
        }
    }

    /// Makes an empty database and says how to reach it.
    ///
    /// # Errors
    /// When the server does not answer.
    pub fn database(&self, service: &str) -> Result<PostgresSettings> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{service}_{}_{number}", std::process::id());
        self.reached().create_database(&name)?;
        Ok(PostgresSettings {
            connections_max: 6,
            ..PostgresSettings::new(&self.reached().url(&name))
        })
    }

    /// How to reach it.
    #[must_use]
    pub fn reached(&self) -> &Reached {
        match self {
            Self::Shared(reached) => reached,
            Self::Own(server) => server.reached(),
        }
    }
}
