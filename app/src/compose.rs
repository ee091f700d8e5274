//! The list of services, and what those of one process share.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use payments::provider::sandbox::Sandbox;
use payments::provider::sandbox::behaviour::Behaviour;
use payments::provider::signature::Secret;
use platform::bus::Bus;
use platform::bus::in_process::InProcessBus;
use platform::clock::SystemClock;
use platform::db::Db;
use platform::gate::GateSettings;
use platform::http::health::Readiness;
use platform::mail::{FileMailer, Mailer, SmtpMailer};
use platform::random::SystemRandom;
use platform::run::{Prepared, Process, prepare};
use platform::session::{PublicKey, SigningKey};
use platform::tasks::Tasks;
use platform::{Clock, Schema, Service};

use crate::settings::{LimitSettings, ServiceName, SiteSettings};
use crate::storage::Storage;

/// Who mail comes from unless a setting says otherwise.
pub const MAIL_FROM: &str = "tickets@localhost";

/// What an operator has decided, for every service.
#[derive(Debug, Clone)]
pub struct Options {
    /// The address under which people reach the site.
    pub public_url: Option<String>,
    /// Where links in mail lead when there is no public URL.
    pub address: String,
    /// How long a ticket is held.
    pub order_hold: Duration,
    /// How long a payment that began in time keeps its order.
    pub payment_grace: Duration,
    /// How much is taken.
    pub limits: LimitSettings,
    /// Where mail is handed over; files without it.
    pub smtp_url: Option<String>,
    /// Where those files are written.
    pub mail_dir: Option<PathBuf>,
    /// Who mail comes from.
    pub mail_from: String,
    /// Whether the mail files are shown at `/dev/mail`.
    pub dev_mail: bool,
}

impl Options {
    /// For looking at a stopped marketplace: the settings that matter to running services only are
    /// the usual ones.
    #[must_use]
    pub fn offline() -> Self {
        Self {
            public_url: None,
            address: String::new(),
            order_hold: Duration::from_secs(900),
            payment_grace: Duration::from_secs(300),
            limits: LimitSettings::default(),
            smtp_url: None,
            mail_dir: None,
            mail_from: MAIL_FROM.to_owned(),
            dev_mail: false,
        }
    }
}

impl Options {
    /// What the settings say, for a process that listens at `address`.
    #[must_use]
    pub fn of(settings: &SiteSettings, address: SocketAddr) -> Self {
        if settings.public_url.is_none() && !address.ip().is_loopback() {
            tracing::warn!(
                "without --public-url (TICKETING_PUBLIC_URL) links in mail lead to this machine only"
            );
        }
        // Mail holds secrets: where the site has a name, others than its operator look at it.
        let private =
            address.ip().is_loopback() && settings.public_url.as_deref().is_none_or(is_local);
        Self {
            public_url: settings.public_url.clone(),
            address: format!("http://{}", reachable(address)),
            order_hold: settings.order_hold,
            payment_grace: settings.payment_grace,
            limits: settings.limits.clone(),
            smtp_url: settings.smtp_url.clone(),
            mail_dir: None,
            mail_from: settings.mail_from.clone(),
            dev_mail: settings.smtp_url.is_none() && private,
        }
    }

    /// Where links in mail lead.
    fn links(&self) -> String {
        let public = self.public_url.clone();
        public.unwrap_or_else(|| self.address.clone())
    }
}

/// The marketplace, connected but not begun.
pub struct Marketplace {
    /// What all services share.
    pub process: Process,
    /// The services.
    pub prepared: Vec<Prepared>,
    /// The sandbox provider's own database.
    pub sandbox: Db,
}

/// The secrets of a marketplace.
#[derive(Debug)]
pub struct Keys {
    /// What signs sessions.
    pub sessions: SigningKey,
    /// What the payment provider signs its notices with.
    pub notices: Vec<Secret>,
}

/// Opens all databases and connects all services.
///
/// # Errors
/// When a database or a setting is not usable.
pub async fn compose(
    options: &Options,
    keys: Keys,
    storage: &Storage,
) -> anyhow::Result<Marketplace> {
    let Keys { sessions, notices } = keys;
    let process = in_one_process(options, &sessions)?;
    let sandbox = storage.open_sandbox(&process).await?;
    let mut prepared = Vec::new();
    for service in [
        auth(options, sessions, &process)?,
        tickets(options),
        orders(options),
        expiration(),
        payments(&process, &sandbox, notices),
        notifications(options, &process)?,
    ] {
        let db = storage.open(&process, service.schema()).await?;
        prepared.push(prepare(&process, service, db).await?);
    }
    Ok(Marketplace {
        process,
        prepared,
        sandbox,
    })
}

