//! `cargo xtask cluster`: every service apart, replicated, on one machine, with real servers.

mod check;
mod directory;
mod members;
mod plan;
mod supervisor;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

/// A cluster on this machine.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    /// Starts PostgreSQL, NATS and replicas of each service, and stays until it is told to stop.
    Up(Up),
    /// Audits a cluster, running or stopped.
    Check {
        /// The cluster's directory.
        #[arg(long, default_value = "cluster-data")]
        data_dir: PathBuf,
        /// Counts what is still pending as a violation.
        #[arg(long)]
        at_rest: bool,
    },
    /// Runs another command of `ticketing` on a cluster, such as `events blocked`.
    Run {
        /// The cluster's directory.
        #[arg(long, default_value = "cluster-data")]
        data_dir: PathBuf,
        /// The command.
        #[arg(last = true, required = true)]
        command: Vec<String>,
    },
}

/// What a cluster is made of.
#[derive(clap::Args)]
pub struct Up {
    /// Where the load balancer listens; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:3000")]
    pub listen: SocketAddr,
    /// Where everything is kept.
    #[arg(long, default_value = "cluster-data")]
    pub data_dir: PathBuf,
    /// How many processes of each service.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=9))]
    pub replicas: u16,
    /// How many servers of NATS, one or three.
    #[arg(long, default_value_t = 3, value_parser = parse_nodes)]
    pub nats_nodes: u8,
    /// Loads a believable catalogue, once.
    #[arg(long)]
    pub demo: bool,
    /// Settings for every service, such as --order-hold 2s.
    #[arg(last = true)]
    pub settings: Vec<String>,
}

fn parse_nodes(text: &str) -> Result<u8, String> {
    match text {
        "1" => Ok(1),
        "3" => Ok(3),
        _ => Err("1 or 3".to_owned()),
    }
}

/// Does what is asked.
///
/// # Errors
/// When it can't be done.
pub fn run(args: Args) -> Result<ExitCode> {
    match args.act {
        Act::Up(up) => supervisor::up(&up).map(|()| ExitCode::SUCCESS),
        Act::Check { data_dir, at_rest } => {
            let mut command = vec!["check".to_owned()];
            command.extend(at_rest.then(|| "--at-rest".to_owned()));
            check::run(&data_dir, &command)
        }
        Act::Run { data_dir, command } => check::run(&data_dir, &command),
    }
}
