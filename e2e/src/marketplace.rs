//! The real program: started on a private directory, audited, killed, stopped.

use std::fs::OpenOptions;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::composition::{Composition, Kind, program};
use crate::disk::SmallDisk;
use crate::processes::{self, Process};
use crate::scratch::Scratch;

/// How long the marketplace may take to come to rest.
const REST_WITHIN: Duration = Duration::from_secs(90);

fn spawn(kind: &Kind, directory: &Scratch) -> anyhow::Result<Child> {
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .open(directory.log())?;
    kind.up(&directory.data())?
        .stdout(Stdio::piped())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("starting {}", kind.program.display()))
}

fn kind(program: &Path, composition: Composition, settings: &[&str]) -> Kind {
    Kind {
        program: program.to_owned(),
        composition,
        settings: settings.iter().map(|&setting| setting.to_owned()).collect(),
        replicas: 1,
        disk: None,
    }
}

/// Two replicas of each service and three servers of NATS.
fn replicated(program: &Path, settings: &[&str]) -> Kind {
    Kind {
        replicas: 2,
        ..kind(program, Composition::Apart, settings)
    }
}

/// A program that was killed, and what it left behind.
pub struct Killed {
    kind: Kind,
    directory: Arc<Scratch>,
}

impl Killed {
    /// Starts it again on the same data.
    ///
    /// # Errors
    /// When it does not start: what was killed, and why it does not.
    pub async fn start(self) -> Result<Marketplace, (Self, anyhow::Error)> {
        let (kind, directory) = (self.kind.clone(), Arc::clone(&self.directory));
        let started = Marketplace::start_in(kind, directory).await;
        started.map_err(|error| (self, error))
    }
}

/// A running program.
pub struct Marketplace {
    kind: Kind,
    directory: Arc<Scratch>,
    /// Where it listens.
    pub address: SocketAddr,
    /// From starting the process to its first line.
    pub started_in: Duration,
    child: Child,
    _output: Lines<BufReader<ChildStdout>>,
}

