//! The marketplace in one process: the list of services, and what they share.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use payments::provider::sandbox::Sandbox;
use payments::provider::sandbox::behaviour::Behaviour;
use platform::bus::in_process::InProcessBus;
use platform::clock::SystemClock;
use platform::db::{Db, Surroundings, Wakers};
use platform::gate::GateSettings;
use platform::http::health::Readiness;
use platform::mail::{FileMailer, Mailer, SmtpMailer};
use platform::random::{Random, SystemRandom};
use platform::run::{Prepared, Process, open_embedded, prepare};
use platform::session::SigningKey;
use platform::tasks::Tasks;
use platform::{Clock, Service};

/// Who mail comes from unless a setting says otherwise.
pub const MAIL_FROM: &str = "tickets@localhost";

/// What an operator has decided, for every service.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where all data is kept.
    pub data_dir: PathBuf,
    /// The address under which people reach the site.
    pub public_url: Option<String>,
    /// Where links in mail lead when there is no public URL.
    pub address: String,
    /// How long a ticket is held.
    pub order_hold: Duration,
    /// How long a payment that began in time keeps its order.
    pub payment_grace: Duration,
    /// How many unpaid holds a buyer may have.
    pub unpaid_holds: i64,
    /// Failed sign-ins per minute.
    pub signin_failures: u32,
    /// Where mail is handed over; files without it.
    pub smtp_url: Option<String>,
    /// Who mail comes from.
    pub mail_from: String,
    /// Whether the mail files are shown at `/dev/mail`.
    pub dev_mail: bool,
}

impl Options {
    /// For looking at a stopped marketplace: the settings that matter to running services only are
    /// the usual ones.
    #[must_use]
    pub fn offline(data_dir: &Path) -> Self {
        Self {
            data_dir: data_dir.to_owned(),
            public_url: None,
            address: String::new(),
            order_hold: Duration::from_secs(900),
            payment_grace: Duration::from_secs(300),
            unpaid_holds: 10,
            signin_failures: 10,
            smtp_url: None,
            mail_from: MAIL_FROM.to_owned(),
            dev_mail: false,
        }
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

/// Opens all databases and connects all services.
///
/// # Errors
/// When a database or a setting is not usable.
pub async fn compose(options: &Options, key: SigningKey) -> anyhow::Result<Marketplace> {
    let process = process(options, &key)?;
    let sandbox = open_sandbox(&process, &options.data_dir)?;
    let mut prepared = Vec::new();
    for service in services(options, key, &process, &sandbox)? {
        let db = open_embedded(&process, &options.data_dir, &service)?;
        prepared.push(prepare(&process, service, db).await?);
    }
    Ok(Marketplace {
        process,
        prepared,
        sandbox,
    })
}

fn services(
    options: &Options,
    key: SigningKey,
    process: &Process,
    sandbox: &Db,
) -> anyhow::Result<Vec<Service>> {
    let (mailer, files) = mailers(options, &process.clock)?;
    let links = options
        .public_url
        .clone()
        .unwrap_or_else(|| options.address.clone());
    Ok(vec![
        auth::service(auth::Settings {
            failures_per_minute: options.signin_failures,
            public_url: links.clone(),
            ..auth::Settings::new(key, Arc::clone(&mailer))
        }),
        tickets::service(tickets::Settings::default()),
        orders::service(orders::Settings {
            hold: options.order_hold,
            grace: options.payment_grace,
            unpaid_holds_max: options.unpaid_holds,
        }),
        expiration::service(expiration::Settings::default()),
        payments::service(payments::Settings::with_sandbox(Arc::new(Sandbox::new(
            sandbox.clone(),
            Arc::clone(&process.clock),
            Behaviour::default(),
        )))),
        notifications::service(notifications::Settings {
            mailer,
            public_url: links,
            dev_mail: files.filter(|_| options.dev_mail),
        }),
    ])
}

fn process(options: &Options, key: &SigningKey) -> anyhow::Result<Process> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    let tasks = Tasks::default();
    Ok(Process {
        bus: Arc::new(InProcessBus::new(Arc::clone(&clock), tasks.clone())),
        clock,
        random,
        tasks,
        public_keys: vec![key.public()?],
        public_url: options.public_url.as_deref().map(Arc::from),
        readiness: Readiness::default(),
        gate: GateSettings::default(),
    })
}

fn open_sandbox(process: &Process, directory: &Path) -> anyhow::Result<Db> {
    let surroundings = Surroundings {
        clock: Arc::clone(&process.clock),
        random: Arc::clone(&process.random),
        wakers: Wakers::default(),
    };
    let path = directory.join("sandbox.db");
    Db::open_sqlite(
        &path,
        "sandbox",
        payments::provider::sandbox::MIGRATIONS,
        surroundings,
    )
}

/// Where messages go: to a mail server if one is set, else to files.
type Mailers = (Arc<dyn Mailer>, Option<Arc<FileMailer>>);

fn mailers(options: &Options, clock: &Arc<dyn Clock>) -> anyhow::Result<Mailers> {
    if let Some(url) = &options.smtp_url {
        let mailer = SmtpMailer::new(url, &options.mail_from, Arc::clone(clock));
        return Ok((Arc::new(mailer.context("--smtp-url")?), None));
    }
    let directory = options.data_dir.join("mail");
    let files = FileMailer::open(&directory, &options.mail_from, Arc::clone(clock));
    let files = Arc::new(files.context("--mail-from")?);
    Ok((files.clone(), Some(files)))
}
