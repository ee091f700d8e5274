//! `cargo xtask bench`: builds the program as people run it, loads it, prints the figures.

use std::process::ExitCode;

use crate::{process, workspace};

/// What to measure.
#[derive(clap::Args)]
pub struct Args {
    /// embedded, or cluster: apart, two replicas of each service.
    #[arg(long, default_value = "embedded", value_parser = ["embedded", "cluster"])]
    composition: String,
    /// How long each closed loop runs, in seconds.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// browse, list, order, onsale, propagate, start, memory; apart also applied, floor and
    /// idle; all without any.
    workloads: Vec<String>,
}

/// Runs the suite; each workload ends with an audit, and a run that fails it is a failed run.
pub fn run(args: &Args) -> ExitCode {
    let build = [
        "build",
        "--release",
        "--package",
        "ticketing",
        "--package",
        "bench",
    ];
    let outcome = process::run(process::cargo(&build)).and_then(|()| {
        let release = workspace::target().join("release");
        let mut command = process::program(&release.join("bench").to_string_lossy(), &[]);
        command.arg("--program").arg(release.join("ticketing"));
        let this = std::env::current_exe()?;
        command
            .env("XTASK_BIN", this)
            .args(["--composition", &args.composition])
            .arg("--seconds")
            .arg(args.seconds.to_string())
            .args(&args.workloads);
        process::run(command)
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
