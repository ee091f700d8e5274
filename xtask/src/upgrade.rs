//! `cargo xtask upgrade`: builds an earlier release from its own source, and lets the present one take
//! its place in a cluster under load.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, ensure};

use crate::{process, unit, workspace};

/// From where to here.
#[derive(clap::Args)]
pub struct Args {
    /// The earlier release: a tag, a branch or a commit.
    #[arg(long)]
    from: String,
}

/// Builds both releases and tells the story of an upgrade.
///
/// # Errors
/// When one does not build, or the story fails.
pub fn run(args: &Args) -> Result<ExitCode> {
    let earlier = build_earlier(&args.from)?;
    unit::build_binary()?;
    let mut story = process::cargo(&["nextest", "run", "--package", "e2e", "--test", "stories"]);
    story
        .args(["--profile", "apart", "--no-capture"])
        .args(["-E", "test(/^faults::upgrade::/)"])
        .env("UPGRADE_FROM", earlier);
    process::run(story)?;
    Ok(ExitCode::SUCCESS)
}

/// The program of an earlier release, built in a copy of its source.
fn build_earlier(revision: &str) -> Result<PathBuf> {
    let parse = [
        "rev-parse",
        "--verify",
        "--short",
        &format!("{revision}^{{commit}}"),
    ];
    let found = process::program("git", &parse).output()?;
    ensure!(found.status.success(), "there is no revision {revision}");
    let commit = String::from_utf8(found.stdout)?.trim().to_owned();
    let folder = workspace::target().join("upgrade");
    let source = folder.join(&commit);
    let built = folder.join(format!("ticketing-{commit}"));
    if built.is_file() {
        return Ok(built);
    }
    unpack(&commit, &source)?;
    let mut build = process::cargo(&["build", "--package", "ticketing"]);
    // What both releases depend on is compiled once.
    let target = folder.join("target");
    build.current_dir(&source).env("CARGO_TARGET_DIR", &target);
    process::run(build)?;
    fs::copy(target.join("debug").join("ticketing"), &built)?;
    fs::remove_dir_all(source)?;
    Ok(built)
}

/// Puts the source of a commit into a folder.
fn unpack(commit: &str, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    let archive = folder.with_extension("tar");
    let mut pack = process::program("git", &["archive", commit, "--output"]);
    pack.arg(&archive);
    process::run(pack)?;
    let mut tar = process::program("tar", &["-x", "-f"]);
    tar.arg(&archive).arg("-C").arg(folder);
    process::run(tar)?;
    Ok(fs::remove_file(archive)?)
}
