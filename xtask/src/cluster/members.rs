//! The processes of a cluster: started, started again when they end, held down when somebody wants it.

use std::fs::{self, File, OpenOptions};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::Signal;
use servers::Process;

use super::directory::{Directory, MemberState};

/// The pause before a process that ended is started again: what killed it may still be there.
const AGAIN: Duration = Duration::from_millis(500);

/// A process of a cluster.
pub struct Member {
    /// Such as `orders-1`.
    pub name: String,
    /// What it belongs to: a service, or `nats`.
    pub kind: String,
    /// Where it answers requests, if it does.
    pub listen: Option<SocketAddr>,
    command: Command,
    log: std::path::PathBuf,
    process: Option<Process>,
    ended_at: Option<Instant>,
}

impl Member {
    /// One that does not run yet.
    pub fn new(name: &str, kind: &str, command: Command, directory: &Directory) -> Self {
        Self {
            name: name.to_owned(),
            kind: kind.to_owned(),
            listen: None,
            command,
            log: directory.join("logs").join(format!("{name}.log")),
            process: None,
            ended_at: None,
        }
    }

    /// Starts it.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn start(&mut self) -> Result<()> {
        let mut bound = servers::bound(&self.command, None);
        let log: File = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)?;
        bound
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        self.process = Some(Process::spawn(self.name.clone(), bound)?);
        self.ended_at = None;
        Ok(())
    }

    /// Brings it to where it should be: running, unless it is held. Whether anything changed.
    ///
    /// # Errors
    /// When it can't be started.
    #[expect(
        clippy::disallowed_methods,
        reason = "machine time: it waits for a process"
    )]
    pub fn look_after(&mut self, directory: &Directory) -> Result<bool> {
        let held = directory.is_held(&self.kind) || directory.is_held(&self.name);
        if self.has_ended() {
            if !held {
                println!("{} ended; it is started again", self.name);
            }
            self.process = None;
            self.ended_at = Some(Instant::now());
            return Ok(true);
        }
        match &mut self.process {
            Some(process) if held => {
                process.stop(Signal::TERM, Duration::from_secs(10)).ok();
                Ok(false)
            }
            Some(_) => Ok(false),
            None if held => Ok(false),
            None => {
                let waited = self.ended_at.is_none_or(|at| at.elapsed() >= AGAIN);
                if waited {
                    self.start()?;
                }
                Ok(waited)
            }
        }
    }

    /// Asks it to end.
    pub fn terminate(&self) {
        if let Some(process) = &self.process {
            process.signal(Signal::TERM).ok();
            // One that stands still would hear nothing.
            process.resume().ok();
        }
    }

    /// Waits for its end until a time; then it is killed.
    #[expect(
        clippy::disallowed_methods,
        reason = "machine time: it waits for a process"
    )]
    pub fn wait_until(&mut self, end: Instant) {
        if let Some(mut process) = self.process.take() {
            let left = end.saturating_duration_since(Instant::now());
            if !matches!(process.wait(left), Ok(Some(_))) {
                println!("{} did not end in time", self.name);
                process.kill().ok();
            }
        }
    }

    /// For the cluster's state.
    pub fn state(&self) -> MemberState {
        MemberState {
            name: self.name.clone(),
            pid: self.process.as_ref().map(Process::id),
            address: self.listen.map(|address| address.to_string()),
        }
    }

    /// The last lines that it wrote.
    pub fn last_words(&self) -> String {
        last_lines(&self.log)
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.process
            .as_mut()
            .is_some_and(|process| !process.is_running())
    }
}

fn last_lines(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(3);
    lines.get(from..).unwrap_or_default().join("\n")
}

/// A server of NATS, one of a cluster if there are others.
///
/// # Errors
/// When it is not installed, or its settings can't be written.
pub fn nats(number: usize, ports: &[(u16, u16)], directory: &Directory) -> Result<Member> {
    let name = format!("nats-{}", number + 1);
    let (client, route) = *ports.get(number).context("a port for each server")?;
    let folder = directory.join(&name);
    fs::create_dir_all(&folder)?;
    let mut text = format!(
        "server_name: {name}\nlisten: \"127.0.0.1:{client}\"\n\
         jetstream {{ store_dir: {:?}, max_memory_store: 64MB, max_file_store: 20GB }}\n",
        folder.join("store").display().to_string()
    );
    if ports.len() > 1 {
        let routes: Vec<String> = ports
            .iter()
            .map(|(_, port)| format!("\"nats-route://127.0.0.1:{port}\""))
            .collect();
        text += &format!(
            "cluster {{ name: ticketing, listen: \"127.0.0.1:{route}\", routes: [{}] }}\n",
            routes.join(", ")
        );
    }
    let settings = folder.join("nats.conf");
    fs::write(&settings, text)?;
    let mut command = Command::new(servers::program("nats-server", &[], "nats-server")?);
    command.arg("-c").arg(settings);
    Ok(Member::new(&name, "nats", command, directory))
}
