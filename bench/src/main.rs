//! The load generator behind `cargo xtask bench`: starts the real program, loads it, audits it.

mod apart;
mod expire;
mod figures;
mod mixed;
mod onsale;
mod pay;
mod signin;
mod stored;
mod workloads;

use std::path::{Path, PathBuf};
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
    /// How the services are put together.
    #[arg(long, value_enum, default_value = "embedded")]
    composition: Put,
    /// How long each closed loop runs, in seconds.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// The workloads; all without any.
    workloads: Vec<Workload>,
}

/// How the services are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Put {
    /// All in one process, on SQLite.
    Embedded,
    /// Apart: two replicas of each, three servers of NATS, PostgreSQL.
    Cluster,
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
        Workload::all(cli.composition == Put::Cluster)
    } else {
        cli.workloads
    };
    let composition = match cli.composition {
        Put::Embedded => Composition::Embedded,
        Put::Cluster => Composition::Apart,
    };
    let length = std::time::Duration::from_secs(cli.seconds);
    println!("| workload | case | per s | p50 ms | p99 ms | CPU ms each | note |");
    println!("|---|---|---|---|---|---|---|");
    for workload in chosen {
        let marketplace = start(&cli.program, composition, &[]).await?;
        let marketplace = run(workload, marketplace, length).await?;
        marketplace.audit_and_stop().await?;
    }
    Ok(())
}

/// Starts the program as it is measured, apart with two replicas, with these settings besides the usual.
async fn start(
    program: &Path,
    composition: Composition,
    settings: &[&str],
) -> anyhow::Result<Marketplace> {
    let settings = [SETTINGS, settings].concat();
    match composition {
        Composition::Embedded => Marketplace::start_program(program, composition, &settings).await,
        Composition::Apart => Marketplace::start_program_replicated(program, &settings).await,
    }
}

/// Another one, with holds of this length. The one before is not there any more: what it uses would be
/// measured as well.
async fn start_instead(before: Marketplace, hold: &str) -> anyhow::Result<Marketplace> {
    let (program, composition) = (before.program().to_owned(), before.composition());
    before.audit_and_stop().await?;
    start(&program, composition, &["--order-hold", hold]).await
}
