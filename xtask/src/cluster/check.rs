//! Commands of an operator on a cluster, running or stopped.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use servers::postgres::Postgres;

use super::directory::Directory;
use super::plan::bare_command;
use super::supervisor::program;

/// Runs a command of `ticketing` on the cluster's databases; starts their server if the cluster is
/// stopped.
///
/// # Errors
/// When no cluster is kept there, or its databases can't be reached.
pub fn run(data_dir: &Path, command: &[String]) -> Result<ExitCode> {
    let directory = Directory::existing(data_dir)?;
    // Nobody else has it: then the cluster is stopped, and stays so meanwhile.
    let (_lock, _postgres, url) = match directory.lock() {
        Ok(lock) => {
            let postgres = Postgres::start(directory.postgres()?)?;
            let url = postgres.reached().url("{service}");
            (Some(lock), Some(postgres), url)
        }
        Err(_) => (None, None, directory.state()?.database_url),
    };
    let status = bare_command(&program()?)
        .args(command)
        .env("TICKETING_DATABASE_URL", url)
        .envs(
            directory
                .state()
                .map(|state| ("TICKETING_NATS_URL", state.nats_url))
                .ok(),
        )
        .status()?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(ExitCode::from(code.unwrap_or(1)))
}
