//! What the command line and the environment can say, checked before anything starts.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use ipnet::IpNet;
use platform::http::forwarded::parse_network;

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
    #[arg(long, env = "TICKETING_DEMO")]
    pub demo: bool,
    /// The address under which people reach the site, such as https://tickets.example.
    #[arg(long, env = "TICKETING_PUBLIC_URL", value_parser = parse_public_url)]
    pub public_url: Option<String>,
    /// How long a ticket is held for its buyer.
    #[arg(long, env = "TICKETING_ORDER_HOLD", default_value = "15m", value_parser = parse_duration)]
    pub order_hold: Duration,
    /// How long a payment that began in time keeps its order.
    #[arg(long, env = "TICKETING_PAYMENT_GRACE", default_value = "5m", value_parser = parse_duration)]
    pub payment_grace: Duration,
    /// How many unpaid holds a buyer may have.
    #[arg(long, env = "TICKETING_UNPAID_HOLDS", default_value_t = 10, value_parser = clap::value_parser!(i64).range(1..=10_000))]
    pub unpaid_holds: i64,
    /// Who takes the money.
    #[arg(long, env = "TICKETING_PAYMENT_PROVIDER", default_value = "sandbox")]
    pub payment_provider: PaymentProvider,
    /// Where mail is handed over, smtp://user:password@host:port or smtps://…; files without it.
    #[arg(long, env = "TICKETING_SMTP_URL", hide_env_values = true)]
    pub smtp_url: Option<String>,
    /// Who mail comes from.
    #[arg(long, env = "TICKETING_MAIL_FROM", default_value = crate::compose::MAIL_FROM)]
    pub mail_from: String,
    /// Failed sign-ins per minute, per account and per address.
    #[arg(long, env = "TICKETING_SIGNIN_FAILURES", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub signin_failures: u32,
    /// Requests per second and address above which 429 is answered; no limit without it.
    #[arg(long, env = "TICKETING_REQUEST_LIMIT")]
    pub request_limit: Option<NonZeroU32>,
    /// Whose word about addresses counts.
    #[command(flatten)]
    pub proxies: ProxySettings,
    /// How the log is written to standard error.
    #[arg(long, env = "TICKETING_LOG_FORMAT", default_value = "text")]
    pub log_format: LogFormat,
    /// Which log lines are written, in the syntax of tracing's `EnvFilter`.
    #[arg(long, env = "TICKETING_LOG", default_value = "info")]
    pub log: String,
}

/// Which proxies stand in front.
#[derive(Debug, Clone, Default, Args)]
pub struct ProxySettings {
    /// A proxy in front, as an address or a network such as 10.0.0.0/8; repeatable. Its
    /// X-Forwarded-For is believed.
    #[arg(long, env = "TICKETING_TRUSTED_PROXY", value_name = "CIDR", value_delimiter = ',', value_parser = parse_network)]
    pub trusted_proxy: Vec<IpNet>,
}

/// Who takes the money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PaymentProvider {
    /// A provider of our own that moves no money and behaves like a real one.
    Sandbox,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Settings of `ticketing check`.
#[derive(Debug, Clone, Args)]
pub struct CheckSettings {
    /// The data directory of the marketplace.
    #[arg(long, env = "TICKETING_DATA_DIR", default_value = "data")]
    pub data_dir: PathBuf,
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

/// Reads `15m`, `90s`, `500ms`, `2h`.
fn parse_duration(text: &str) -> Result<Duration, String> {
    let split = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: u64 = number
        .parse()
        .map_err(|_| "write a number and a unit, such as 15m")?;
    let millis = match unit {
        "ms" => Some(number),
        "s" => number.checked_mul(1_000),
        "m" => number.checked_mul(60_000),
        "h" => number.checked_mul(3_600_000),
        _ => return Err("the unit must be ms, s, m or h, such as 15m".to_owned()),
    };
    match millis {
        Some(millis) if (1..=31_536_000_000).contains(&millis) => Ok(Duration::from_millis(millis)),
        _ => Err("must be between 1ms and a year".to_owned()),
    }
}

/// Takes `http://host[:port]` or `https://host[:port]`, without a path.
fn parse_public_url(text: &str) -> Result<String, String> {
    let text = text.trim_end_matches('/');
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    match rest {
        Some(host) if !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ']) => {
            Ok(text.to_owned())
        }
        _ => Err("write it as https://tickets.example, without a path".to_owned()),
    }
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
    fn durations_have_a_unit() {
        assert_eq!(parse_duration("15m"), Ok(Duration::from_secs(900)));
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        for bad in [
            "",
            "15",
            "m",
            "0s",
            "-1s",
            "1.5h",
            "1d",
            "99999999999999999999s",
        ] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_public_url_has_no_path() {
        assert_eq!(
            parse_public_url("https://tickets.example/"),
            Ok("https://tickets.example".to_owned())
        );
        for bad in [
            "tickets.example",
            "ftp://x",
            "https://",
            "https://x/y",
            "https://a@b",
        ] {
            assert!(parse_public_url(bad).is_err(), "{bad}");
        }
    }

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
                Command::Up(settings) => settings.proxies.trusted_proxy.len(),
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
