//! JetStream on three servers: the whole suite, then the loss of servers under load.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::Context;
use async_nats::jetstream::consumer::{Info, PullConsumer, pull};
use contracts::Envelope;
use futures::StreamExt;
use platform::bus::Bus;
use testing::nats::{Cluster, Server};

use crate::rig::{AGGREGATE, Deliveries, connect, event, over, soon, stopwatch, take};
use crate::suite::all_cases;

macro_rules! at_once {
    ($rig:expr, $($suite:ident :: $case:ident),+ $(,)?) => {
        tokio::join!($(crate::$suite::$case(&$rig)),+)
    };
}

#[tokio::test(flavor = "multi_thread")]
async fn three_servers_do_what_one_does() {
    let cluster = Cluster::start().unwrap();
    let rig = over(&cluster.urls()).await;
    all_cases!(at_once, rig);
    let stream = beside(&cluster)
        .await
        .get_stream("ticketing-ordered")
        .await
        .unwrap();
    assert_eq!(stream.cached_info().config.num_replicas, 3);
}

/// Publishes each until it is confirmed, as the relay does.
async fn publish_on(bus: Arc<dyn Bus>, owner: &'static str, versions: std::ops::Range<i64>) {
    let mut ticks = tokio::time::interval(Duration::from_millis(10));
    for version in versions {
        while bus.publish(&event(owner, "a", version)).await.is_err() {
            ticks.tick().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_confirmed_event_is_lost_with_a_server() {
    const OWNER: &str = "surviving";
    let mut cluster = Cluster::start().unwrap();
    let bus: Arc<dyn Bus> = Arc::new(connect(&cluster.urls()).await);
    let mut deliveries = bus.subscribe("c", OWNER, AGGREGATE).await.unwrap();
    publish_on(Arc::clone(&bus), OWNER, 1..2).await;

    for round in 0..2 {
        let leader = cluster.leader_of("ticketing-surviving").unwrap();
        // First another one, then the one that leads.
        let victim = (leader + 1 - round) % 3;
        let versions = i64::try_from(round).unwrap() * 400 + 2;
        let events = events(OWNER, versions..versions + 400);
        let publishing = publish_on(Arc::clone(&bus), OWNER, versions..versions + 400);
        let losing = async {
            take(&mut deliveries, &events[..100]).await;
            cluster.nodes[victim].kill().unwrap();
            take(&mut deliveries, &events[100..]).await;
        };
        tokio::join!(publishing, losing);
        cluster.nodes[victim].start().unwrap();
    }
}

/// A connection beside the bus's own, to any server that answers.
async fn beside(cluster: &Cluster) -> Context {
    let urls: Vec<String> = cluster.nodes.iter().map(Server::url).collect();
    async_nats::jetstream::new(async_nats::connect(urls).await.unwrap())
}

/// How a consumer of the events of `owner` stands on the servers, once they say so.
async fn stands(cluster: &Cluster, owner: &str) -> Info {
    let jetstream = beside(cluster).await;
    let durable = format!("c-{AGGREGATE}");
    let stream = format!("ticketing-{owner}");
    let mut ticks = tokio::time::interval(Duration::from_millis(100));
    loop {
        ticks.tick().await;
        let asked = jetstream.get_consumer_from_stream(&durable, &stream);
        let told: Result<PullConsumer, _> = asked.await;
        if let Ok(consumer) = told {
            return consumer.cached_info().clone();
        }
    }
}

/// The number of the server that keeps a consumer's place.
fn keeper(info: &Info) -> usize {
    let name = info.cluster.as_ref().unwrap().leader.as_deref();
    let number = name.unwrap().strip_prefix('n').unwrap();
    number.parse::<usize>().unwrap() - 1
}

fn events(owner: &str, versions: std::ops::Range<i64>) -> Vec<Arc<Envelope>> {
    versions.map(|version| event(owner, "a", version)).collect()
}

/// A consumer that has heard the first nineteen events of `owner`.
async fn heard(cluster: &Cluster, owner: &'static str) -> (Arc<dyn Bus>, Deliveries) {
    let bus: Arc<dyn Bus> = Arc::new(connect(&cluster.urls()).await);
    let mut deliveries = bus.subscribe("c", owner, AGGREGATE).await.unwrap();
    publish_on(Arc::clone(&bus), owner, 1..20).await;
    take(&mut deliveries, &events(owner, 1..20)).await;
    (bus, deliveries)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_goes_on_elsewhere_when_its_server_is_gone() {
    const OWNER: &str = "moving";
    let mut cluster = Cluster::start().unwrap();
    let (bus, mut deliveries) = heard(&cluster, OWNER).await;
    let first = stands(&cluster, OWNER).await;
    assert_eq!(first.config.num_replicas, 1, "one server keeps the place");

    let victim = keeper(&first);
    cluster.nodes[victim].kill().unwrap();
    publish_on(Arc::clone(&bus), OWNER, 20..40).await;
    let came = take(&mut deliveries, &events(OWNER, 20..40)).await;
    assert!(
        came.iter().all(|(_, version)| *version >= 20),
        "what was acknowledged came again: {came:?}"
    );
    assert_ne!(keeper(&stands(&cluster, OWNER).await), victim);

    cluster.nodes[victim].start().unwrap();
    publish_on(Arc::clone(&bus), OWNER, 40..60).await;
    let came = take(&mut deliveries, &events(OWNER, 40..60)).await;
    assert_eq!(came.len(), 20, "some came again: {came:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_stays_where_it_is_when_its_server_starts_again() {
    const OWNER: &str = "staying";
    let mut cluster = Cluster::start().unwrap();
    let (bus, mut deliveries) = heard(&cluster, OWNER).await;
    let first = stands(&cluster, OWNER).await;

    let restarted = keeper(&first);
    let away = stopwatch();
    cluster.nodes[restarted].kill().unwrap();
    cluster.nodes[restarted].start().unwrap();
    soon(stands(&cluster, OWNER)).await;
    let was_soon_back = away() < Duration::from_secs(8);
    publish_on(Arc::clone(&bus), OWNER, 20..40).await;
    let came = take(&mut deliveries, &events(OWNER, 20..40)).await;
    assert!(
        came.iter().all(|(_, version)| *version >= 20),
        "what was acknowledged came again: {came:?}"
    );
    if was_soon_back {
        let then = stands(&cluster, OWNER).await;
        assert_eq!(keeper(&then), restarted);
        let delivered = then.delivered.consumer_sequence;
        assert!(delivered >= 39, "it was made anew: {delivered}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_three_servers_kept_is_taken_over() {
    const OWNER: &str = "narrowed";
    let cluster = Cluster::start().unwrap();
    let bus: Arc<dyn Bus> = Arc::new(connect(&cluster.urls()).await);
    publish_on(Arc::clone(&bus), OWNER, 1..20).await;
    let jetstream = beside(&cluster).await;
    let config = pull::Config {
        durable_name: Some(format!("c-{AGGREGATE}")),
        filter_subject: format!("ticketing.{OWNER}.{AGGREGATE}.*.*"),
        num_replicas: 3,
        ..pull::Config::default()
    };
    let consumer = jetstream
        .create_consumer_on_stream(config, format!("ticketing-{OWNER}"))
        .await
        .unwrap();
    let mut messages = consumer.fetch().max_messages(10).messages().await.unwrap();
    while let Some(message) = messages.next().await {
        message.unwrap().double_ack().await.unwrap();
    }
    drop(messages);

    let mut deliveries = bus.subscribe("c", OWNER, AGGREGATE).await.unwrap();
    let came = take(&mut deliveries, &events(OWNER, 11..20)).await;
    assert!(
        came.iter().all(|(_, version)| *version > 10),
        "what was acknowledged came again: {came:?}"
    );
    assert_eq!(stands(&cluster, OWNER).await.config.num_replicas, 1);
}
