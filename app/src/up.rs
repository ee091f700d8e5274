//! `ticketing up`: opens, mends, listens, and stops in order.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use platform::http::forwarded::TrustedProxies;
use platform::random::SystemRandom;
use platform::run::{Found, Process, begin, catch_up_sessions};
use platform::tasks::Tasks;
use platform::telemetry;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::compose::{Marketplace, Options, compose};
use crate::data_dir::DataDir;
use crate::operator::Operator;
use crate::settings::{LogFormat, UpSettings};
use crate::site::{Surroundings, site};
use crate::{control, demo, server};

/// How long requests that run at the stop may take to finish.
const FINISH_WITHIN: Duration = Duration::from_secs(10);

/// How often the databases are asked whether they answer.
const PING_EVERY: Duration = Duration::from_secs(2);

/// How long a service waits for auth's sign-outs before it is ready without them.
const SESSIONS_WITHIN: Duration = Duration::from_secs(2);

/// Runs the marketplace until it is told to stop.
///
/// # Errors
/// When a setting is not usable or a database can't be opened.
pub async fn up(settings: UpSettings) -> anyhow::Result<()> {
    let format = match settings.log_format {
        LogFormat::Text => telemetry::LogFormat::Text,
        LogFormat::Json => telemetry::LogFormat::Json,
    };
    telemetry::log(format, &settings.log).context("--log")?;
    let metrics = telemetry::metrics();
    let directory = DataDir::open(&settings.data_dir)?;
    let listener = TcpListener::bind(settings.listen)
        .await
        .with_context(|| format!("--listen {}", settings.listen))?;
    let address = listener.local_addr()?;
    let options = options(&settings, address);
    let key = directory.signing_key(&SystemRandom)?;
    let mut marketplace = compose(&options, key).await?;
    marketplace.process.readiness.set("started", false);
    let streams = Tasks::default();
    let surroundings = Surroundings {
        metrics: metrics.clone(),
        streams: streams.clone(),
    };
    let router = site(
        &options,
        &marketplace.process,
        &mut marketplace.prepared,
        surroundings,
    )
    .await?;
    let trusted = TrustedProxies::new(settings.proxies.trusted_proxy.iter().copied());
    let router = server::by_address(router, trusted, settings.request_limit);
    let process = marketplace.process.clone();
    let operator = begin_all(marketplace, &directory).await?;
    let (clock, tasks) = (Arc::clone(&process.clock), process.tasks.clone());
    tasks.spawn(async move { metrics.keep_up(clock.as_ref()).await });
    control::serve(operator.clone(), &tasks)?;
    tasks.spawn(watch_databases(operator.clone(), process.clone()));
    process.readiness.set("started", true);
    let hints = if settings.demo {
        demo::load(&router).await?
    } else {
        Vec::new()
    };
    serve(listener, router, &hints, &streams).await?;
    process.readiness.set("started", false);
    tasks.stop(FINISH_WITHIN).await;
    operator.close();
    tracing::info!("stopped");
    Ok(())
}

/// Lets all services begin, says what they found, and waits until each knows who has signed out.
async fn begin_all(marketplace: Marketplace, directory: &DataDir) -> anyhow::Result<Operator> {
    let mut gates = BTreeMap::new();
    for service in marketplace.prepared {
        let (gate, found) = begin(service).await?;
        tell(gate.context.service, &found);
        gates.insert(gate.context.service, gate);
    }
    let waiting = gates.values();
    futures::future::join_all(waiting.map(|gate| catch_up_sessions(gate, SESSIONS_WITHIN))).await;
    let bus = marketplace.process.bus;
    Ok(Operator::new(
        gates,
        marketplace.sandbox,
        bus,
        directory.path.clone(),
    ))
}

/// Says in the readiness which database does not answer.
async fn watch_databases(operator: Operator, process: Process) {
    loop {
        for (service, gate) in operator.gates.iter() {
            let answers = gate.context.db.ping().await.is_ok();
            process
                .readiness
                .set(&format!("database of {service}"), answers);
        }
        process.clock.sleep(PING_EVERY).await;
    }
}

fn options(settings: &UpSettings, address: SocketAddr) -> Options {
    Options {
        data_dir: settings.data_dir.clone(),
        public_url: settings.public_url.clone(),
        address: format!("http://{address}"),
        order_hold: settings.order_hold,
        payment_grace: settings.payment_grace,
        unpaid_holds: settings.unpaid_holds,
        signin_failures: settings.signin_failures,
        smtp_url: settings.smtp_url.clone(),
        mail_from: settings.mail_from.clone(),
        dev_mail: settings.smtp_url.is_none() && address.ip().is_loopback(),
    }
}

/// Says what a service found when it started after an unclean end, and what is done about it.
fn tell(service: &str, found: &Found) {
    if found.unclean {
        tracing::warn!(
            service,
            unpublished = found.unpublished,
            parked = found.parked,
            blocked = found.blocked,
            "the last run did not end cleanly: publishing, asking for and retrying what was left"
        );
    } else if found.blocked > 0 {
        tracing::warn!(
            service,
            blocked = found.blocked,
            "keys were blocked: each is tried once more"
        );
    }
}

async fn serve(
    listener: TcpListener,
    router: Router,
    hints: &[String],
    streams: &Tasks,
) -> anyhow::Result<()> {
    let address = listener.local_addr()?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let stop = CancellationToken::new();
    let mut server = std::pin::pin!(server::serve(listener, router, stop.clone()));
    announce(address, hints)?;
    tokio::select! {
        () = &mut server => return Ok(()),
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    tracing::info!("stopping");
    stop.cancel();
    // Live streams would never end by themselves.
    streams.stop(FINISH_WITHIN).await;
    drop(tokio::time::timeout(FINISH_WITHIN, server).await);
    Ok(())
}

fn announce(address: SocketAddr, hints: &[String]) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "listening on http://{address}")?;
    for hint in hints {
        writeln!(out, "{hint}")?;
    }
    out.flush()?;
    Ok(())
}
