//! A bus as two processes see it, events to send, and patience.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use contracts::Envelope;
use futures::StreamExt;
use futures::stream::BoxStream;
use platform::bus::in_process::InProcessBus;
use platform::bus::jetstream::{self, JetStreamBus, Settings};
use platform::bus::{Bus, Delivery};
use platform::clock::{Clock, SystemClock};
use platform::tasks::Tasks;
use testing::nats::Server;

/// How long anything may take: longer than a server waits for one that died with what it had fetched.
pub const WITHIN: Duration = Duration::from_secs(45);

/// The aggregate type of all events here.
pub const AGGREGATE: &str = "counter";

/// One bus, from two sides: two connections where it has any.
pub struct Rig {
    pub near: Arc<dyn Bus>,
    pub far: Arc<dyn Bus>,
    _server: Option<Server>,
}

pub fn in_process() -> Rig {
    let bus = InProcessBus::new(Arc::new(SystemClock::new()), Tasks::default());
    Rig {
        near: Arc::new(bus.clone()),
        far: Arc::new(bus),
        _server: None,
    }
}

pub async fn single() -> Rig {
    let server = testing::nats::single().unwrap();
    let rig = over(&server.url()).await;
    Rig {
        _server: Some(server),
        ..rig
    }
}

pub async fn over(urls: &str) -> Rig {
    Rig {
        near: Arc::new(connect(urls).await),
        far: Arc::new(connect(urls).await),
        _server: None,
    }
}

pub async fn connect(urls: &str) -> JetStreamBus {
    let settings = Settings {
        connect_timeout: WITHIN / 3,
        ..Settings::new(urls)
    };
    jetstream::connect(&settings, &Tasks::default())
        .await
        .unwrap()
}

/// Version `version` of a counter that `owner` owns.
pub fn event(owner: &str, subject: &str, version: i64) -> Arc<Envelope> {
    event_with(owner, subject, version, "")
}

pub fn event_with(owner: &str, subject: &str, version: i64, text: &str) -> Arc<Envelope> {
    let event = serde_json::from_value(serde_json::json!({
        "specversion": "1.0", "id": format!("{AGGREGATE}/{subject}/1/{version}"),
        "source": format!("/{owner}/{AGGREGATE}/{subject}"), "type": "ticketing.counter.added.v1",
        "subject": subject, "time": "2026-01-02T03:04:05.000006Z",
        "datacontenttype": "application/json", "aggregate": AGGREGATE, "aggregateversion": version,
        "incarnation": 1, "data": {"amount": version, "state": {"value": version, "text": text}}
    }));
    Arc::new(event.unwrap())
}

/// Waits for what must come.
pub async fn soon<T>(wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(WITHIN, wait)
        .await
        .expect("it comes in time")
}

pub type Deliveries = BoxStream<'static, Delivery>;

pub async fn next<T>(stream: &mut BoxStream<'static, T>) -> T {
    soon(stream.next()).await.expect("the stream does not end")
}

/// Takes deliveries, acknowledging each, until every one of these events has come.
pub async fn take(deliveries: &mut Deliveries, wanted: &[Arc<Envelope>]) -> Vec<(String, i64)> {
    let mut missing: BTreeMap<&str, ()> = wanted.iter().map(|e| (e.id.as_str(), ())).collect();
    let mut came = Vec::new();
    while !missing.is_empty() {
        let delivery = tokio::time::timeout(WITHIN, deliveries.next()).await;
        let Ok(delivery) = delivery else {
            panic!("{} events do not come, as {missing:?}", missing.len());
        };
        let delivery = delivery.expect("the stream does not end");
        missing.remove(delivery.envelope.id.as_str());
        let event = &delivery.envelope;
        came.push((event.subject.clone(), event.aggregateversion));
        delivery.acknowledge();
    }
    came
}

pub async fn publish(bus: &dyn Bus, events: &[Arc<Envelope>]) {
    for outcome in bus.publish_all(events).await {
        outcome.unwrap();
    }
}

/// Says how long ago it was made.
pub fn stopwatch() -> impl Fn() -> Duration {
    let clock = SystemClock::new();
    move || clock.elapsed()
}

/// Looks again until it holds.
pub async fn eventually(mut holds: impl FnMut() -> bool) {
    let mut ticks = tokio::time::interval(Duration::from_millis(10));
    soon(async {
        while !holds() {
            ticks.tick().await;
        }
    })
    .await;
}
