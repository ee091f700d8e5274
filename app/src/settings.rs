//! What the command line and the environment can say, checked before anything starts.

mod limits;
mod parse;
mod serve;
mod site;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{Args, Parser, Subcommand};

pub use limits::LimitSettings;
pub use serve::{
    DatabaseSettings, KeysSettings, MigrateSettings, NatsSettings, ServeSettings, ServiceName,
};
pub use site::{LogFormat, PaymentProvider, ProxySettings, SiteSettings};

/// A ticket resale marketplace that can't sell a ticket twice and can't lose anybody's money.
#[derive(Debug, Parser)]
#[command(name = "ticketing", version)]
pub struct CommandLine {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs the whole marketplace in one process on embedded storage.
    Up(UpSettings),
    /// Runs one service, on PostgreSQL and NATS JetStream; as many replicas of it as wanted.
    Serve(Box<ServeSettings>),
    /// Brings a service's PostgreSQL database to the newest migration.
    Migrate(MigrateSettings),
    /// Makes a key for signing sessions, and the public key that goes with it.
    Keys(KeysSettings),
    /// Loads a believable catalogue into a running marketplace, once.
    Demo(DemoSettings),
    /// Audits the data of a stopped or running marketplace; exits 1 when a rule is broken.
    Check(CheckSettings),
    /// Shows events and what holds them up, and lets an operator act.
    Events(EventsSettings),
    /// Copies a running or stopped data directory, as of one moment.
    Backup(BackupSettings),
    /// Makes a data directory from a backup; its logs begin a new life.
    Restore(RestoreSettings),
}

/// Settings of `ticketing up`.
#[derive(Debug, Clone, Args)]
pub struct UpSettings {
    /// The address to listen on; port 0 takes a free one.
    #[arg(long, env = "TICKETING_LISTEN", default_value = "127.0.0.1:3000")]
    pub listen: SocketAddr,
    /// Where all data is kept; made if need be, for this process and its owner alone.
    #[arg(long, env = "TICKETING_DATA_DIR", default_value = "data")]
    pub data_dir: PathBuf,
    /// Loads a believable catalogue, once.
    #[arg(long, env = "TICKETING_DEMO", value_parser = BoolishValueParser::new())]
    pub demo: bool,
    /// What matters to every composition.
    #[command(flatten)]
    pub site: SiteSettings,
}

/// Settings of `ticketing demo`.
#[derive(Debug, Clone, Args)]
pub struct DemoSettings {
    /// Where the marketplace answers, such as http://127.0.0.1:3000.
    #[arg(long, env = "TICKETING_GATEWAY_URL")]
    pub gateway_url: String,
}

/// Settings of `ticketing check`.
#[derive(Debug, Clone, Args)]
pub struct CheckSettings {
    /// The data directory of the marketplace.
    #[arg(long, env = "TICKETING_DATA_DIR", default_value = "data")]
    pub data_dir: PathBuf,
    /// The databases, where the services run apart.
    #[command(flatten)]
    pub databases: DatabaseSettings,
    /// Counts what is still pending as a violation.
    #[arg(long)]
    pub at_rest: bool,
}

/// Settings of `ticketing events`.
#[derive(Debug, Clone, Args)]
pub struct EventsSettings {
    /// The data directory of the marketplace.
    #[arg(
        long,
        env = "TICKETING_DATA_DIR",
        default_value = "data",
        global = true
    )]
    pub data_dir: PathBuf,
    /// The databases, where the services run apart.
    #[command(flatten)]
    pub databases: DatabaseSettings,
    /// The bus, to hear events as they happen where the services run apart.
    #[command(flatten)]
    pub nats: NatsSettings,
    /// What to do.
    #[command(subcommand)]
    pub act: EventsAct,
}

/// What an operator can do with events.
#[derive(Debug, Clone, Subcommand)]
pub enum EventsAct {
    /// Prints events as they happen (needs a running marketplace).
    Tail,
    /// Prints the log of one aggregate, and how far each consumer has come with it.
    Show {
        /// The aggregate's name: user, session, ticket, order, payment or timer.
        aggregate: String,
        /// Its id.
        id: String,
    },
    /// Lists the keys behind which events are parked.
    Parked,
    /// Lists the keys whose handler failed too often.
    Blocked,
    /// Lets a blocked key be tried again.
    Redrive {
        /// The consuming service.
        service: String,
        /// The aggregate's name.
        aggregate: String,
        /// Its id.
        id: String,
    },
    /// Passes over the event that blocks a key; its effects never happen. Recorded.
    Skip {
        /// The consuming service.
        service: String,
        /// The aggregate's name.
        aggregate: String,
        /// Its id.
        id: String,
        /// Why, for the record.
        #[arg(long)]
        reason: String,
    },
    /// Empties a service's copies and fills them again from the owners' logs.
    Rebuild {
        /// The service.
        service: String,
    },
}

/// Settings of `ticketing backup`.
#[derive(Debug, Clone, Args)]
pub struct BackupSettings {
    /// The data directory of the marketplace.
    #[arg(long, env = "TICKETING_DATA_DIR", default_value = "data")]
    pub data_dir: PathBuf,
    /// A directory that does not exist yet.
    pub target: PathBuf,
}

/// Settings of `ticketing restore`.
#[derive(Debug, Clone, Args)]
pub struct RestoreSettings {
    /// What `ticketing backup` made.
    pub backup: PathBuf,
    /// A directory that does not exist yet or is empty.
    #[arg(long, env = "TICKETING_DATA_DIR", default_value = "data")]
    pub data_dir: PathBuf,
}

/// The first environment variable that looks like a setting and is none.
#[must_use]
pub fn unknown_variable(
    command: &clap::Command,
    variables: impl Iterator<Item = String>,
) -> Option<String> {
    let known: Vec<String> = command
        .get_subcommands()
        .flat_map(clap::Command::get_arguments)
        .filter_map(|argument| argument.get_env())
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    let mut variables = variables;
    variables.find(|name| name.starts_with("TICKETING_") && !known.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn a_misspelt_variable_is_named() {
        let names = ["PATH", "TICKETING_LISTEN", "TICKETING_LISTN"].map(str::to_owned);
        let unknown = unknown_variable(&CommandLine::command(), names.into_iter());
        assert_eq!(unknown.as_deref(), Some("TICKETING_LISTN"));
    }

    #[test]
    fn trusted_proxies_are_networks() {
        let read = |words: &[&str]| {
            let line = ["ticketing", "up"].iter().chain(words);
            let command = CommandLine::try_parse_from(line).map(|line| line.command);
            command.map(|command| match command {
                Command::Up(settings) => settings.site.proxies.trusted_proxy.len(),
                _ => 0,
            })
        };
        let trust = "--trusted-proxy";
        assert_eq!(read(&[trust, "10.0.0.0/8", trust, "::1"]).ok(), Some(2));
        assert_eq!(read(&[trust, "10.0.0.0/8, 192.0.2.0/24"]).ok(), Some(2));
        let error = read(&[trust, "proxy.example"]).unwrap_err().to_string();
        assert!(
            error.contains(trust) && error.contains("10.0.0.0/8"),
            "{error}"
        );
    }

    #[test]
    fn the_command_line_is_consistent() {
        CommandLine::command().debug_assert();
    }
}
