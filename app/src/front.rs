//! What every process shows: its log, its listener, its first line, and how it stops.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use platform::clock::SystemClock;
use platform::http::layers::Show;
use platform::tasks::Tasks;
use platform::telemetry::spans::Spans;
use platform::telemetry::{self, Metrics, otlp};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::leaving::Leaving;
use crate::server;
use crate::settings::{LogFormat, SiteSettings};

/// How long what runs at the stop may take to finish.
pub const FINISH_WITHIN: Duration = Duration::from_secs(10);

/// Begins the log and the figures, and tells a collector of spans if there is one.
///
/// # Errors
/// When the log's setting is not usable.
pub fn tell(settings: &SiteSettings, service: &'static str) -> anyhow::Result<Metrics> {
    let format = match settings.log_format {
        LogFormat::Text => telemetry::LogFormat::Text,
        LogFormat::Json => telemetry::LogFormat::Json,
    };
    let metrics = telemetry::metrics();
    let collected = settings.otlp_endpoint.clone().map(|endpoint| {
        let (spans, arriving) = Spans::collected();
        let telling = async move {
            otlp::tell(endpoint, service, arriving, &SystemClock::new()).await;
        };
        (spans, telling)
    });
    let (spans, telling) = collected.unzip();
    telemetry::log(format, &settings.log, spans).context("--log")?;
    if let Some(telling) = telling {
        #[expect(
            clippy::disallowed_methods,
            reason = "it tells of whatever ends, the other tasks among it, until the process does"
        )]
        tokio::spawn(telling);
    }
    Ok(metrics)
}

/// Takes the address.
///
/// # Errors
/// When it can't be had.
pub async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("--listen {address}"))
}

/// Looks behind trusted proxies, and limits requests if a limit is set.
pub fn limited(router: Router, settings: &SiteSettings, show: Option<Show>) -> Router {
    server::by_address(
        router,
        settings.trusted(),
        settings.limits.request_limit,
        show,
    )
}

/// Says that requests are answered.
///
/// # Errors
/// When nobody can be told.
pub fn announce(address: SocketAddr, hints: &[String]) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "listening on http://{address}")?;
    for hint in hints {
        writeln!(out, "{hint}")?;
    }
    out.flush()?;
    Ok(())
}

/// Hears that the process is to stop.
pub struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    /// From now on a signal does not end the process by itself.
    ///
    /// # Errors
    /// When signals can't be heard.
    pub fn hear() -> anyhow::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Returns once it is to stop.
    pub async fn told(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
        tracing::info!("stopping");
    }
}

/// Answers requests until the process is told to stop, and then those that are under way.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    (stop, leaving): (&mut Stop, &Leaving),
    streams: &Tasks,
) {
    let end = CancellationToken::new();
    let router = leaving.around(router);
    let mut server = std::pin::pin!(server::serve(listener, router, end.clone()));
    tokio::select! {
        () = &mut server => return,
        () = leaving.told(stop) => {}
    }
    end.cancel();
    // Live streams would never end by themselves.
    streams.stop(FINISH_WITHIN).await;
    drop(tokio::time::timeout(FINISH_WITHIN, server).await);
}
