//! Starts a cluster, looks after its processes, and takes everything down.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use servers::postgres::{Postgres, WITH_DATA};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::Up;
use super::directory::{Directory, State};
use super::members::{self, Member};
use super::plan::{Plan, said_by};
use crate::{process, workspace};

/// How long the whole may take until it answers.
const READY_WITHIN: Duration = Duration::from_secs(120);

/// How often the processes are looked after.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How long our own processes, then the servers, may take to end: below 15 s together.
const SERVICES_END_WITHIN: Duration = Duration::from_secs(9);
const SERVERS_END_WITHIN: Duration = Duration::from_secs(3);

/// Within which time after the signal PostgreSQL has written everything back, or leaves it to its log; and
/// for how long it is waited for at least.
const WRITTEN_BACK_WITHIN: Duration = Duration::from_secs(13);
const WRITTEN_BACK_AT_LEAST: Duration = Duration::from_secs(1);

/// The pause between two starts of PostgreSQL.
const POSTGRES_AGAIN: Duration = Duration::from_secs(1);

/// Runs a cluster until it is told to stop.
///
/// # Errors
/// When something is missing, or a process ends before everything has begun.
pub fn up(up: &Up) -> Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let directory = Directory::open(&up.data_dir)?;
    let _lock = directory.lock()?;
    let plan = Plan::make(up, program()?, &directory)?;
    let mut cluster = Cluster::start(plan, directory)?;
    let ready = cluster.wait_until_ready(&mut signals)?;
    if ready {
        let hints = if up.demo {
            cluster.load_demo()?
        } else {
            String::new()
        };
        println!("listening on http://{}", cluster.plan.listen);
        print!("{hints}");
        std::io::stdout().flush()?;
        cluster.look_after(&mut signals)?;
    }
    println!("stopping");
    cluster.stop()
}

/// The program that `TICKETING_BIN` names, or a new build as people run it.
///
/// # Errors
/// When it does not build.
pub fn program() -> Result<PathBuf> {
    if let Some(program) = std::env::var_os("TICKETING_BIN") {
        return Ok(program.into());
    }
    process::run(process::cargo(&[
        "build",
        "--release",
        "--package",
        "ticketing",
    ]))?;
    Ok(workspace::target().join("release").join("ticketing"))
}

struct Cluster {
    plan: Plan,
    directory: Directory,
    postgres: Postgres,
    /// Not before this is PostgreSQL started again.
    postgres_again_at: Option<Instant>,
    members: Vec<Member>,
    database_url: String,
}

impl Cluster {
    fn start(plan: Plan, directory: Directory) -> Result<Self> {
        let mut members = Vec::new();
        for number in 0..plan.nats.len() {
            let mut server = members::nats(number, &plan.nats, &directory)?;
            server.start()?;
            members.push(server);
        }
        let postgres = Postgres::start(directory.postgres()?)?;
        let reached = postgres.reached();
        for database in WITH_DATA.into_iter().chain(["sandbox"]) {
            reached.create_database(database)?;
        }
        let database_url = reached.url("{service}");
        let environment = plan.environment(&directory, &database_url);
        let mut migrate = plan.bare_command();
        migrate
            .arg("migrate")
            .env("TICKETING_DATABASE_URL", &database_url);
        said_by(&mut migrate, "migrate")?;
        for replica in &plan.replicas {
            let command = plan.command(replica, &environment);
            let mut member = Member::new(&replica.name, replica.service, command, &directory);
            member.listen = Some(replica.listen);
            member.start()?;
            members.push(member);
        }
        let mut cluster = Self {
            plan,
            directory,
            postgres,
            postgres_again_at: None,
            members,
            database_url,
        };
        cluster.write_state()?;
        Ok(cluster)
    }

    /// Fills the marketplace by the doors that everybody has; what is to be said about it.
    fn load_demo(&self) -> Result<String> {
        let mut load = self.plan.bare_command();
        load.args(["demo", "--gateway-url"])
            .arg(format!("http://{}", self.plan.listen));
        said_by(&mut load, "demo")
    }

