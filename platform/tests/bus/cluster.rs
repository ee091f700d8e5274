//! JetStream on three servers: the whole suite, then the loss of servers under load.

use std::sync::Arc;
use std::time::Duration;

use platform::bus::Bus;
use testing::nats::Cluster;

use crate::rig::{AGGREGATE, connect, event, over, take};
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
    let client = async_nats::connect(cluster.nodes[0].url()).await.unwrap();
    let stream = async_nats::jetstream::new(client)
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
        let events: Vec<_> = (versions..versions + 400)
            .map(|version| event(OWNER, "a", version))
            .collect();
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
