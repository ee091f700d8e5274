//! Servers that restart, die, hang or come back empty: whoever hears goes on hearing.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use platform::bus::Bus;
use platform::bus::jetstream::JetStreamBus;
use testing::nats::Server;

use crate::rig::{AGGREGATE, connect, event, eventually, next, publish, soon, stopwatch, take};

const OWNER: &str = "lasting";

/// Publishes until it is confirmed.
async fn publish_at_last(bus: &JetStreamBus, version: i64) {
    let mut ticks = tokio::time::interval(Duration::from_millis(10));
    soon(async {
        while bus.publish(&event(OWNER, "a", version)).await.is_err() {
            ticks.tick().await;
        }
    })
    .await;
}

/// Asks and tells until it is heard.
async fn words_arrive(bus: &JetStreamBus) {
    let mut news = bus.listen(OWNER).await.unwrap();
    let mut ticks = tokio::time::interval(Duration::from_millis(10));
    soon(async {
        while bus.announce(OWNER, Bytes::from_static(b"n")).await.is_err() {
            ticks.tick().await;
        }
    })
    .await;
    assert_eq!(next(&mut news).await, "n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_loses_nothing_and_ends_nothing() {
    let mut server = testing::nats::single().unwrap();
    let bus = connect(&server.url()).await;
    let mut deliveries = bus.subscribe("c", OWNER, AGGREGATE).await.unwrap();
    let mut followed = bus.follow(OWNER, AGGREGATE).await.unwrap();
    let mut questions = bus.serve(OWNER).await.unwrap();
    let kept: Vec<_> = (1..=300).map(|v| event(OWNER, "a", v)).collect();
    publish(&bus, &kept).await;
    take(&mut deliveries, &kept[..50]).await;
    for _ in &kept {
        next(&mut followed).await;
    }

    server.kill().unwrap();
    eventually(|| !bus.is_connected()).await;
    assert!(
        bus.publish(&event(OWNER, "a", 301)).await.is_err(),
        "and at once"
    );
    server.start().unwrap();

    take(&mut deliveries, &kept[50..]).await;
    publish_at_last(&bus, 301).await;
    take(&mut deliveries, &[event(OWNER, "a", 301)]).await;
    assert_eq!(next(&mut followed).await.aggregateversion, 301);
    words_arrive(&bus).await;
    let ask = bus.request(OWNER, Bytes::new(), Duration::from_secs(5));
    let answer = async {
        next(&mut questions)
            .await
            .reply
            .send(Bytes::from_static(b"!"))
    };
    assert_eq!(
        soon(async { tokio::join!(ask, answer) }).await.0.unwrap(),
        "!"
    );
}

async fn come_back_empty(server: &mut Server) {
    server.stop().unwrap();
    server.wipe().unwrap();
    server.start().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_comes_back_empty_gets_its_streams_again() {
    let mut server = testing::nats::single().unwrap();
    let bus = connect(&server.url()).await;
    let mut deliveries = bus.subscribe("c", OWNER, AGGREGATE).await.unwrap();
    publish(&bus, &[event(OWNER, "a", 1)]).await;
    take(&mut deliveries, &[event(OWNER, "a", 1)]).await;
    for version in 2..4 {
        come_back_empty(&mut server).await;
        publish_at_last(&bus, version).await;
        take(&mut deliveries, &[event(OWNER, "a", version)]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_or_stream_that_somebody_deletes_is_made_again() {
    let server = testing::nats::single().unwrap();
    let bus = connect(&server.url()).await;
    let mut deliveries = bus.subscribe("c", OWNER, AGGREGATE).await.unwrap();
    publish(&bus, &[event(OWNER, "a", 1)]).await;
    take(&mut deliveries, &[event(OWNER, "a", 1)]).await;
    let client = async_nats::connect(server.url()).await.unwrap();
    let jetstream = async_nats::jetstream::new(client);

    let stream = jetstream.get_stream("ticketing-lasting").await.unwrap();
    stream.delete_consumer("c-counter").await.unwrap();
    publish_at_last(&bus, 2).await;
    take(&mut deliveries, &[event(OWNER, "a", 2)]).await;

    jetstream.delete_stream("ticketing-lasting").await.unwrap();
    publish_at_last(&bus, 3).await;
    take(&mut deliveries, &[event(OWNER, "a", 3)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_is_noticed_and_found_again() {
    let server = testing::nats::single().unwrap();
    let bus = Arc::new(connect(&server.url()).await);
    let mut deliveries = bus.subscribe("c", OWNER, AGGREGATE).await.unwrap();
    publish(bus.as_ref(), &[event(OWNER, "a", 1)]).await;
    take(&mut deliveries, &[event(OWNER, "a", 1)]).await;

    server.pause().unwrap();
    let paused = stopwatch();
    assert!(bus.publish(&event(OWNER, "a", 2)).await.is_err());
    eventually(|| !bus.is_connected()).await;
    assert!(paused() < Duration::from_secs(12), "{:?}", paused());
    server.resume().unwrap();

    eventually(|| bus.is_connected()).await;
    // It may have arrived all the same: then this is the duplicate.
    publish_at_last(&bus, 2).await;
    publish_at_last(&bus, 3).await;
    let came = take(
        &mut deliveries,
        &[event(OWNER, "a", 2), event(OWNER, "a", 3)],
    )
    .await;
    assert!(
        came.iter().filter(|(_, version)| *version == 2).count() <= 2,
        "{came:?}"
    );
    words_arrive(&bus).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_made_while_the_server_is_away_begins_when_it_is_back() {
    let mut server = testing::nats::single().unwrap();
    let bus = connect(&server.url()).await;
    server.kill().unwrap();
    eventually(|| !bus.is_connected()).await;
    let mut deliveries = bus.subscribe("c", OWNER, AGGREGATE).await.unwrap();
    server.start().unwrap();
    publish_at_last(&bus, 1).await;
    let delivery = soon(deliveries.next()).await.unwrap();
    assert_eq!(delivery.envelope.aggregateversion, 1);
    delivery.acknowledge();
}
