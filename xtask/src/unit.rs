//! Every Rust test of the workspace, under nextest where it is installed.

use anyhow::{Result, ensure};

use crate::counts::{self, Counts};
use crate::{process, workspace};

/// Builds the binary, which the crash stories start, and runs all tests.
///
/// # Errors
/// When something does not build, or no test ran.
pub fn run() -> Result<Counts> {
    build_binary()?;
    let nextest = process::is_there("cargo-nextest");
    let arguments: &[&str] = if nextest {
        &["nextest", "run", "--workspace", "--no-fail-fast"]
    } else {
        println!(
            "cargo-nextest is not installed (`cargo install cargo-nextest --locked`): cargo test runs the tests"
        );
        &[
            "test",
            "--workspace",
            "--lib",
            "--bins",
            "--tests",
            "--no-fail-fast",
        ]
    };
    let mut command = process::cargo(arguments);
    command.env("TICKETING_BIN", workspace::binary());
    let ended = process::run_and_keep(command)?;
    let counts = if nextest {
        counts::of_nextest(&ended.text)
    } else {
        counts::of_cargo_test(&ended.text)
    };
    ensure!(counts.passed + counts.failed > 0, "no Rust test ran");
    ensure!(
        ended.success || counts.failed > 0,
        "the test runner failed without naming a test"
    );
    Ok(counts)
}

/// The marketplace in the dev profile, with the features that the tests' build has, so that nothing
/// is compiled twice.
///
/// # Errors
/// When it does not build.
pub fn build_binary() -> Result<()> {
    process::run(process::cargo(&[
        "build",
        "--workspace",
        "--bin",
        "ticketing",
    ]))
}
