//! A PostgreSQL server of one's own.

mod backup;
mod encryption;
mod reached;

use std::fs::{self, File};
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Signal, geteuid};
use tempfile::TempDir;

use crate::process::{self, Process, free_port};

pub use reached::Reached;

/// The superuser of a server that was made here.
pub const USER: &str = "ticketing";

/// The password of a cluster's server: it answers on loopback only, and whoever can read the
/// cluster's directory can read its data.
pub const PASSWORD_OF_CLUSTERS: &str = "ticketing";

/// The services that keep data, in the order of a sale: each has a database of its name in a cluster.
pub const WITH_DATA: [&str; 6] = [
    "auth",
    "tickets",
    "orders",
    "expiration",
    "payments",
    "notifications",
];

/// The password of a server that goes with its test.
const PASSWORD: &str = "secret";

/// Whom Debian's package makes for the server, which refuses to run as root.
const SYSTEM_USER: &str = "postgres";

/// How long a server may take until it answers: after a crash it reads its log first.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// How long processes of a server that was killed may still be there.
const LEFT_WITHIN: Duration = Duration::from_secs(15);

/// How long an ordinary stop may take: it writes back what its log has, each file with a sync, which is
/// seconds of a busy disk. And one that leaves that to the next start.
const STOP_WITHIN: Duration = Duration::from_secs(5);
const STOP_AT_ONCE_WITHIN: Duration = Duration::from_secs(10);

/// How a server is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where its data is; made if it is not there.
    pub directory: PathBuf,
    /// Whether commits are synced to the disk. Without, tests of other things are faster.
    pub durable: bool,
    /// The superuser's password.
    pub password: String,
    /// How many connections it accepts.
    pub connections_max: u32,
}

/// A running server of one's own. Dropped, it is killed.
#[derive(Debug)]
pub struct Postgres {
    options: Options,
    reached: Reached,
    process: Process,
    _temporary: Option<TempDir>,
}