    /// Whether it is ready, rather than told to stop.
    #[expect(
        clippy::disallowed_methods,
        reason = "machine time: it waits for processes"
    )]
    fn wait_until_ready(&mut self, signals: &mut Signals) -> Result<bool> {
        let began = Instant::now();
        for replica in self.plan.replicas.clone() {
            while !is_ready(replica.listen) {
                if signals.pending().next().is_some() {
                    return Ok(false);
                }
                if let Some(ended) = self.members.iter_mut().find_map(|member| {
                    let ended = member.has_ended();
                    ended.then(|| format!("{} ended: {}", member.name, member.last_words()))
                }) {
                    bail!(ended);
                }
                if began.elapsed() > READY_WITHIN {
                    bail!("{} is not ready", replica.name);
                }
                std::thread::sleep(LOOK_EVERY);
            }
        }
        Ok(true)
    }

    /// Starts again what ends, until it is told to stop.
    fn look_after(&mut self, signals: &mut Signals) -> Result<()> {
        while signals.pending().next().is_none() {
            let mut changed = false;
            for member in &mut self.members {
                changed |= member.look_after(&self.directory)?;
            }
            changed |= self.look_after_postgres()?;
            if changed {
                self.write_state()?;
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    fn look_after_postgres(&mut self) -> Result<bool> {
        let runs = self.postgres.process().is_running();
        if self.directory.is_held("postgres") {
            if runs {
                self.postgres.stop()?;
            }
            return Ok(runs);
        }
        if runs || !self.may_start_postgres() {
            return Ok(false);
        }
        println!("postgres ended; it is started again");
        self.postgres.launch_again()?;
        Ok(true)
    }

    /// Not at once again: processes of one that crashed may still be there, or its disk is full.
    #[expect(
        clippy::disallowed_methods,
        reason = "machine time: it waits for a process"
    )]
    fn may_start_postgres(&mut self) -> bool {
        let now = Instant::now();
        let may = self.postgres_again_at.is_none_or(|at| now >= at);
        if may {
            self.postgres_again_at = Some(now + POSTGRES_AGAIN);
        }
        may
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "machine time: it waits for processes"
    )]
    fn stop(mut self) -> Result<()> {
        let began = Instant::now();
        let (servers, services): (Vec<_>, Vec<_>) = self
            .members
            .iter_mut()
            .partition(|member| member.kind == "nats");
        for (group, within) in [
            (services, SERVICES_END_WITHIN),
            (servers, SERVERS_END_WITHIN),
        ] {
            let end = Instant::now() + within;
            group.iter().for_each(|member| member.terminate());
            for member in group {
                member.wait_until(end);
            }
        }
        if self.postgres.process().is_running() {
            let left = WRITTEN_BACK_WITHIN.saturating_sub(began.elapsed());
            self.postgres
                .stop_within(left.max(WRITTEN_BACK_AT_LEAST))
                .context("stopping PostgreSQL")?;
        }
        Ok(())
    }

    fn write_state(&mut self) -> Result<()> {
        let runs = self.postgres.process().is_running();
        let mut members: Vec<_> = self.members.iter().map(Member::state).collect();
        members.push(super::directory::MemberState {
            name: "postgres".to_owned(),
            pid: runs.then(|| self.postgres.id()),
            address: None,
        });
        self.directory.write_state(&State {
            pid: std::process::id(),
            address: self.plan.listen.to_string(),
            database_url: self.database_url.clone(),
            nats_url: self.plan.nats_url(),
            members,
        })
    }
}

/// Whether a process says that it is ready.
fn is_ready(address: SocketAddr) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_millis(500))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        stream
            .write_all(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer.starts_with("HTTP/1.1 200"))
    };
    ask().unwrap_or(false)
}
