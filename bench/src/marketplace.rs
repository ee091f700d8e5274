//! The program under measurement: started on a private directory, audited, stopped.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// A running program.
pub struct Marketplace {
    program: PathBuf,
    /// Where its data is.
    pub directory: TempDir,
    /// Where it listens.
    pub address: SocketAddr,
    /// From starting the process to its first line.
    pub started_in: Duration,
    child: Child,
    _output: Lines<BufReader<ChildStdout>>,
}

impl Marketplace {
    /// Starts the program on a new directory.
    pub async fn start(program: &Path) -> anyhow::Result<Self> {
        Self::start_in(program, tempfile::tempdir()?).await
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "it measures the machine's own time"
    )]
    async fn start_in(program: &Path, directory: TempDir) -> anyhow::Result<Self> {
        let began = Instant::now();
        let mut child = Command::new(program)
            .args([
                "up",
                "--listen",
                "127.0.0.1:0",
                "--unpaid-holds",
                "10000",
                "--log",
                "warn",
            ])
            .arg("--data-dir")
            .arg(directory.path())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        let output = child.stdout.take().context("no output")?;
        let mut output = BufReader::new(output).lines();
        let line = output
            .next_line()
            .await?
            .context("the program ended at once")?;
        let started_in = began.elapsed();
        let address = line
            .strip_prefix("listening on http://")
            .context(line.clone())?
            .parse()?;
        let program = program.to_owned();
        Ok(Self {
            program,
            directory,
            address,
            started_in,
            child,
            _output: output,
        })
    }

    /// The program.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Stops it and starts it again on the same data.
    pub async fn restart(mut self) -> anyhow::Result<Self> {
        self.terminate().await?;
        Self::start_in(&self.program.clone(), self.directory).await
    }

    /// The processor time that it has used.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        let stat = std::fs::read_to_string(self.proc("stat")?)?;
        let fields: Vec<&str> = stat
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .split_whitespace()
            .collect();
        let ticks = |place: usize| -> anyhow::Result<u64> {
            Ok(fields
                .get(place)
                .context("a field of stat is missing")?
                .parse()?)
        };
        // utime and stime in clock ticks of 10 ms (proc(5)).
        Ok(Duration::from_millis((ticks(11)? + ticks(12)?) * 10))
    }

    /// Its share of memory (PSS), in KiB.
    pub fn memory_kib(&self) -> anyhow::Result<u64> {
        let rollup = std::fs::read_to_string(self.proc("smaps_rollup")?)?;
        let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
        let number = line.and_then(|line| line.split_whitespace().next());
        Ok(number.context("no Pss")?.parse()?)
    }

    fn proc(&self, file: &str) -> anyhow::Result<PathBuf> {
        let id = self.child.id().context("the program has ended")?;
        Ok(PathBuf::from(format!("/proc/{id}/{file}")))
    }

    /// Lets it come to rest, audits it, stops it.
    pub async fn audit_and_stop(mut self) -> anyhow::Result<()> {
        for _ in 0..40 {
            if self.check().await? {
                return self.terminate().await;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        bail!("the audit is not clean: the run does not count")
    }

    async fn check(&self) -> anyhow::Result<bool> {
        let mut command = Command::new(&self.program);
        command
            .arg("check")
            .arg("--data-dir")
            .arg(self.directory.path());
        let output = command.output().await?;
        let said = String::from_utf8_lossy(&output.stdout);
        let rest = said
            .lines()
            .last()
            .is_some_and(|line| line.ends_with(" 0 pending"));
        if !output.status.success() {
            bail!(
                "the audit found: {said}{}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(rest)
    }

    async fn terminate(&mut self) -> anyhow::Result<()> {
        let id = self.child.id().context("the program has ended")?;
        Command::new("kill")
            .arg("-TERM")
            .arg(id.to_string())
            .status()
            .await?;
        let status = tokio::time::timeout(Duration::from_secs(15), self.child.wait()).await??;
        if !status.success() {
            bail!("the program ended with {status}");
        }
        Ok(())
    }
}
