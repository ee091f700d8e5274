//! The one binary: its commands are in [`ticketing::settings`].

use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory, Parser};
use ticketing::settings::{Command, CommandLine, unknown_variable};
use ticketing::{backup, check, demo, events, keys, migrate, serve, up};

/// An order, with all that it sets off, takes a fifth less of the processor than with the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long the end waits for what can't be ended: the system looking for the name of a server that has gone
/// may take as long as a supervisor waits before it kills. Everything else has ended before.
const LOOKUPS_END_WITHIN: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let variables = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    if let Some(name) = unknown_variable(&CommandLine::command(), variables) {
        eprintln!("error: {name} is not a setting; see ticketing up --help");
        return ExitCode::from(2);
    }
    let command = CommandLine::parse().command;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let outcome = runtime.map_err(anyhow::Error::from).and_then(|runtime| {
        let outcome = runtime.block_on(async {
            match command {
                Command::Up(settings) => up::up(settings).await.map(|()| ExitCode::SUCCESS),
                Command::Serve(settings) => {
                    serve::serve(*settings).await.map(|()| ExitCode::SUCCESS)
                }
                Command::Migrate(settings) => migrate::migrate(&settings).await,
                Command::Keys(_) => keys::keys(),
                Command::Demo(settings) => demo::load_over_http(&settings).await,
                Command::Check(settings) => check::check(settings).await,
                Command::Events(settings) => events::events(settings).await,
                Command::Backup(settings) => backup::backup(settings).await,
                Command::Restore(settings) => backup::restore(&settings),
            }
        });
        runtime.shutdown_timeout(LOOKUPS_END_WITHIN);
        outcome
    });
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
