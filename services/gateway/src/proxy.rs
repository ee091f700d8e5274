//! The gateway as a process of its own: a reverse proxy by the table of path prefixes.

mod answer;
mod connector;
pub(crate) mod exchange;
pub(crate) mod headers;
mod probe;
pub(crate) mod refusals;
mod relay;
pub(crate) mod replay;
mod replicas;
pub(crate) mod upload;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use platform::Clock;
use platform::http::forwarded::{TrustedProxies, looking_behind};
use platform::http::health::{self, Readiness};
use platform::http::layers::{LayerSettings, Show, layered};
use platform::random::Random;
use platform::tasks::Tasks;
use platform::telemetry::Metrics;

use crate::TABLE;
use exchange::Exchange;
use relay::Relay;
use replicas::Replicas;

pub use exchange::Patience;
pub use probe::Rhythm;

/// How many bytes a request's body may have: the services take less (64 KiB), and say so themselves.
const BODY_MAX: usize = 1024 * 1024;

/// How many requests, live streams included, a replica is given at once.
const IN_FLIGHT_MAX: usize = 2048;

/// How long a whole request may take to arrive and be answered, whatever it does meanwhile.
const REQUEST_WITHIN: Duration = Duration::from_secs(120);

/// What the gateway is told.
#[derive(Clone)]
pub struct Settings {
    /// For each service of the table its addresses, `host:port`. A name stands for all its addresses.
    pub upstreams: BTreeMap<String, Vec<String>>,
    /// Whose `X-Forwarded-…` is believed.
    pub trusted: TrustedProxies,
    /// The address under which people reach the site, if it is known.
    pub public_url: Option<Arc<str>>,
    /// The API document, answered at `/api/openapi.json`.
    pub document: Arc<str>,
    /// How refusals are shown to people; as problems if `None`.
    pub show: Option<Show>,
    /// How long the steps of an exchange may take.
    pub patience: Patience,
    /// How often it is looked who is there.
    pub rhythm: Rhythm,
    /// How many bytes a request's body may have.
    pub body_max: usize,
    /// How many requests a replica is given at once.
    pub in_flight_max: usize,
}

impl Settings {
    /// The usual limits.
    #[must_use]
    pub fn new(upstreams: BTreeMap<String, Vec<String>>, document: Arc<str>) -> Self {
        Self {
            upstreams,
            trusted: TrustedProxies::default(),
            public_url: None,
            document,
            show: None,
            patience: Patience::default(),
            rhythm: Rhythm::default(),
            body_max: BODY_MAX,
            in_flight_max: IN_FLIGHT_MAX,
        }
    }
}

/// What the gateway is given by its process.
#[derive(Clone)]
pub struct Surroundings {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness, for ids.
    pub random: Arc<dyn Random>,
    /// Looks who is there, and ends the live streams that pass through once it is stopped.
    pub tasks: Tasks,
    /// Answered at `/readyz`.
    pub readiness: Readiness,
    /// Answered at `/metrics`.
    pub metrics: Metrics,
}

/// The gateway, ready to be served; starts to look who is there.
pub fn proxy(settings: Settings, around: Surroundings) -> Router {
    let exchange = Exchange::new(&around.clock, settings.patience);
    let all: Arc<[Replicas]> = services()
        .map(|service| {
            let named = settings.upstreams.get(service).cloned().unwrap_or_default();
            Replicas::new(service, named, settings.in_flight_max)
        })
        .collect();
    around.readiness.set(probe::CHECK, false);
    around.tasks.spawn(probe::watch(
        Arc::clone(&all),
        Exchange::anew(&around.clock, settings.patience),
        settings.rhythm,
        around.readiness.clone(),
    ));
    let relay = Relay {
        all,
        exchange,
        show: settings.show.clone(),
        stopping: around.tasks.stopping(),
    };
    let document = settings.document.to_string();
    let answer = move || std::future::ready(([("content-type", "application/json")], document));
    let routes = Router::new()
        .route("/api/openapi.json", get(answer))
        .fallback(relay::relay)
        .with_state(relay)
        .merge(health::routes(around.readiness, around.metrics));
    let layers = LayerSettings {
        public_url: settings.public_url,
        body_limit: settings.body_max,
        timeout: REQUEST_WITHIN,
        show: settings.show,
        ..LayerSettings::new(around.clock, around.random)
    };
    looking_behind(layered(routes, &layers), settings.trusted)
}

/// Every service of the table, once.
fn services() -> impl Iterator<Item = &'static str> {
    let mut services: Vec<_> = TABLE.iter().map(|route| route.service).collect();
    services.sort_unstable();
    services.dedup();
    services.into_iter()
}
