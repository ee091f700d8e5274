//! `cargo xtask …`: the project's own chores; `cargo xtask test` is the whole CI.

mod bench;
mod browser;
mod clippy;
mod cluster;
mod counts;
mod docs;
mod image;
mod install;
mod process;
mod simulate;
mod space;
mod test;
mod unit;
mod upgrade;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's own chores.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Install what the tests need, then check everything as CI does.
    Test(test::Args),
    /// Measure the program under load; every run is audited.
    Bench(bench::Args),
    /// Run every service apart and replicated, on PostgreSQL and NATS, on this machine.
    Cluster(cluster::Args),
    /// Make the container image.
    Image(image::Args),
    /// Simulate the whole marketplace with everything going wrong, from many seeds.
    Simulate(simulate::Args),
    /// Replace an earlier release by this one in a cluster under load, replica by replica.
    Upgrade(upgrade::Args),
    /// Write the documents that are made from the code: events, AsyncAPI, OpenAPI.
    Docs(docs::Args),
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Test(args) => test::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Cluster(args) => ended(cluster::run(args)),
        Command::Image(args) => ended(image::run(&args)),
        Command::Simulate(args) => ended(simulate::run(&args)),
        Command::Upgrade(args) => ended(upgrade::run(&args)),
        Command::Docs(args) => docs::run(&args),
    }
}

/// What a chore came to; why, if it could not be done.
fn ended(outcome: anyhow::Result<ExitCode>) -> ExitCode {
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
