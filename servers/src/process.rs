//! A child process that can be stopped, killed, paused, and does not outlive its parent.

use std::ffi::OsStr;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

/// How often it is looked whether a process has ended.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A running child process. Dropped, it is killed.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
}

impl Process {
    /// Starts a command whose streams are arranged; one made by [`bound`], or one that knows by itself
    /// when to end.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn spawn(name: String, mut command: Command) -> Result<Self> {
        let child = command
            .spawn()
            .with_context(|| format!("starting {name}"))?;
        Ok(Self { name, child })
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has not ended.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Asks it to end and waits for that.
    ///
    /// # Errors
    /// When it is still there after `limit`; it is then killed.
    pub fn stop(&mut self, signal: Signal, limit: Duration) -> Result<ExitStatus> {
        self.signal(signal)?;
        match self.wait(limit)? {
            Some(status) => Ok(status),
            None => {
                self.kill()?;
                bail!("{} did not end within {limit:?}", self.name)
            }
        }
    }

    /// Waits for its end; `None` if it does not come in time.
    ///
    /// # Errors
    /// When it can't be waited for.
    #[expect(
        clippy::disallowed_methods,
        reason = "machine time: it waits for a process"
    )]
    pub fn wait(&mut self, limit: Duration) -> Result<Option<ExitStatus>> {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(Some(status));
            }
            if began.elapsed() > limit {
                return Ok(None);
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Ends it at once, as a crash would.
    ///
    /// # Errors
    /// When it can't be waited for.
    pub fn kill(&mut self) -> Result<ExitStatus> {
        self.child.kill().ok();
        Ok(self.child.wait()?)
    }

    /// Lets it stand still.
    ///
    /// # Errors
    /// When it is gone.
    pub fn pause(&self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// When it is gone.
    pub fn resume(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// When it is gone.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let id = i32::try_from(self.child.id())?;
        let pid = Pid::from_raw(id).context("a process id is positive")?;
        kill_process(pid, signal).with_context(|| format!("signalling {}", self.name))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.is_running() {
            // A process that stands still would not notice that it is killed politely.
            self.kill().ok();
        }
    }
}

/// The command, as `user` if one is given, and so that it is killed when the thread that starts it ends,
/// however that comes: the main thread, or the one of a test. Its streams are to be arranged.
#[must_use]
pub fn bound(command: &Command, user: Option<&str>) -> Command {
    let mut bound = Command::new("setpriv");
    bound.args(["--pdeathsig", "KILL"]);
    if let Some(user) = user {
        bound.args(["--reuid", user, "--regid", user, "--init-groups"]);
    }
    bound.arg("--").arg(command.get_program());
    bound.args(command.get_args());
    for (variable, value) in command.get_envs() {
        match value {
            Some(value) => bound.env(variable, value),
            None => bound.env_remove(variable),
        };
    }
    if let Some(directory) = command.get_current_dir() {
        bound.current_dir(directory);
    }
    bound
}

/// Below the ports that systems give to outgoing connections (Linux: from 32768 on): those come and
/// go, and may be taken between the choice of one and its use.
const PORTS: std::ops::Range<u16> = 10_240..32_000;

/// A loopback port that nobody listens on now, held until this is dropped.
///
/// # Errors
/// When there is none.
pub fn free_listener() -> Result<TcpListener> {
    for _ in 0..1_000 {
        let random = RandomState::new().build_hasher().finish();
        let places = u64::from(PORTS.end - PORTS.start);
        let port = PORTS.start + u16::try_from(random % places)?;
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)) {
            return Ok(listener);
        }
    }
    bail!("no port is free")
}

/// A loopback port that nobody listens on now.
///
/// # Errors
/// When there is none.
pub fn free_port() -> Result<u16> {
    Ok(free_listener()?.local_addr()?.port())
}

/// Where a program stands: in one of `folders`, or on the path.
///
/// # Errors
/// When it is not installed; `package` is what brings it on Debian.
pub fn program(name: &str, folders: &[PathBuf], package: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = folders
        .iter()
        .cloned()
        .chain(std::env::split_paths(&path))
        .chain([PathBuf::from("/usr/sbin")])
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_file());
    found.with_context(|| format!("{name} is not installed: apt-get install {package}"))
}

/// Runs a command to its end, silently; what it printed if it fails.
///
/// # Errors
/// When it can't be started or fails.
pub(crate) fn run(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_owned();
    let shown = || OsStr::to_string_lossy(&program).into_owned();
    let output = command.output().with_context(shown)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    bail!(
        "{} failed: {}",
        shown(),
        String::from_utf8_lossy(&output.stderr).trim()
    )
}