impl Marketplace {
    /// Starts the program under test on a new directory, with these settings besides the usual.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start(composition: Composition, settings: &[&str]) -> anyhow::Result<Self> {
        Self::start_program(&program()?, composition, settings).await
    }

    /// Starts the program under test on data that are there, in `data` below the directory.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start_on(directory: TempDir, settings: &[&str]) -> anyhow::Result<Self> {
        let kind = kind(&program()?, Composition::Embedded, settings);
        Self::start_in(kind, Arc::new(Scratch::from(directory))).await
    }

    /// Starts the program under test with this part of its data directory (all of it, if it has no
    /// name) on a disk of so many MiB that can be filled up.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start_on_small_disk(
        composition: Composition,
        (part, mib): (&str, u32),
        settings: &[&str],
    ) -> anyhow::Result<Self> {
        let kind = kind(&program()?, composition, settings);
        Self::start_kind_on_small_disk(kind, (part, mib)).await
    }

    /// The same apart, with two replicas of each service and three servers of NATS.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start_replicated_on_small_disk(
        small: (&str, u32),
        settings: &[&str],
    ) -> anyhow::Result<Self> {
        let kind = replicated(&program()?, settings);
        Self::start_kind_on_small_disk(kind, small).await
    }

    async fn start_kind_on_small_disk(
        mut kind: Kind,
        (part, mib): (&str, u32),
    ) -> anyhow::Result<Self> {
        let directory = Arc::new(Scratch::new()?);
        let disk = SmallDisk::mount(mib, &directory.data().join(part)).await?;
        kind.disk = Some(Arc::new(disk));
        Self::start_in(kind, directory).await
    }

    /// The small disk that it was started on.
    #[must_use]
    pub fn disk(&self) -> Option<&Arc<SmallDisk>> {
        self.kind.disk.as_ref()
    }

    /// Starts a program on a new directory.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start_program(
        program: &Path,
        composition: Composition,
        settings: &[&str],
    ) -> anyhow::Result<Self> {
        let directory = Arc::new(Scratch::new()?);
        Self::start_in(kind(program, composition, settings), directory).await
    }

    /// Starts the program under test apart, with two replicas of each service and three servers of
    /// NATS.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start_replicated(settings: &[&str]) -> anyhow::Result<Self> {
        Self::start_program_replicated(&program()?, settings).await
    }

    /// Starts a program like [`Self::start_replicated`].
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start_program_replicated(
        program: &Path,
        settings: &[&str],
    ) -> anyhow::Result<Self> {
        let kind = replicated(program, settings);
        Self::start_in(kind, Arc::new(Scratch::new()?)).await
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "it measures the machine's own time"
    )]
    async fn start_in(kind: Kind, directory: Arc<Scratch>) -> anyhow::Result<Self> {
        let began = Instant::now();
        let earlier = directory.said().len();
        let mut child = spawn(&kind, &directory)?;
        let output = child.stdout.take().context("no output")?;
        let mut output = BufReader::new(output).lines();
        let line = output.next_line().await?;
        let Some(line) = line else {
            let status = child.wait().await?;
            let said = directory.said();
            let said = said.get(earlier..).unwrap_or_default();
            // A full disk leaves a program nowhere to say so: an empty log is a hint at it.
            bail!("the program ended at once ({status}), its log says {said:?}");
        };
        let started_in = began.elapsed();
        let address = line.strip_prefix("listening on http://");
        let address = address.context(line.clone())?.parse()?;
        Ok(Self {
            kind,
            directory,
            address,
            started_in,
            child,
            _output: output,
        })
    }

    /// The program.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.kind.program
    }

    /// How its services are put together.
    #[must_use]
    pub fn composition(&self) -> Composition {
        self.kind.composition
    }

    /// Its data directory.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.directory.data()
    }

    /// Stops it in order and starts it again on the same data.
    ///
    /// # Errors
    /// When it does not stop cleanly or does not start.
    pub async fn restart(mut self) -> anyhow::Result<Self> {
        self.terminate().await?;
        Self::start_in(self.kind, self.directory).await
    }

    /// Kills it as a crash does and starts it again on the same data, after as many starts that are
    /// killed as well, each after its time.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn kill_and_restart(mut self, killed_starts: &[Duration]) -> anyhow::Result<Self> {
        self.child.kill().await?;
        for &after in killed_starts {
            let mut child = spawn(&self.kind, &self.directory)?;
            tokio::time::sleep(after).await;
            child.kill().await?;
        }
        Self::start_in(self.kind, self.directory).await
    }

    /// Kills it as a crash does.
    ///
    /// # Errors
    /// When that can't be done.
    pub async fn kill(mut self) -> anyhow::Result<Killed> {
        self.child.kill().await?;
        Ok(Killed {
            kind: self.kind,
            directory: self.directory,
        })
    }

    /// Lets it stand still, as when the system does not schedule it.
    ///
    /// # Errors
    /// When it has ended.
    pub async fn pause(&self) -> anyhow::Result<()> {
        self.signal("-STOP").await
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// When it has ended.
    pub async fn resume(&self) -> anyhow::Result<()> {
        self.signal("-CONT").await
    }

    async fn signal(&self, signal: &str) -> anyhow::Result<()> {
        let id = self.child.id().context("the program has ended")?;
        let mut kill = Command::new("kill");
        kill.arg(signal).arg(id.to_string()).status().await?;
        Ok(())
    }

    /// The processor time that it has used, with everything that it has started.
    ///
    /// # Errors
    /// When it has ended.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        let id = self.child.id().context("the program has ended")?;
        Ok(processes::with_children(id)?
            .iter()
            .map(|one| one.cpu)
            .sum())
    }

    /// Its processes.
    ///
    /// # Errors
    /// When it has ended.
    pub fn processes(&self) -> anyhow::Result<Vec<Process>> {
        processes::with_children(self.child.id().context("the program has ended")?)
    }

    /// The share of memory (PSS) of it and what it has started, in KiB.
    ///
    /// # Errors
    /// When it has ended.
    pub fn memory_kib(&self) -> anyhow::Result<u64> {
        self.processes()?.iter().map(Process::memory_kib).sum()
    }

    /// Runs another command of the program on the same data directory.
    ///
    /// # Errors
    /// When it can't be started.
    pub async fn command(&self, args: &[&str]) -> anyhow::Result<Output> {
        Ok(self.kind.on(&self.data_dir(), args)?.output().await?)
    }

    /// What it has logged so far.
    ///
    /// # Errors
    /// When the log can't be read.
    pub fn log(&self) -> anyhow::Result<String> {
        let mut log = std::fs::read_to_string(self.directory.log())?;
        // Apart, each process has one of its own.
        for entry in std::fs::read_dir(self.data_dir().join("logs"))
            .into_iter()
            .flatten()
        {
            log += &std::fs::read_to_string(entry?.path())?;
        }
        Ok(log)
    }

    /// Waits until the audit at rest is clean.
    ///
    /// # Errors
    /// When it isn't in time: with what it found.
    pub async fn come_to_rest(&self) -> anyhow::Result<()> {
        let mut said = String::new();
        let mut waited = Duration::ZERO;
        // An audit of much data takes long, and is work for the program too: ever fewer of them, and
        // their own time does not count.
        let mut pause = Duration::from_millis(300);
        while waited < REST_WITHIN {
            let audit = self.command(&["check", "--at-rest"]).await?;
            if audit.status.success() {
                return Ok(());
            }
            said = String::from_utf8_lossy(&audit.stdout).into_owned()
                + &String::from_utf8_lossy(&audit.stderr);
            tokio::time::sleep(pause).await;
            waited += pause;
            pause = (pause * 3 / 2).min(Duration::from_secs(8));
        }
        bail!("the audit at rest is not clean: {said}")
    }

    /// Lets it come to rest, audits it, stops it.
    ///
    /// # Errors
    /// When the audit is not clean or the program does not end well.
    pub async fn audit_and_stop(mut self) -> anyhow::Result<()> {
        let ended = self.end_well().await;
        self.directory.kept_on_failure(ended)
    }

    async fn end_well(&mut self) -> anyhow::Result<()> {
        self.come_to_rest().await?;
        self.terminate().await?;
        let log = self.log()?;
        match log.lines().find(|line| line.contains("panicked at")) {
            Some(line) => bail!("it logged {line}"),
            None => Ok(()),
        }
    }

    async fn terminate(&mut self) -> anyhow::Result<()> {
        self.signal("-TERM").await?;
        let ended = tokio::time::timeout(Duration::from_secs(16), self.child.wait()).await;
        let status = ended.context("it does not stop")??;
        if !status.success() {
            bail!("the program ended with {status}");
        }
        Ok(())
    }
}
