//! How the services of a story are put together, and which commands that takes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use tokio::process::Command;

use crate::disk::SmallDisk;

/// How the services are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Composition {
    /// All in one process, on embedded storage.
    Embedded,
    /// Every service in a process of its own, over NATS and PostgreSQL, behind the load balancer.
    Apart,
}

impl Composition {
    /// What this run of the stories is told in: `STORIES`, `embedded` or `apart`.
    ///
    /// # Panics
    /// When it says something else: a story told in the wrong composition would prove nothing.
    #[must_use]
    pub fn told() -> Self {
        match std::env::var("STORIES").as_deref() {
            Err(_) | Ok("embedded") => Self::Embedded,
            #[expect(clippy::panic, reason = "a run that is set up wrongly must not pass")]
            Ok(other) if other != "apart" => panic!("STORIES={other}: embedded or apart"),
            Ok(_) => Self::Apart,
        }
    }
}

/// How a marketplace is started, and what is asked of it.
#[derive(Debug, Clone)]
pub(crate) struct Kind {
    /// The program.
    pub program: PathBuf,
    /// How its services are put together.
    pub composition: Composition,
    /// What they are told besides.
    pub settings: Vec<String>,
    /// How many replicas of each service and servers of NATS, apart.
    pub replicas: u8,
    /// What its data are on, or a part of them, if not on the disk of everything else.
    pub disk: Option<Arc<SmallDisk>>,
}

impl Kind {
    /// Starts it on this data.
    ///
    /// # Errors
    /// When a program is missing.
    pub fn up(&self, data: &Path) -> anyhow::Result<Command> {
        Ok(match self.composition {
            Composition::Embedded => {
                let mut command =
                    self.on_its_disk(&self.program, &["up", "--listen", "127.0.0.1:0"])?;
                command.args(&self.settings).arg("--data-dir").arg(data);
                command
            }
            Composition::Apart => {
                let mut command = self.cluster()?;
                command.args(["up", "--listen", "127.0.0.1:0", "--data-dir"]);
                command.arg(data);
                let nodes = if self.replicas > 1 { "3" } else { "1" };
                command.args(["--nats-nodes", nodes, "--replicas"]);
                command.arg(self.replicas.to_string());
                command.arg("--").args(&self.settings);
                command
            }
        })
    }

    /// Another command on the same data.
    ///
    /// # Errors
    /// When a program is missing.
    pub fn on(&self, data: &Path, args: &[&str]) -> anyhow::Result<Command> {
        Ok(match self.composition {
            Composition::Embedded => {
                let mut command = self.on_its_disk(&self.program, args)?;
                command.arg("--data-dir").arg(data);
                command
            }
            Composition::Apart => {
                let mut command = self.cluster()?;
                command.args(["run", "--data-dir"]).arg(data);
                command.arg("--").args(args);
                command
            }
        })
    }

    fn cluster(&self) -> anyhow::Result<Command> {
        let mut command = self.on_its_disk(&built("XTASK_BIN", "xtask")?, &["cluster"])?;
        command.env("TICKETING_BIN", &self.program);
        Ok(command)
    }

    fn on_its_disk(&self, program: &Path, args: &[&str]) -> anyhow::Result<Command> {
        let Some(disk) = &self.disk else {
            return Ok(command(program, args));
        };
        let mut command = disk.command(program)?;
        command.args(args);
        without_settings(&mut command);
        Ok(command)
    }
}

/// The program: `TICKETING_BIN`, or what the dev profile built beside this executable.
///
/// # Errors
/// When neither is there.
pub fn program() -> anyhow::Result<PathBuf> {
    built("TICKETING_BIN", "ticketing")
}

/// What `variable` names, or what the dev profile built beside this executable.
fn built(variable: &str, name: &str) -> anyhow::Result<PathBuf> {
    if let Some(program) = std::env::var_os(variable) {
        return Ok(PathBuf::from(program));
    }
    let here = std::env::current_exe()?;
    let built = here.ancestors().skip(1).map(|folder| folder.join(name));
    let found = built.into_iter().take(3).find(|program| program.is_file());
    found.with_context(|| format!("no program: run `cargo build -p {name}` first"))
}

/// The program with these arguments, and with no setting but those: what our own environment says of
/// a marketplace is not meant for it.
#[must_use]
pub fn command(program: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args);
    without_settings(&mut command);
    command
}

/// New keys for sessions and for the payment provider's notices, as settings.
///
/// # Errors
/// When the program does not make them.
pub fn keys(program: &Path) -> anyhow::Result<Vec<(&'static str, String)>> {
    let made = command(program, &["keys"]).as_std_mut().output()?;
    let text = String::from_utf8(made.stdout)?;
    let names = [
        "TICKETING_SESSION_KEY",
        "TICKETING_SESSION_PUBLIC_KEYS",
        "TICKETING_WEBHOOK_SECRETS",
    ];
    let value = |name| {
        let mut lines = text.lines().filter_map(|line| line.split_once('='));
        let line = lines.find(|(of, _)| *of == name);
        let (_, value) = line.with_context(|| format!("no {name} in {text:?}"))?;
        Ok((name, value.to_owned()))
    };
    names.into_iter().map(value).collect()
}

fn without_settings(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TICKETING_") {
            command.env_remove(name);
        }
    }
}
