//! `cargo xtask simulate`: builds the simulation and runs it.

use std::process::ExitCode;

use anyhow::Result;

use crate::{process, workspace};

/// Cargo's profile for simulations: fast, with every assertion.
const PROFILE: &str = "simulation";

/// What to simulate.
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub struct Args {
    /// --seed N, --seeds M, --minutes T, --threads N, --trace, --flaws; --help says more.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Runs simulations until one is broken or all are done.
///
/// # Errors
/// When the simulation does not build, or one is broken.
pub fn run(args: &Args) -> Result<ExitCode> {
    let build = ["build", "--profile", PROFILE, "--package", "simulation"];
    process::run(process::cargo(&build))?;
    let program = workspace::target().join(PROFILE).join("simulation");
    let mut command = process::program(&program.to_string_lossy(), &[]);
    command.args(&args.arguments);
    process::run(command)?;
    Ok(ExitCode::SUCCESS)
}
