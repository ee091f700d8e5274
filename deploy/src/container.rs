//! A container of an image, with as little as a cluster's strictest rules leave it: no write to its own
//! files, no capability, no new privilege, nobody's user.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::image::Image;
use crate::tools::said_by;

/// Where a container's only writable folder is.
pub const DATA: &str = "/data";

/// A container that runs. It is killed and removed with this value.
pub struct Container {
    name: String,
    bundle: TempDir,
    process: std::process::Child,
    output: BufReader<ChildStdout>,
}

impl Container {
    /// Starts one, with these arguments and variables besides what the image says. It shares this
    /// machine's network.
    ///
    /// # Errors
    /// When the runtime is not installed, or can't start it.
    pub fn start(image: &Image, arguments: &[&str], variables: &[(&str, &str)]) -> Result<Self> {
        let bundle = tempfile::tempdir()?;
        let data = bundle.path().join("data");
        std::fs::create_dir(&data)?;
        let user = user(image)?;
        // What a cluster does to a volume for the group of a pod.
        std::os::unix::fs::chown(&data, Some(0), Some(user))?;
        std::fs::set_permissions(&data, std::os::unix::fs::PermissionsExt::from_mode(0o2775))?;
        let settings = settings(image, user, &data, (arguments, variables));
        std::fs::write(bundle.path().join("config.json"), settings.to_string())?;
        let name = bundle.path().file_name().context("a folder has a name")?;
        let name = name.to_string_lossy().replace('.', "t");
        let mut command = runtime(&bundle, &["run", "--bundle"]);
        command.arg(bundle.path()).arg(&name);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        command.stderr(File::create(bundle.path().join("log"))?);
        let mut process = command
            .spawn()
            .context("runc is not installed: cargo xtask test --only install")?;
        let output = process.stdout.take().context("it has an output")?;
        Ok(Self {
            name,
            bundle,
            process,
            output: BufReader::new(output),
        })
    }

    /// Where it says that it listens.
    ///
    /// # Errors
    /// When it ends instead: with its log.
    pub fn address(&mut self) -> Result<std::net::SocketAddr> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        match line.trim_end().strip_prefix("listening on http://") {
            Some(address) => Ok(address.parse()?),
            None => bail!("it did not start: {line:?} {}", self.last_words()?),
        }
    }

    /// What it has logged.
    ///
    /// # Errors
    /// When the log can't be read.
    pub fn log(&self) -> Result<String> {
        Ok(std::fs::read_to_string(self.bundle.path().join("log"))?)
    }

    /// The last lines of its log.
    fn last_words(&self) -> Result<String> {
        let log = self.log()?;
        let lines: Vec<&str> = log.lines().rev().take(5).collect();
        Ok(lines.into_iter().rev().collect::<Vec<_>>().join("\n"))
    }

    /// What lies in its writable folder, seen from outside.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.bundle.path().join("data")
    }

    /// The first process in it, as this machine counts.
    ///
    /// # Errors
    /// When it does not run.
    pub fn pid(&self) -> Result<u64> {
        let state = said_by(runtime(&self.bundle, &["state"]).arg(&self.name))?;
        let state: Value = serde_json::from_str(&state)?;
        state.get("pid").and_then(Value::as_u64).context("no pid")
    }

    /// Tells it to stop, as a cluster does, and waits for its end.
    ///
    /// # Errors
    /// When it does not end in time.
    pub fn terminate(mut self, within: Duration) -> Result<(ExitStatus, String)> {
        said_by(runtime(&self.bundle, &["kill"]).args([&self.name, "TERM"]))?;
        self.ends(within)
    }

    /// Waits for its end; how it ended, and what it logged.
    ///
    /// # Errors
    /// When it does not end in time.
    #[expect(
        clippy::disallowed_methods,
        reason = "machine time: it waits for a process"
    )]
    pub fn ends(&mut self, within: Duration) -> Result<(ExitStatus, String)> {
        let began = std::time::Instant::now();
        while began.elapsed() < within {
            if let Some(status) = self.process.try_wait()? {
                return Ok((status, self.log()?));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        bail!("it goes on: {}", self.last_words()?)
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let mut remove = runtime(&self.bundle, &["delete", "--force"]);
        // It is gone already where it has ended by itself.
        remove.arg(&self.name).stderr(Stdio::null()).status().ok();
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn runtime(bundle: &TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new("runc");
    command.arg("--root").arg(bundle.path().join("runc"));
    command.args(arguments);
    command
}

/// The number of the image's user; a name would need a file that it does not have.
fn user(image: &Image) -> Result<u32> {
    let user = image.setting("User").as_str().context("it has no user")?;
    let number = user.split(':').next().unwrap_or_default();
    number.parse().with_context(|| user.to_owned())
}

/// What the runtime is told, by the OCI runtime specification.
fn settings(
    image: &Image,
    user: u32,
    data: &Path,
    (arguments, variables): (&[&str], &[(&str, &str)]),
) -> Value {
    let mut words = image.list("Entrypoint");
    words.extend(arguments.iter().map(|&word| word.to_owned()));
    let mut environment = image.list("Env");
    environment.extend(
        variables
            .iter()
            .map(|(name, value)| format!("{name}={value}")),
    );
    let nothing: [&str; 0] = [];
    json!({
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": user, "gid": user},
            "args": words, "env": environment, "cwd": "/",
            "noNewPrivileges": true,
            "capabilities": {"bounding": nothing, "effective": nothing, "permitted": nothing},
        },
        "root": {"path": image.files, "readonly": true},
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": DATA, "type": "bind", "source": data, "options": ["rbind", "rw", "nosuid", "nodev", "noexec"]},
        ],
        "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}, {"type": "ipc"}, {"type": "uts"}]},
    })
}
