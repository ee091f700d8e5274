//! The connections to one database: how many, how long anything may take, over which transport.

use std::rc::Rc;
use std::time::Duration;

use anyhow::{anyhow, bail};
use deadpool_postgres::{
    Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime,
};
use tokio_postgres::{Config, NoTls};

use super::encryption;
use super::pipeline::Understood;
use crate::failure::{Failure, Result};
use crate::tls::Authorities;

/// How long it may take to make a connection, and how long a transaction waits for a free one.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// What every connection asks of the server: a statement that takes longer than the request that
/// waits for it is ended, and a process that stands still holds its locks for seconds at most. Statements
/// look few rows up by index, whatever the values: planning them anew costs as much as running them.
const SESSION: &str = "-c statement_timeout=30s -c lock_timeout=10s \
                       -c idle_in_transaction_session_timeout=15s -c timezone=UTC \
                       -c plan_cache_mode=force_generic_plan";

/// How a service reaches its PostgreSQL database.
#[derive(Clone)]
pub struct PostgresSettings {
    /// `postgresql://user:password@host:port/database?sslmode=…`.
    pub url: String,
    /// How many connections a process has at most; they are made when needed.
    pub connections_max: usize,
    /// Whether to bring the database to the newest migration; if not, it must be there.
    pub migrate: bool,
    /// Who must have signed the server's certificate, instead of whom the machine trusts.
    pub authorities: Option<Authorities>,
}

impl std::fmt::Debug for PostgresSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The URL holds a password.
        f.debug_struct("PostgresSettings")
            .field("connections_max", &self.connections_max)
            .finish_non_exhaustive()
    }
}

impl PostgresSettings {
    /// The usual number of connections, and migrations at the start.
    #[must_use]
    pub fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            connections_max: 12,
            migrate: true,
            authorities: None,
        }
    }
}

/// A pool that has not connected yet, and where it will.
///
/// # Errors
/// When the URL is not one.
pub(super) fn build(settings: &PostgresSettings, service: &str) -> anyhow::Result<(Pool, String)> {
    let mut config = parse(&settings.url)?;
    if config.get_dbname().is_none() {
        bail!("it names no database: postgresql://user:password@host:port/database");
    }
    let options = match config.get_options() {
        Some(given) => format!("{SESSION} {given}"),
        None => SESSION.to_owned(),
    };
    config.options(&options);
    config.connect_timeout(CONNECT_WITHIN);
    config.keepalives_idle(Duration::from_secs(10));
    config.tcp_user_timeout(Duration::from_secs(15));
    if config.get_application_name().is_none() {
        config.application_name(format!("ticketing-{service}"));
    }
    let place = place(&config);
    let recycling = ManagerConfig {
        recycling_method: RecyclingMethod::Fast,
    };
    let manager = if encryption::is_off(&config) {
        Manager::from_config(config, NoTls, recycling)
    } else {
        Manager::from_config(
            config,
            encryption::connector(settings.authorities.as_ref()),
            recycling,
        )
    };
    let pool = Pool::builder(manager)
        .max_size(settings.connections_max.max(1))
        .create_timeout(Some(CONNECT_WITHIN))
        .wait_timeout(Some(CONNECT_WITHIN))
        .recycle_timeout(Some(CONNECT_WITHIN))
        .runtime(Runtime::Tokio1)
        .build()?;
    Ok((pool, place))
}

fn parse(url: &str) -> anyhow::Result<Config> {
    url.parse().map_err(|error: tokio_postgres::Error| {
        let why = super::errors::chain(&error);
        // The only value that people write for other programs and that this one lacks.
        if why.contains("sslmode") {
            anyhow!(
                "sslmode can be disable, prefer or require, which checks the certificate and its name \
                 too ({why})"
            )
        } else {
            anyhow!("{why}").context("it must be postgresql://user:password@host:port/database")
        }
    })
}

/// Hosts and ports, as they stand in the URL.
fn place(config: &Config) -> String {
    use tokio_postgres::config::Host;
    let ports = config.get_ports();
    let hosts = config.get_hosts().iter().enumerate().map(|(number, host)| {
        // One port may stand for all hosts; 5432 is the usual one.
        let port = ports.get(number).or(ports.first()).unwrap_or(&5432);
        match host {
            Host::Tcp(name) => format!("{name}:{port}"),
            Host::Unix(folder) => format!("{} (port {port})", folder.display()),
        }
    });
    hosts.collect::<Vec<_>>().join(", ")
}

/// What lives on the database's thread.
pub(super) struct Worker {
    pool: Pool,
    /// The server's hosts and ports.
    place: String,
    pub(super) understood: Rc<Understood>,
}

impl Worker {
    pub(super) fn new((pool, place): (Pool, String)) -> Self {
        Self {
            pool,
            place,
            understood: Rc::default(),
        }
    }

    /// A connection of the pool.
    pub(super) async fn client(&self) -> Result<Object> {
        self.pool.get().await.map_err(unavailable)
    }

    /// The first connection. What no waiting mends is not called unavailable, and says what to do.
    pub(super) async fn first_client(&self) -> Result<Object> {
        let error = match self.pool.get().await {
            Ok(client) => return Ok(client),
            Err(error) => error,
        };
        if let PoolError::Backend(refused) = &error
            && let Some(remedy) = super::errors::remedy(refused)
        {
            let why = super::errors::chain(refused);
            return Err(Failure::Broken(anyhow!("{why}: {remedy}")));
        }
        let (place, why) = (&self.place, unavailable(error));
        Err(Failure::Unavailable(format!(
            "no PostgreSQL server is ready at {place} ({why}): start it, or correct the address"
        )))
    }
}

fn unavailable(error: PoolError) -> Failure {
    match error {
        PoolError::Timeout(_) => {
            Failure::Unavailable("no connection to the database in time".to_owned())
        }
        PoolError::Backend(error) => Failure::Unavailable(super::errors::chain(&error)),
        other => Failure::Unavailable(other.to_string()),
    }
}
