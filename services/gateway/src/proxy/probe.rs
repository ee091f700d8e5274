//! Keeps looking who is there: resolves the names, and asks every replica whether it is ready.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use futures::future::join_all;
use platform::http::health::Readiness;

use super::exchange::{Broken, Exchange};
use super::replicas::{Health, Replica, Replicas};

/// The check that is passed once every service's replicas were asked.
pub const CHECK: &str = "upstreams asked";

/// How often replicas are asked, and names resolved.
#[derive(Debug, Clone, Copy)]
pub struct Rhythm {
    /// Between two questions to a replica.
    pub probe: Duration,
    /// How long a replica may take to answer one.
    pub answer: Duration,
    /// Between two resolutions of the names.
    pub resolve: Duration,
}

impl Default for Rhythm {
    /// Asks every second, waits two, resolves every five (Kubernetes' names live as long).
    fn default() -> Self {
        Self {
            probe: Duration::from_secs(1),
            answer: Duration::from_secs(2),
            resolve: Duration::from_secs(5),
        }
    }
}

/// Looks for ever; the first time before the gateway is ready.
pub async fn watch(all: Arc<[Replicas]>, exchange: Exchange, rhythm: Rhythm, readiness: Readiness) {
    let clock = Arc::clone(exchange.clock());
    let mut resolved_at: Option<Duration> = None;
    loop {
        // Nobody is known where services come up beside it: their names are about to mean something.
        let lacks_one = all.iter().any(|replicas| replicas.known().is_empty());
        let is_due = lacks_one
            || resolved_at.is_none_or(|at| clock.elapsed().saturating_sub(at) >= rhythm.resolve);
        if is_due {
            resolved_at = Some(clock.elapsed());
            join_all(all.iter().map(resolve)).await;
        }
        join_all(
            all.iter()
                .map(|replicas| ask_all(replicas, &exchange, rhythm)),
        )
        .await;
        readiness.set(CHECK, true);
        clock.sleep(rhythm.probe).await;
    }
}

/// Finds all addresses behind the names. Those known stay while a name can't be resolved.
async fn resolve(replicas: &Replicas) {
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for name in &replicas.named {
        match tokio::net::lookup_host(name.as_str()).await {
            Ok(found) => addresses.extend(found),
            Err(error) => {
                let service = replicas.service;
                tracing::warn!(service, name, %error, "a name can't be resolved");
                return;
            }
        }
    }
    addresses.sort_unstable();
    addresses.dedup();
    replicas.become_those_at(&addresses);
}

async fn ask_all(replicas: &Replicas, exchange: &Exchange, rhythm: Rhythm) {
    let known = replicas.known();
    join_all(known.iter().map(|replica| ask(replica, exchange, rhythm))).await;
}

async fn ask(replica: &Replica, exchange: &Exchange, rhythm: Rhythm) {
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = axum::http::Uri::from_static("/readyz");
    let health = tokio::select! {
        biased;
        answer = exchange.send(&replica.authority, request) => match answer {
            Ok(answer) if answer.status().is_success() => Health::Ready,
            Err(Broken::Unsent(..)) => Health::Dead,
            Ok(_) | Err(_) => Health::Unready,
        },
        // It is there, and too busy to say so.
        () = exchange.clock().sleep(rhythm.answer) => Health::Unready,
    };
    replica.note(health);
}
