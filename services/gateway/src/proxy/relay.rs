//! One request's way through the gateway: to a replica of its service, and to another if that fails.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use metrics::{counter, histogram};
use platform::Refused;
use platform::http::layers::{Show, wants_page};
use tokio_util::sync::CancellationToken;

use super::answer::passed_on;
use super::exchange::{Broken, Exchange};
use super::replay::{Replay, TRIES_MAX};
use super::replicas::{Choice, Health, Replicas};
use super::{headers, refusals};
use crate::{service_of, unknown};

/// What every request needs.
#[derive(Clone)]
pub struct Relay {
    /// The services' replicas.
    pub all: Arc<[Replicas]>,
    /// How they are asked.
    pub exchange: Exchange,
    /// How refusals are shown to people.
    pub show: Option<Show>,
    /// Ends live streams.
    pub stopping: CancellationToken,
}

/// Answers a request with what its service answers.
pub async fn relay(State(relay): State<Relay>, request: Request) -> Response {
    let path = request.uri().path();
    let service = service_of(path);
    let is_api = path == "/api" || path.starts_with("/api/");
    if is_api && service == "web" {
        return unknown(request.uri().clone()).await;
    }
    let started = relay.exchange.clock().elapsed();
    let shown_to = Shown::new(&relay, request.uri(), request.headers());
    let replicas = relay.all.iter().find(|one| one.service == service);
    let response = match replicas {
        Some(replicas) => match relay.answer(replicas, request).await {
            Ok(response) => response,
            Err(refused) => shown_to.show(&refused),
        },
        None => shown_to.show(&refusals::nobody()),
    };
    let took = relay.exchange.clock().elapsed().saturating_sub(started);
    count(service, response.status(), took);
    response
}

impl Relay {
    async fn answer(&self, replicas: &Replicas, request: Request) -> Result<Response, Refused> {
        let request = sound(request)?;
        let replay = Replay::of(request, &self.exchange).await;
        let mut replay = replay.map_err(refusals::interrupted)?;
        let mut failed = Vec::new();
        let mut refused = None;
        while let Some(request) = replay.next() {
            let place = match replicas.choose(&failed) {
                Choice::Taken(place) => place,
                Choice::Busy => return Err(refused.unwrap_or_else(refusals::busy)),
                Choice::Nobody => return Err(refused.unwrap_or_else(refusals::nobody)),
            };
            let mut broken = match self.exchange.send(&place.0.authority, request).await {
                Ok(answer) => return Ok(passed_on(answer, place, &self.stopping)),
                Err(broken) => broken,
            };
            complain(replicas.service, &broken);
            if matches!(broken, Broken::Unsent(..)) {
                place.0.note(Health::Dead);
            }
            failed.push(Arc::clone(&place.0));
            refused = Some(refusals::of(&broken));
            if failed.len() >= TRIES_MAX || !replay.may_follow(&mut broken) {
                break;
            }
        }
        Err(refused.unwrap_or_else(refusals::lost))
    }
}

/// The request as the replica gets it, unless its head can be read in two ways.
fn sound(request: Request) -> Result<axum::http::Request<Body>, Refused> {
    let (mut parts, body) = request.into_parts();
    if parts.method == Method::CONNECT {
        return Err(Refused::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "this address does not know this method",
        ));
    }
    if !headers::is_sound(&parts) {
        return Err(refusals::ambiguous());
    }
    headers::strip(&mut parts.headers);
    headers::add_way(&mut parts);
    Ok(Request::from_parts(parts, body))
}

fn complain(service: &'static str, broken: &Broken) {
    let kind = broken.kind();
    let labels = [("service", service), ("kind", kind)];
    counter!("ticketing_gateway_upstream_errors_total", &labels).increment(1);
    match broken {
        Broken::Unsent(_, error) | Broken::Lost { error, .. } => {
            let error: &dyn std::error::Error = error;
            let cause = error.source().map(ToString::to_string);
            tracing::warn!(service, kind, %error, cause, "a replica failed");
        }
        Broken::TooSlow => tracing::warn!(service, kind, "a replica failed"),
        Broken::Interrupted(why) => tracing::debug!(service, kind, %why, "a client broke off"),
    }
}

fn count(service: &'static str, status: StatusCode, took: Duration) {
    let labels = [
        ("service", service.to_owned()),
        ("status", status.as_str().to_owned()),
    ];
    counter!("ticketing_gateway_requests_total", &labels).increment(1);
    histogram!("ticketing_gateway_request_seconds", "service" => service).record(took);
}

/// Whom a refusal is shown to.
struct Shown(Option<Show>);

impl Shown {
    fn new(relay: &Relay, uri: &Uri, headers: &HeaderMap) -> Self {
        let show = relay.show.clone();
        Self(show.filter(|_| wants_page(uri.path(), headers)))
    }

    fn show(&self, refused: &Refused) -> Response {
        match &self.0 {
            Some(show) => show(refused),
            None => refused.clone().into_response(),
        }
    }
}
