//! One NATS server of a test.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use tempfile::TempDir;

use super::{launcher, private_directory};

/// How long a server may take to say what is waited for.
const SAYS_WITHIN: Duration = Duration::from_secs(30);

/// A server with a private directory and a port that stay the same when it is restarted.
pub struct Server {
    directory: TempDir,
    port: u16,
    child: Option<Child>,
    said: Arc<Said>,
}

/// What a server has written to its log since it was last started.
#[derive(Default)]
struct Said {
    text: Mutex<Lines>,
    more: Condvar,
}

#[derive(Default)]
struct Lines {
    lines: Vec<String>,
    ended: bool,
}

impl Server {
    /// A server that does not run yet; `settings` gets the folder of what it stores.
    pub(super) fn new(name: &str, settings: impl Fn(&Path) -> String) -> anyhow::Result<Self> {
        let directory = private_directory()?;
        let [port] = free_ports::<1>()?;
        let store = directory.path().join("store");
        let text = format!(
            "server_name: {name}\nlisten: \"127.0.0.1:{port}\"\n{}",
            settings(&store)
        );
        std::fs::write(directory.path().join("nats.conf"), text).context("write nats.conf")?;
        Ok(Self {
            directory,
            port,
            child: None,
            said: Arc::default(),
        })
    }

    /// Puts a file beside its settings.
    pub(super) fn keep(&self, name: &str, text: &str) -> anyhow::Result<()> {
        std::fs::write(self.directory.path().join(name), text).with_context(|| name.to_owned())
    }

    /// The port on loopback.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Where it listens, with a user and password in front.
    #[must_use]
    pub fn url_for(&self, user: &str, password: &str) -> String {
        let password = password.replace('@', "%40").replace(' ', "%20");
        format!("nats://{user}:{password}@127.0.0.1:{}", self.port)
    }

    /// Starts it on what it has stored, and waits until it is ready.
    ///
    /// # Errors
    /// When it is not there, or does not get ready.
    pub fn start(&mut self) -> anyhow::Result<()> {
        let config = self.directory.path().join("nats.conf");
        let arguments = ["-c".to_owned(), config.display().to_string()];
        let mut child = launcher::start(&program()?.display().to_string(), &arguments)?;
        let log = child.stderr.take().context("its log is piped")?;
        self.said = Arc::default();
        self.child = Some(child);
        let said = Arc::clone(&self.said);
        std::thread::spawn(move || said.read(log));
        self.wait_for("Server is ready")
    }

    /// Ends it as `kill -9` does.
    ///
    /// # Errors
    /// When it can't be waited for.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill().context("kill nats-server")?;
            child.wait().context("wait for nats-server")?;
        }
        Ok(())
    }

    /// Ends it in its own order.
    ///
    /// # Errors
    /// When it does not end.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        if let Some(mut child) = self.child.take() {
            launcher::signal("TERM", child.id())?;
            child.wait().context("wait for nats-server")?;
        }
        Ok(())
    }

    /// Holds it still: connections stay, nothing is answered.
    ///
    /// # Errors
    /// When it does not run.
    pub fn pause(&self) -> anyhow::Result<()> {
        launcher::signal("STOP", self.pid()?)
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// When it does not run.
    pub fn resume(&self) -> anyhow::Result<()> {
        launcher::signal("CONT", self.pid()?)
    }

    /// Removes what it has stored. It must not run.
    ///
    /// # Errors
    /// When it runs, or the folder can't be removed.
    pub fn wipe(&self) -> anyhow::Result<()> {
        anyhow::ensure!(!self.runs(), "a running server can't be emptied");
        match std::fs::remove_dir_all(self.directory.path().join("store")) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).context("remove the store")
            }
            _ => Ok(()),
        }
    }

    /// Whether it was started and not ended.
    #[must_use]
    pub fn runs(&self) -> bool {
        self.child.is_some()
    }

    fn pid(&self) -> anyhow::Result<u32> {
        let child = self.child.as_ref().context("the server does not run")?;
        Ok(child.id())
    }

    /// Waits until its log has a line with these words.
    pub(super) fn wait_for(&self, words: &str) -> anyhow::Result<()> {
        self.said.wait_for(words)
    }

    /// When its log last had a line with both; times compare as text.
    pub(super) fn said_last(&self, words: &str, and: &str) -> Option<String> {
        let said = self
            .said
            .text
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let line = said
            .lines
            .iter()
            .rfind(|line| line.contains(words) && line.contains(and))?;
        // `[pid] date time [level] text`
        line.split_once("] ").map(|(_, rest)| rest.to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.kill());
    }
}

impl Said {
    fn read(&self, log: ChildStderr) {
        let lines = BufReader::new(log).lines().map_while(Result::ok);
        for line in lines {
            self.add(|said| said.lines.push(line));
        }
        self.add(|said| said.ended = true);
    }

    fn add(&self, change: impl FnOnce(&mut Lines)) {
        change(&mut self.text.lock().unwrap_or_else(PoisonError::into_inner));
        self.more.notify_all();
    }

    fn wait_for(&self, words: &str) -> anyhow::Result<()> {
        let lacks =
            |said: &mut Lines| !said.ended && !said.lines.iter().any(|line| line.contains(words));
        let said = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        let (said, late) = self
            .more
            .wait_timeout_while(said, SAYS_WITHIN, lacks)
            .unwrap_or_else(PoisonError::into_inner);
        if late.timed_out() || !said.lines.iter().any(|line| line.contains(words)) {
            bail!(
                "nats-server did not say `{words}`:\n{}",
                said.lines.join("\n")
            );
        }
        Ok(())
    }
}

/// Ports that nobody listens on just now.
pub(super) fn free_ports<const COUNT: usize>() -> anyhow::Result<[u16; COUNT]> {
    let mut held = Vec::new();
    let mut ports = [0; COUNT];
    for port in &mut ports {
        let listener = servers::free_listener()?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(ports)
}

/// Debian puts it where only administrators' paths look.
fn program() -> anyhow::Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/usr/local/sbin".into()])
        .map(|folder| folder.join("nats-server"))
        .find(|program| program.is_file())
        .context("these tests need `nats-server`: `cargo xtask test --only install`, or Debian's package of that name")
}
