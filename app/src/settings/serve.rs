//! Settings of `ticketing serve` and of what goes with services that run apart.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};

use super::parse::parse_duration;
use super::site::SiteSettings;

/// What stands for the service's name in a database's URL.
const PLACEHOLDER: &str = "{service}";

/// A service that can run by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ServiceName {
    /// Users and sessions.
    Auth,
    /// Listings.
    Tickets,
    /// Who holds what.
    Orders,
    /// When holds end.
    Expiration,
    /// Money.
    Payments,
    /// Messages.
    Notifications,
    /// The pages.
    Web,
    /// The load balancer.
    Gateway,
}

impl ServiceName {
    /// As the others call it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Tickets => "tickets",
            Self::Orders => "orders",
            Self::Expiration => "expiration",
            Self::Payments => "payments",
            Self::Notifications => "notifications",
            Self::Web => "web",
            Self::Gateway => "gateway",
        }
    }
}

/// Settings of `ticketing serve`.
#[derive(Debug, Clone, Args)]
pub struct ServeSettings {
    /// Which service.
    pub service: ServiceName,
    /// The address to listen on; port 0 takes a free one.
    #[arg(long, env = "TICKETING_LISTEN", default_value = "127.0.0.1:3000")]
    pub listen: SocketAddr,
    /// Its database.
    #[command(flatten)]
    pub database: DatabaseSettings,
    /// How many connections to its database it makes at most.
    #[arg(long, env = "TICKETING_DATABASE_CONNECTIONS", default_value_t = 12, value_parser = clap::value_parser!(u32).range(2..=1_000))]
    pub database_connections: u32,
    /// Refuses to start on a database that lacks a migration, instead of bringing it there.
    #[arg(long, env = "TICKETING_NO_MIGRATE", value_parser = BoolishValueParser::new())]
    pub no_migrate: bool,
    /// The bus.
    #[command(flatten)]
    pub nats: NatsSettings,
    /// web: the load balancer, such as http://gateway:3000; the API is asked there by relative path.
    #[arg(long, env = "TICKETING_GATEWAY_URL")]
    pub gateway_url: Option<String>,
    /// gateway: where a service answers, `orders=host:port`; once for each replica, or for a name that
    /// stands for all of them.
    #[arg(long = "upstream", env = "TICKETING_UPSTREAMS", value_delimiter = ',')]
    pub upstreams: Vec<String>,
    /// auth: the key that signs sessions; `ticketing keys` makes one.
    #[arg(long, env = "TICKETING_SESSION_KEY", hide_env_values = true)]
    pub session_key: Option<String>,
    /// The public keys of sessions that are believed; several while a key is being replaced.
    #[arg(
        long = "session-public-key",
        env = "TICKETING_SESSION_PUBLIC_KEYS",
        value_delimiter = ','
    )]
    pub session_public_keys: Vec<String>,
    /// payments: what the payment provider signs its notices with, the same for all replicas; several
    /// while one is replaced. `ticketing keys` makes one.
    #[arg(
        long = "webhook-secret",
        env = "TICKETING_WEBHOOK_SECRETS",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub webhook_secrets: Vec<String>,
    /// auth, notifications: where mail is written to files when there is no --smtp-url.
    #[arg(long, env = "TICKETING_MAIL_DIR")]
    pub mail_dir: Option<PathBuf>,
    /// How long to wait at the start for a database or a bus that does not answer.
    #[arg(long, env = "TICKETING_CONNECT_WITHIN", default_value = "30s", value_parser = parse_duration)]
    pub connect_within: Duration,
    /// What matters to every composition.
    #[command(flatten)]
    pub site: SiteSettings,
}