impl Postgres {
    /// A server with nothing in it, in a directory that goes with it.
    ///
    /// # Errors
    /// When PostgreSQL is not installed or does not start.
    pub fn temporary(durable: bool) -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("postgres-").tempdir()?;
        let options = Options {
            directory: directory.path().join("data"),
            durable,
            password: PASSWORD.to_owned(),
            // Tests run side by side, each with several services, each of these with several.
            connections_max: 500,
        };
        own(directory.path())?;
        let mut server = Self::start(options)?;
        server._temporary = Some(directory);
        Ok(server)
    }

    /// Starts a server on its directory, on a free port.
    ///
    /// # Errors
    /// When PostgreSQL is not installed or does not start.
    pub fn start(options: Options) -> Result<Self> {
        let binaries = binaries()?;
        if !options.directory.join("PG_VERSION").exists() {
            make(&binaries, &options)?;
        }
        let port = free_port()?;
        let process = launch(&binaries, &options, port)?;
        let reached = Reached {
            port,
            password: options.password.clone(),
            binaries,
        };
        let mut server = Self {
            options,
            reached,
            process,
            _temporary: None,
        };
        server.become_ready()?;
        Ok(server)
    }

    /// How to reach it.
    #[must_use]
    pub fn reached(&self) -> &Reached {
        &self.reached
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// The process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Ends it in order, like [`Self::stop_within`] some seconds.
    ///
    /// # Errors
    /// When it does not end.
    pub fn stop(&mut self) -> Result<()> {
        self.stop_within(STOP_WITHIN)
    }

    /// Ends it in order: connections are closed, everything is written back. What that takes longer for
    /// than there is time is left to the log, which the next start reads; nothing is lost either way.
    ///
    /// # Errors
    /// When it does not end.
    pub fn stop_within(&mut self, limit: Duration) -> Result<()> {
        self.process.signal(Signal::INT)?;
        if self.process.wait(limit)?.is_some() {
            return Ok(());
        }
        self.process
            .stop(Signal::QUIT, STOP_AT_ONCE_WITHIN)
            .map(drop)
    }

    /// Ends it as a crash would.
    ///
    /// # Errors
    /// When it can't be waited for.
    pub fn crash(&mut self) -> Result<()> {
        // Its children end by themselves when they notice; until then they hold the shared memory.
        self.process.kill().map(drop)
    }

    /// Starts it again after [`Self::stop`] or [`Self::crash`], on the same port.
    ///
    /// # Errors
    /// When it does not start.
    pub fn restart(&mut self) -> Result<()> {
        self.launch_again()?;
        self.become_ready()
    }

    /// Starts it again like [`Self::restart`], and does not wait for it: it may well end at once.
    ///
    /// # Errors
    /// When there is nothing to be started.
    pub fn launch_again(&mut self) -> Result<()> {
        self.process = launch(&self.reached.binaries, &self.options, self.reached.port)?;
        Ok(())
    }

    /// Waits until it answers; starts it again while processes of one that crashed are still there.
    #[expect(
        clippy::disallowed_methods,
        reason = "machine time: it waits for a server"
    )]
    fn become_ready(&mut self) -> Result<()> {
        let began = Instant::now();
        loop {
            let Err(error) = self.wait_until_ready() else {
                return Ok(());
            };
            if self.process.is_running() || began.elapsed() > LEFT_WITHIN {
                return Err(error);
            }
            std::thread::sleep(Duration::from_millis(200));
            self.process = launch(&self.reached.binaries, &self.options, self.reached.port)?;
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "machine time: it waits for a server"
    )]
    fn wait_until_ready(&mut self) -> Result<()> {
        let began = Instant::now();
        while self.reached.psql("postgres", "select 1").is_err() {
            if !self.process.is_running() {
                bail!("PostgreSQL ended: {}", self.log_tail());
            }
            if began.elapsed() > READY_WITHIN {
                bail!("PostgreSQL does not answer: {}", self.log_tail());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    fn log_tail(&self) -> String {
        let log = fs::read_to_string(log_file(&self.options.directory)).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let last = lines.len().saturating_sub(5);
        lines.get(last..).unwrap_or_default().join("\n")
    }
}

fn log_file(directory: &Path) -> PathBuf {
    directory.join("server.log")
}

/// Whether there is a PostgreSQL server to start.
#[must_use]
pub fn is_installed() -> bool {
    binaries().is_ok()
}

/// Debian keeps the programs of each version in a folder of their own; the newest is taken.
fn binaries() -> Result<PathBuf> {
    let mut folders: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    folders.sort();
    let newest: Vec<PathBuf> = folders
        .into_iter()
        .rev()
        .map(|(_, folder)| folder)
        .collect();
    let postgres = process::program("postgres", &newest, "postgresql")?;
    // A link on the path leads to where its companions are.
    let postgres = postgres.canonicalize()?;
    Ok(postgres.parent().context("no folder")?.to_owned())
}

/// As whom the server runs: not as root.
fn user() -> Option<&'static str> {
    geteuid().is_root().then_some(SYSTEM_USER)
}

/// Gives a folder to the server's user.
fn own(folder: &Path) -> Result<()> {
    if user().is_none() {
        return Ok(());
    }
    let accounts = fs::read_to_string("/etc/passwd")?;
    let account = accounts
        .lines()
        .find_map(|line| line.strip_prefix("postgres:"))
        .context("there is no user postgres: apt-get install postgresql")?;
    let mut fields = account.split(':').skip(1).map(str::parse::<u32>);
    let (id, group) = (fields.next().transpose()?, fields.next().transpose()?);
    chown(folder, id, group).with_context(|| format!("giving away {}", folder.display()))
}

fn make(binaries: &Path, options: &Options) -> Result<()> {
    fs::create_dir_all(&options.directory)?;
    own(&options.directory)?;
    let password = tempfile::NamedTempFile::new()?;
    fs::write(password.path(), &options.password)?;
    own(password.path())?;
    let mut command = Command::new(binaries.join("initdb"));
    command
        .arg("--pgdata")
        .arg(&options.directory)
        .args(["--username", USER, "--auth", "scram-sha-256"])
        .args(["--encoding", "UTF8", "--locale", "C", "--no-sync"])
        .arg("--pwfile")
        .arg(password.path())
        .current_dir("/");
    process::run(&mut process::bound(&command, user())).map(drop)
}

fn launch(binaries: &Path, options: &Options, port: u16) -> Result<Process> {
    let mut command = Command::new(binaries.join("postgres"));
    let on = |setting: bool| if setting { "on" } else { "off" };
    command
        .arg("-D")
        .arg(&options.directory)
        .args(["-c", "listen_addresses=127.0.0.1"])
        .args(["-c", "unix_socket_directories="])
        .args(["-c", &format!("port={port}")])
        .args([
            "-c",
            &format!("max_connections={}", options.connections_max),
        ])
        .args(["-c", &format!("fsync={}", on(options.durable))])
        .args(["-c", &format!("full_page_writes={}", on(options.durable))])
        .args(["-c", "shared_buffers=64MB", "-c", "deadlock_timeout=100ms"])
        .args(["-c", "logging_collector=off"])
        // When each row was committed can be asked, by one clock for all databases.
        .args(["-c", "track_commit_timestamp=on"])
        .current_dir("/");
    let mut bound = process::bound(&command, user());
    bound
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(log_file(&options.directory))?);
    own(&log_file(&options.directory))?;
    Process::spawn("postgres".to_owned(), bound)
}
