//! What the tests need and a fresh machine lacks: installed when missing, named when that is not possible.

mod deployment;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::{process, workspace};

/// The oldest major version of Node that the browser's driver runs on.
const NODE_MIN: u32 = 20;

/// A Debian package, and the program by which it is known to be installed.
const DEBIAN: [(&str, &str); 10] = [
    ("buildah", "buildah"),
    ("chromium", "chromium"),
    ("chromium-driver", "chromedriver"),
    ("iproute2", "ip"),
    ("nats-server", "nats-server"),
    ("nodejs", "node"),
    ("npm", "npm"),
    // Whether its own server is started at the installation does not matter: tests start theirs.
    ("postgresql", POSTGRES),
    ("python3-pip", "pip3"),
    ("runc", "runc"),
];

/// The database server, of which Debian keeps each version in a folder of its own.
const POSTGRES: &str = "postgres";

/// Where Debian puts servers, which an ordinary user's path does not name.
const SERVERS: &str = "/usr/sbin";

/// Installs Chromium, Node and the browser tests' packages, the servers that Rust tests start, and what
/// images and manifests are tested with, each only when it is missing.
///
/// # Errors
/// When something is missing and can't be installed: names it, and what installs it.
pub fn for_the_tests() -> Result<()> {
    debian_packages()?;
    node_is_new_enough()?;
    for (folder, stamp) in [
        (workspace::browser_tests(), "node-packages"),
        (workspace::deployment_checks(), "node-packages-of-checks"),
    ] {
        node_packages(&folder, stamp)?;
    }
    deployment::packages()
}

fn debian_packages() -> Result<()> {
    let missing = missing(is_installed);
    if missing.is_empty() {
        return Ok(());
    }
    println!("missing: {}", missing.join(" "));
    if !process::is_there("apt-get") || !is_root()? {
        bail!(
            "the tests need {0}. As root: apt-get update && apt-get install --no-install-recommends {0}",
            missing.join(" ")
        );
    }
    apt_get(&["update", "--quiet"])?;
    let mut arguments = vec!["install", "--yes", "--quiet", "--no-install-recommends"];
    arguments.extend(missing);
    apt_get(&arguments)
}

fn is_installed(program: &str) -> bool {
    match program {
        POSTGRES => servers::postgres::is_installed(),
        _ => process::is_there(program) || Path::new(SERVERS).join(program).is_file(),
    }
}

fn missing(is_there: impl Fn(&str) -> bool) -> Vec<&'static str> {
    DEBIAN
        .iter()
        .filter(|(_, program)| !is_there(program))
        .map(|(package, _)| *package)
        .collect()
}

fn is_root() -> Result<bool> {
    let id = process::program("id", &["-u"])
        .output()
        .context("start id")?;
    Ok(id.stdout.trim_ascii() == b"0")
}

fn apt_get(arguments: &[&str]) -> Result<()> {
    let mut command = process::program("apt-get", arguments);
    command.env("DEBIAN_FRONTEND", "noninteractive");
    process::run(command)
}

fn node_is_new_enough() -> Result<()> {
    let output = process::program("node", &["--version"])
        .output()
        .context("start node")?;
    let version = String::from_utf8_lossy(&output.stdout);
    let version = version.trim();
    if node_major(version).is_none_or(|major| major < NODE_MIN) {
        bail!("the browser tests need Node {NODE_MIN} or newer; `node` is {version}");
    }
    Ok(())
}

fn node_major(version: &str) -> Option<u32> {
    version.strip_prefix('v')?.split('.').next()?.parse().ok()
}

/// `npm ci`, unless the packages of this very lock file are installed.
fn node_packages(folder: &Path, stamp: &str) -> Result<()> {
    let lock = fs::read(folder.join("package-lock.json")).context("read package-lock.json")?;
    if is_current(stamp, &lock) && folder.join("node_modules").is_dir() {
        return Ok(());
    }
    let mut command = process::program("npm", &["ci", "--no-audit", "--no-fund"]);
    command.current_dir(folder);
    process::run(command)?;
    note(stamp, &lock)
}

/// Whether this very text is noted as what was installed last.
fn is_current(stamp: &str, wanted: &[u8]) -> bool {
    fs::read(stamp_file(stamp)).is_ok_and(|installed| installed == wanted)
}

fn note(stamp: &str, installed: &[u8]) -> Result<()> {
    let file = stamp_file(stamp);
    fs::write(&file, installed).with_context(|| format!("write {}", file.display()))
}

fn stamp_file(stamp: &str) -> PathBuf {
    workspace::target().join(format!("{stamp}.stamp"))
}

/// Runs cargo-deny by `deny.toml` where it is installed; says so where it is not.
///
/// # Errors
/// When it refuses a dependency.
pub fn cargo_deny_check() -> Result<()> {
    if !process::is_there("cargo-deny") {
        println!("NOT RUN: cargo-deny is not installed (`cargo install cargo-deny --locked`)");
        return Ok(());
    }
    process::run(process::cargo(&[
        "deny",
        "--offline",
        "check",
        "bans",
        "licenses",
        "sources",
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_missing_is_installed() {
        assert_eq!(
            missing(|program| program != "chromedriver"),
            ["chromium-driver"]
        );
        assert_eq!(missing(|program| program != POSTGRES), ["postgresql"]);
        assert!(missing(|_| true).is_empty());
    }

    #[test]
    fn an_old_node_is_recognised() {
        assert_eq!(node_major("v20.20.2"), Some(20));
        assert_eq!(node_major("v9.1.0"), Some(9));
        assert_eq!(node_major(""), None);
    }
}
