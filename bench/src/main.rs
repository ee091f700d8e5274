//! The load generator behind `cargo xtask bench`: starts the real program, loads it, audits it.

mod figures;
mod workloads;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use e2e::{Composition, Marketplace};
use workloads::{Workload, run};

/// What every measured program is told.
const SETTINGS: &[&str] = &["--unpaid-holds", "10000", "--log", "warn"];

#[derive(Parser)]
struct Cli {
    /// The program to measure.
    #[arg(long)]
    program: PathBuf,
    /// How long each closed loop runs, in seconds.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// The workloads; all without any.
    workloads: Vec<Workload>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match measure(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs each workload on a marketplace of its own; a run that fails its audit is a failed run.
async fn measure(cli: Cli) -> anyhow::Result<()> {
    let chosen = if cli.workloads.is_empty() {
        Workload::all()
    } else {
        cli.workloads
    };
    println!("| workload | case | per s | p50 ms | p99 ms | CPU ms each | note |");
    println!("|---|---|---|---|---|---|---|");
    for workload in chosen {
        let mut marketplace =
            Marketplace::start_program(&cli.program, Composition::Embedded, SETTINGS).await?;
        run(
            workload,
            &mut marketplace,
            std::time::Duration::from_secs(cli.seconds),
        )
        .await?;
        marketplace.audit_and_stop().await?;
    }
    Ok(())
}