/// Users and sessions.
///
/// # Errors
/// When mail can't be sent as the options say.
pub fn auth(options: &Options, key: SigningKey, process: &Process) -> anyhow::Result<Service> {
    let (mailer, _) = mailers(options, &process.clock)?;
    Ok(auth::service(auth::Settings {
        failures_per_minute: options.limits.signin_failures,
        password_chars: options.limits.password(),
        public_url: options.links(),
        ..auth::Settings::new(key, mailer)
    }))
}

/// Listings.
#[must_use]
pub fn tickets(options: &Options) -> Service {
    tickets::service(tickets::Settings {
        title_chars_max: options.limits.title_limit.into(),
        price_major_max: options.limits.price_limit,
    })
}

/// Who holds what.
#[must_use]
pub fn orders(options: &Options) -> Service {
    orders::service(orders::Settings {
        hold: options.order_hold,
        grace: options.payment_grace,
        unpaid_holds_max: options.limits.unpaid_holds,
    })
}

/// When holds end.
#[must_use]
pub fn expiration() -> Service {
    expiration::service(expiration::Settings::default())
}

/// Money, and the provider that moves none, on its own database; it signs its notices with these
/// secrets.
#[must_use]
pub fn payments(process: &Process, sandbox: &Db, secrets: Vec<Secret>) -> Service {
    let clock = Arc::clone(&process.clock);
    let provider = Sandbox::new(sandbox.clone(), clock, Behaviour::default());
    payments::service(payments::Settings::with_sandbox(provider, secrets))
}

/// Messages.
///
/// # Errors
/// When mail can't be sent as the options say.
pub fn notifications(options: &Options, process: &Process) -> anyhow::Result<Service> {
    let (mailer, files) = mailers(options, &process.clock)?;
    Ok(notifications::service(notifications::Settings {
        mailer,
        public_url: options.links(),
        dev_mail: files.filter(|_| options.dev_mail),
    }))
}

fn in_one_process(options: &Options, key: &SigningKey) -> anyhow::Result<Process> {
    let surroundings = alone(Arc::new(SystemClock::new()));
    Ok(process(options, surroundings, vec![key.public()?]))
}

/// The surroundings of a process that hears nobody.
#[must_use]
pub fn alone(clock: Arc<dyn Clock>) -> (Arc<dyn Clock>, Tasks, Arc<dyn Bus>) {
    let tasks = Tasks::default();
    let bus = InProcessBus::new(Arc::clone(&clock), tasks.clone());
    (clock, tasks, Arc::new(bus))
}

/// The database of a service that has one.
#[must_use]
pub fn schema(service: ServiceName) -> Option<Schema> {
    let migrations = match service {
        ServiceName::Auth => auth::MIGRATIONS,
        ServiceName::Tickets => tickets::MIGRATIONS,
        ServiceName::Orders => orders::MIGRATIONS,
        ServiceName::Expiration => expiration::MIGRATIONS,
        ServiceName::Payments => payments::MIGRATIONS,
        ServiceName::Notifications => notifications::MIGRATIONS,
        ServiceName::Web | ServiceName::Gateway => return None,
    };
    Some(Schema {
        name: service.as_str(),
        migrations,
    })
}

/// What all services of a process share.
#[must_use]
pub fn process(
    options: &Options,
    (clock, tasks, bus): (Arc<dyn Clock>, Tasks, Arc<dyn Bus>),
    public_keys: Vec<PublicKey>,
) -> Process {
    Process {
        bus,
        clock,
        random: Arc::new(SystemRandom),
        tasks,
        public_keys,
        public_url: options.public_url.as_deref().map(Arc::from),
        readiness: Readiness::default(),
        gate: GateSettings::default(),
    }
}

/// Where this machine reaches a listener: one on every address has no address of its own.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

/// Whether a site's address is this machine's alone.
fn is_local(url: &str) -> bool {
    let host = url.strip_prefix("http://").unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    matches!(name, "localhost" | "127.0.0.1" | "[::1]")
}

/// Where messages go: to a mail server if one is set, else to files.
type Mailers = (Arc<dyn Mailer>, Option<Arc<FileMailer>>);

fn mailers(options: &Options, clock: &Arc<dyn Clock>) -> anyhow::Result<Mailers> {
    if let Some(url) = &options.smtp_url {
        let mailer = SmtpMailer::new(url, &options.mail_from, Arc::clone(clock));
        return Ok((Arc::new(mailer.context("--smtp-url")?), None));
    }
    let Some(directory) = &options.mail_dir else {
        bail!(
            "nowhere to send mail: set --smtp-url (TICKETING_SMTP_URL), or --mail-dir (TICKETING_MAIL_DIR) \
             to write it to files"
        );
    };
    let files = FileMailer::open(directory, &options.mail_from, Arc::clone(clock));
    let files = Arc::new(files.context("--mail-from")?);
    Ok((files.clone(), Some(files)))
}
