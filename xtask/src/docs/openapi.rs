//! docs/openapi.json: the HTTP API, asked of a marketplace that is started for it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{env, fs};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::{unit, workspace};

/// How long an answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// What `/api/openapi.json` answers.
///
/// # Errors
/// When the marketplace does not build, start or answer.
pub fn document() -> Result<Value> {
    let marketplace = Marketplace::start(&binary()?)?;
    let answer = get(&marketplace.address, "/api/openapi.json")?;
    serde_json::from_str(&answer).context("what /api/openapi.json answers is not JSON")
}

/// The binary that `TICKETING_BIN` names, as in the tests, or a new build.
fn binary() -> Result<PathBuf> {
    if let Some(binary) = env::var_os("TICKETING_BIN") {
        return Ok(binary.into());
    }
    unit::build_binary()?;
    Ok(workspace::binary())
}

/// A marketplace of our own on an empty data directory; it ends, and the directory goes, with this value.
struct Marketplace {
    address: String,
    process: Child,
    data: PathBuf,
}

impl Marketplace {
    fn start(binary: &PathBuf) -> Result<Self> {
        let data = workspace::target()
            .join("tmp")
            .join(format!("docs-{}", std::process::id()));
        let mut command = Command::new(binary);
        for (setting, _) in env::vars_os() {
            // The document must not depend on how this shell is set up.
            if setting.to_string_lossy().starts_with("TICKETING_") {
                command.env_remove(setting);
            }
        }
        let mut process = command
            .args([
                "up",
                "--listen",
                "127.0.0.1:0",
                "--log",
                "error",
                "--data-dir",
            ])
            .arg(&data)
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("start {}", binary.display()))?;
        let out = process.stdout.take();
        let mut marketplace = Self {
            address: String::new(),
            process,
            data,
        };
        let mut line = String::new();
        BufReader::new(out.context("it has an output")?).read_line(&mut line)?;
        match line.trim_end().strip_prefix("listening on http://") {
            Some(address) => address.clone_into(&mut marketplace.address),
            None => bail!("the marketplace did not start: {line:?}"),
        }
        Ok(marketplace)
    }
}

impl Drop for Marketplace {
    fn drop(&mut self) {
        // Nothing in it is worth a graceful stop.
        self.process.kill().ok();
        self.process.wait().ok();
        fs::remove_dir_all(&self.data).ok();
    }
}

/// The body of a 200 answer.
fn get(address: &str, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
    // HTTP/1.0: the body is what comes until the connection ends.
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no HTTP answer")?;
    let status = head.lines().next().unwrap_or_default();
    if !status.contains(" 200 ") {
        bail!("{path}: {status}");
    }
    Ok(body.to_owned())
}
