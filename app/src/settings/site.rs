//! What matters to a marketplace however it is put together.

use std::time::Duration;

use clap::{Args, ValueEnum};
use ipnet::IpNet;
use platform::http::forwarded::{TrustedProxies, parse_network};
use platform::telemetry::otlp::Endpoint;

use super::limits::LimitSettings;
use super::parse::{parse_duration, parse_public_url};

/// What matters to a marketplace however it is put together.
#[derive(Debug, Clone, Args)]
pub struct SiteSettings {
    /// The address under which people reach the site, such as https://tickets.example.
    #[arg(long, env = "TICKETING_PUBLIC_URL", value_parser = parse_public_url)]
    pub public_url: Option<String>,
    /// How long a ticket is held for its buyer.
    #[arg(long, env = "TICKETING_ORDER_HOLD", default_value = "15m", value_parser = parse_duration)]
    pub order_hold: Duration,
    /// How long a payment that began in time keeps its order.
    #[arg(long, env = "TICKETING_PAYMENT_GRACE", default_value = "5m", value_parser = parse_duration)]
    pub payment_grace: Duration,
    /// Who takes the money.
    #[arg(long, env = "TICKETING_PAYMENT_PROVIDER", default_value = "sandbox")]
    pub payment_provider: PaymentProvider,
    /// Where mail is handed over, smtp://user:password@host:port or smtps://…; files without it.
    #[arg(long, env = "TICKETING_SMTP_URL", hide_env_values = true)]
    pub smtp_url: Option<String>,
    /// Who mail comes from.
    #[arg(long, env = "TICKETING_MAIL_FROM", default_value = crate::compose::MAIL_FROM)]
    pub mail_from: String,
    /// How much is taken.
    #[command(flatten)]
    pub limits: LimitSettings,
    /// Which proxies stand in front.
    #[command(flatten)]
    pub proxies: ProxySettings,
    /// How long to answer on after being told to stop, while load balancers hear that it is not ready.
    #[arg(long, env = "TICKETING_DRAIN_FOR", value_parser = parse_duration)]
    pub drain_for: Option<Duration>,
    /// A collector that is told of spans by OTLP over HTTP, such as http://collector:4318.
    #[arg(long, env = "TICKETING_OTLP_ENDPOINT")]
    pub otlp_endpoint: Option<Endpoint>,
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

impl SiteSettings {
    /// The proxies whose word about addresses counts.
    #[must_use]
    pub fn trusted(&self) -> TrustedProxies {
        TrustedProxies::new(self.proxies.trusted_proxy.iter().copied())
    }
}
