//! Commands of others: shown, then run from the workspace's root, with or without keeping what they print.

use std::env;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::workspace;

/// A command that has ended, with all it printed.
pub struct Ended {
    pub success: bool,
    pub text: String,
}

/// The cargo that runs this xtask.
pub fn cargo(args: &[&str]) -> Command {
    let program = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.args(args).current_dir(workspace::root());
    command
}

/// Any other program, from the workspace's root.
pub fn program(name: &str, args: &[&str]) -> Command {
    let mut command = Command::new(name);
    command.args(args).current_dir(workspace::root());
    command
}

/// Whether a program of that name can be started.
pub fn is_there(name: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

/// Runs it to its end, on our own standard output.
///
/// # Errors
/// When it can't be started, or ends in failure.
pub fn run(mut command: Command) -> Result<()> {
    let line = show(&command);
    let status = command
        .status()
        .with_context(|| format!("start `{line}`"))?;
    ensure!(status.success(), "`{line}` failed ({status})");
    Ok(())
}

/// Runs it to its end, passes on what it prints line by line, and keeps it.
///
/// # Errors
/// When it can't be started or read; its own failure is in the answer.
pub fn run_and_keep(mut command: Command) -> Result<Ended> {
    let line = show(&command);
    let (reader, writer) = std::io::pipe().context("open a pipe")?;
    command
        .stdin(Stdio::null())
        .stdout(writer.try_clone().context("share a pipe")?)
        .stderr(writer);
    let mut child = command.spawn().with_context(|| format!("start `{line}`"))?;
    drop(command); // it holds the pipe's other end, which must close when the child ends
    let mut text = String::new();
    let mut reader = BufReader::new(reader);
    let mut bytes = Vec::new();
    while reader
        .read_until(b'\n', &mut bytes)
        .context("read its output")?
        > 0
    {
        let piece = String::from_utf8_lossy(&bytes);
        print!("{piece}");
        std::io::stdout().flush().ok();
        text.push_str(&piece);
        bytes.clear();
    }
    let status = child.wait().with_context(|| format!("wait for `{line}`"))?;
    Ok(Ended {
        success: status.success(),
        text,
    })
}

fn show(command: &Command) -> String {
    let name = Path::new(command.get_program())
        .file_stem()
        .unwrap_or_default();
    let words: Vec<_> = std::iter::once(name)
        .chain(command.get_args())
        .map(OsStr::to_string_lossy)
        .collect();
    let line = words.join(" ");
    println!("  $ {line}");
    line
}