/// Where the bus of services that run apart is.
#[derive(Debug, Clone, Args)]
pub struct NatsSettings {
    /// The servers of NATS with JetStream: nats://user:password@host:4222, several behind commas.
    #[arg(long, env = "TICKETING_NATS_URL", hide_env_values = true)]
    pub nats_url: Option<String>,
    /// A file with the user's JWT and seed (`.creds`), for servers that want one.
    #[arg(long, env = "TICKETING_NATS_CREDENTIALS")]
    pub nats_credentials: Option<PathBuf>,
    /// A file with the authorities (PEM) that sign the servers' certificates, instead of those that
    /// the machine trusts. tls://host:4222 encrypts.
    #[arg(long, env = "TICKETING_NATS_CA")]
    pub nats_ca: Option<PathBuf>,
    /// A file with the certificate (PEM) that is shown to servers that want one.
    #[arg(
        long,
        env = "TICKETING_NATS_CERTIFICATE",
        requires = "nats_certificate_key"
    )]
    pub nats_certificate: Option<PathBuf>,
    /// A file with its private key (PEM).
    #[arg(
        long,
        env = "TICKETING_NATS_CERTIFICATE_KEY",
        requires = "nats_certificate"
    )]
    pub nats_certificate_key: Option<PathBuf>,
    /// On how many servers NATS keeps each stream; 3 where it can, unless this says otherwise.
    #[arg(long, env = "TICKETING_NATS_REPLICAS", value_parser = clap::value_parser!(u8).range(1..=5))]
    pub nats_replicas: Option<u8>,
    /// What the names of streams and subjects begin with: tells several sites on one NATS apart.
    #[arg(long, env = "TICKETING_NATS_NAMESPACE", default_value = "ticketing")]
    pub nats_namespace: String,
}

/// Where the databases of services that run apart are.
#[derive(Debug, Clone, Default, Args)]
pub struct DatabaseSettings {
    /// PostgreSQL: postgresql://user:password@host:5432/{service}; {service} stands for the service's
    /// name.
    #[arg(
        long,
        env = "TICKETING_DATABASE_URL",
        hide_env_values = true,
        global = true
    )]
    pub database_url: Option<String>,
    /// A file with the authorities (PEM) that sign the database server's certificate, instead of those
    /// that the machine trusts. sslmode=require in the URL encrypts.
    #[arg(long, env = "TICKETING_DATABASE_CA", global = true)]
    pub database_ca: Option<PathBuf>,
    /// The sandbox provider's own database; --database-url with the name `sandbox` unless set.
    #[arg(
        long,
        env = "TICKETING_SANDBOX_DATABASE_URL",
        hide_env_values = true,
        global = true
    )]
    pub sandbox_database_url: Option<String>,
}

impl DatabaseSettings {
    /// Whether the services run apart.
    #[must_use]
    pub fn are_set(&self) -> bool {
        self.database_url.is_some()
    }

    /// The URL of a service's database.
    ///
    /// # Errors
    /// When it is not set.
    pub fn of(&self, service: &str) -> anyhow::Result<String> {
        let url = self.database_url.as_deref().context(
            "--database-url (TICKETING_DATABASE_URL) is missing: \
             postgresql://user:password@host:5432/database",
        )?;
        Ok(url.replace(PLACEHOLDER, service))
    }

    /// The URL of the sandbox provider's database.
    ///
    /// # Errors
    /// When it is neither set nor can be told from the service's.
    pub fn of_sandbox(&self) -> anyhow::Result<String> {
        if let Some(url) = &self.sandbox_database_url {
            return Ok(url.clone());
        }
        let is_template = |url: &String| url.contains(PLACEHOLDER);
        if self.database_url.as_ref().is_some_and(is_template) {
            return self.of("sandbox");
        }
        bail!(
            "--sandbox-database-url (TICKETING_SANDBOX_DATABASE_URL) is missing: the sandbox provider \
             keeps its records in a database of its own"
        )
    }
}

/// Settings of `ticketing migrate`.
#[derive(Debug, Clone, Args)]
pub struct MigrateSettings {
    /// Which service; all of them when none is named.
    pub service: Option<ServiceName>,
    /// The database.
    #[command(flatten)]
    pub database: DatabaseSettings,
    /// The database was restored from a backup: its log begins a new life. Stop the service first.
    #[arg(long)]
    pub restored: bool,
}

/// Settings of `ticketing keys`: there are none.
#[derive(Debug, Clone, Copy, Args)]
pub struct KeysSettings {}
