//! Where the programs are that `cargo xtask test --only install` brings.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context as _, Result, bail};

/// The workspace's folder.
#[must_use]
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Cargo's target folder.
#[must_use]
pub fn target() -> PathBuf {
    match env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root().join(folder),
        None => root().join("target"),
    }
}

/// Python with the packages of `deploy/checks/requirements.txt`.
#[must_use]
pub fn python() -> Command {
    let mut command = Command::new("python3");
    command.env("PYTHONPATH", target().join("tools").join("python"));
    command
}

/// Runs a command to its end; what it printed.
///
/// # Errors
/// When it can't be started, or fails: with what it printed.
pub fn said_by(command: &mut Command) -> Result<String> {
    let output = ended(command)?;
    if !output.status.success() {
        bail!(
            "{:?}: {}{}",
            command.get_program(),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs a command to its end, whatever becomes of it.
///
/// # Errors
/// When it can't be started.
pub fn ended(command: &mut Command) -> Result<Output> {
    let program = command.get_program().to_owned();
    let output = command.output();
    output.with_context(|| {
        format!(
            "{} is not installed: cargo xtask test --only install",
            program.display()
        )
    })
}
