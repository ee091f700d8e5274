//! What JetStream keeps for consumers that are away, and how streams come to be.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::stream::Stream;
use futures::StreamExt;
use futures::future::join_all;
use platform::bus::Bus;
use platform::bus::jetstream::{self, Settings};
use platform::tasks::Tasks;

use crate::rig::{AGGREGATE, connect, event, event_with, next, publish, take};

const OWNER: &str = "keepers";

async fn stream(url: &str) -> Stream {
    let client = async_nats::connect(url).await.unwrap();
    let jetstream = async_nats::jetstream::new(client);
    jetstream.get_stream("ticketing-keepers").await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_restarts_gets_what_it_had_not_acknowledged() {
    let server = testing::nats::single().unwrap();
    let events: Vec<_> = (1..=100).map(|v| event(OWNER, "a", v)).collect();
    let tasks = Tasks::default();
    let bus = jetstream::connect(&Settings::new(server.url()), &tasks)
        .await
        .unwrap();
    let mut deliveries = bus.subscribe("c", OWNER, AGGREGATE).await.unwrap();
    publish(&bus, &events).await;
    take(&mut deliveries, &events[..10]).await;
    drop(deliveries);
    tasks.stop(Duration::from_secs(5)).await;
    drop(bus);

    let bus = connect(&server.url()).await;
    let mut deliveries = bus.subscribe("c", OWNER, AGGREGATE).await.unwrap();
    let came = take(&mut deliveries, &events[10..]).await;
    let acknowledged: Vec<_> = came.iter().filter(|(_, version)| *version <= 10).collect();
    assert!(acknowledged.is_empty(), "{acknowledged:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_consumer_hears_an_old_stream_from_its_beginning() {
    let server = testing::nats::single().unwrap();
    let bus = connect(&server.url()).await;
    let events: Vec<_> = (1..=200).map(|v| event(OWNER, "a", v)).collect();
    publish(&bus, &events).await;
    let mut deliveries = bus.subscribe("late", OWNER, AGGREGATE).await.unwrap();
    let came = take(&mut deliveries, &events).await;
    assert_eq!(
        came,
        (1..=200).map(|v| ("a".to_owned(), v)).collect::<Vec<_>>()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_published_again_is_kept_once() {
    let server = testing::nats::single().unwrap();
    let bus = connect(&server.url()).await;
    let events: Vec<_> = (1..=5).map(|v| event(OWNER, "a", v)).collect();
    publish(&bus, &events).await;
    publish(&connect(&server.url()).await, &events).await;
    assert_eq!(stream(&server.url()).await.cached_info().state.messages, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_processes_make_one_stream() {
    let server = testing::nats::single().unwrap();
    let url = server.url();
    let starts = (1..=8).map(|number| {
        let url = url.clone();
        async move {
            let bus = connect(&url).await;
            publish(&bus, &[event(OWNER, "a", number)]).await;
            bus.subscribe("c", OWNER, AGGREGATE).await.unwrap()
        }
    });
    let deliveries = join_all(starts).await;
    let events: Vec<_> = (1..=8).map(|v| event(OWNER, "a", v)).collect();
    let came = take(
        &mut futures::stream::select_all(deliveries).boxed(),
        &events,
    )
    .await;
    assert_eq!(came.len(), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_settings_adapt_a_stream_and_keep_what_is_in_it() {
    let server = testing::nats::single().unwrap();
    publish(&connect(&server.url()).await, &[event(OWNER, "a", 1)]).await;
    let settings = Settings {
        max_age: Duration::from_secs(3600),
        max_bytes: 1_000_000,
        ..Settings::new(server.url())
    };
    let bus = jetstream::connect(&settings, &Tasks::default())
        .await
        .unwrap();
    publish(&bus, &[event(OWNER, "a", 2)]).await;
    let stream = stream(&server.url()).await;
    let info = stream.cached_info();
    assert_eq!(info.config.max_age, Duration::from_secs(3600));
    assert_eq!(info.config.max_bytes, 1_000_000);
    assert_eq!(info.state.messages, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn sites_with_other_namespaces_do_not_hear_each_other() {
    let server = testing::nats::single().unwrap();
    let here = connect(&server.url()).await;
    let settings = Settings {
        namespace: "elsewhere".to_owned(),
        ..Settings::new(server.url())
    };
    let there = jetstream::connect(&settings, &Tasks::default())
        .await
        .unwrap();
    let mut deliveries = there.subscribe("c", OWNER, AGGREGATE).await.unwrap();
    publish(&here, &[event(OWNER, "a", 1)]).await;
    publish(&there, &[event(OWNER, "a", 2)]).await;
    let came = next(&mut deliveries).await;
    assert_eq!(came.envelope.aggregateversion, 2);
    came.acknowledge();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_event_that_fails_takes_no_other_with_it() {
    let server = testing::nats::single().unwrap();
    let bus = connect(&server.url()).await;
    let too_large = "x".repeat(2 * 1024 * 1024);
    let events = [
        event(OWNER, "a", 1),
        event_with(OWNER, "b", 1, &too_large),
        event(OWNER, "a", 2),
    ];
    let outcomes = bus.publish_all(&events).await;
    let taken: Vec<bool> = outcomes.iter().map(Result::is_ok).collect();
    assert_eq!(taken, [true, false, true]);
    let mut deliveries = bus.subscribe("c", OWNER, AGGREGATE).await.unwrap();
    let came = take(
        &mut deliveries,
        &[Arc::clone(&events[0]), Arc::clone(&events[2])],
    )
    .await;
    assert_eq!(came.len(), 2);
    assert!(bus.publish_all(&[]).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_event_is_passed_over_for_good() {
    let server = testing::nats::single().unwrap();
    let bus = connect(&server.url()).await;
    let (first, second) = (event(OWNER, "a", 1), event(OWNER, "a", 2));
    publish(&bus, &[first]).await;
    let client = async_nats::connect(server.url()).await.unwrap();
    let jetstream = async_nats::jetstream::new(client);
    let subject = "ticketing.keepers.counter.0.b";
    jetstream
        .publish(subject, "junk".into())
        .await
        .unwrap()
        .await
        .unwrap();
    publish(&bus, &[Arc::clone(&second)]).await;
    let mut deliveries = bus.subscribe("c", OWNER, AGGREGATE).await.unwrap();
    take(&mut deliveries, &[second]).await;
    let mut stream = stream(&server.url()).await;
    assert_eq!(stream.info().await.unwrap().state.messages, 3);
    let consumer: async_nats::jetstream::consumer::PullConsumer =
        stream.get_consumer("c-counter").await.unwrap();
    let mut ticks = tokio::time::interval(Duration::from_millis(10));
    crate::rig::soon(async {
        while consumer.get_info().await.unwrap().num_ack_pending > 0 {
            ticks.tick().await;
        }
    })
    .await;
}
