//! I6: nothing is acknowledged before it is durably applied, parked or known to be superfluous.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use contracts::Envelope;
use futures::StreamExt;
use platform::Tx;
use platform::bus::{Delivery, Receipt};
use platform::db::params;
use testing::Faults;

use crate::stage::{Stage, keeps_files, needs_files};

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Acknowledged,
    Again,
}

struct Noted(Arc<Mutex<Vec<Fate>>>);

impl Receipt for Noted {
    fn acknowledge(self: Box<Self>) {
        self.0.lock().unwrap().push(Fate::Acknowledged);
    }

    fn again(self: Box<Self>, _: Duration) {
        self.0.lock().unwrap().push(Fate::Again);
    }
}

/// Hands these deliveries to board's gate and says what became of them.
async fn deliver(stage: &Stage, events: Vec<(Envelope, u32)>) -> Vec<Fate> {
    let fates = Arc::new(Mutex::new(Vec::new()));
    let deliveries: Vec<Delivery> = events
        .into_iter()
        .map(|(event, attempt)| {
            Delivery::new(Arc::new(event), attempt, Box::new(Noted(fates.clone())))
        })
        .collect();
    let gate = stage.gate("board").clone();
    let consumer = gate.consumer("counter").unwrap().clone();
    gate.run(consumer, futures::stream::iter(deliveries).boxed())
        .await;
    fates.lock().unwrap().clone()
}

/// Lets a database grow no further, or again.
async fn fill_disk(stage: &Stage, service: &str, full: bool) {
    let work = async move |tx: &mut Tx| {
        let pages: i64 = tx.query_one("pragma page_count", params![]).await?.get(0)?;
        let limit = if full { pages } else { 1_000_000 };
        tx.query(&format!("pragma max_page_count = {limit}"), params![])
            .await
            .map(drop)
    };
    stage.world.db(service).unwrap().write(work).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn i6_what_is_acknowledged_survives_a_crash() {
    let stage = Stage::start().await;
    stage.cut_wires();
    stage.add_times("a", 4).await;
    let log = stage.log("a").await;
    let events = vec![
        (log[0].clone(), 1),
        (log[2].clone(), 3),
        (log[0].clone(), 2),
        (log[3].clone(), 1),
    ];
    assert_eq!(deliver(&stage, events).await, [Fate::Acknowledged; 4]);
    let (crashed, moods) = stage.crash().await;
    let stage = Stage::start_again(crashed, moods).await;
    assert_eq!(
        stage.world.found["board"].parked, 2,
        "the third and the fourth"
    );
    assert!(stage.cursor("board", "a").await.version >= 1);
    stage.end(&["a"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i6_an_event_that_came_too_early_is_not_acknowledged_at_first() {
    let stage = Stage::start().await;
    stage.cut_wires();
    stage.add_times("a", 2).await;
    let log = stage.log("a").await;
    assert_eq!(
        deliver(&stage, vec![(log[1].clone(), 1)]).await,
        [Fate::Again]
    );
    assert_eq!(
        deliver(&stage, vec![(log[1].clone(), 3)]).await,
        [Fate::Acknowledged]
    );
    assert_eq!(stage.gate("board").waiting().await.unwrap().parked, 1);
    stage.mend_wires();
    stage.end(&["a"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i6_nothing_is_acknowledged_while_the_disk_is_full() {
    if !needs_files() {
        return;
    }
    let stage = Stage::start().await;
    stage.cut_wires();
    stage.add_times("a", 200).await;
    let log = stage.log("a").await;
    fill_disk(&stage, "board", true).await;
    // Far more than what is left of the last page can hold.
    let events: Vec<_> = log.iter().map(|event| (event.clone(), 1)).collect();
    let fates = deliver(&stage, events).await;
    assert_eq!(fates.len(), 200);
    let acknowledged = fates
        .iter()
        .filter(|fate| **fate == Fate::Acknowledged)
        .count();
    assert!(acknowledged < 200, "the disk was full");
    let cursor = stage.cursor("board", "a").await.version;
    assert!(
        i64::try_from(acknowledged).unwrap() <= cursor,
        "{acknowledged} of {cursor}"
    );
    assert_eq!(stage.reactions("a").await, (1..=cursor).collect::<Vec<_>>());
    assert_eq!(
        stage.gate("board").stuck_keys().await.unwrap().len(),
        0,
        "no attempt was counted"
    );
    fill_disk(&stage, "board", false).await;
    stage.mend_wires();
    stage.end(&["a"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i6_a_crash_between_commit_and_acknowledgement_repeats_no_effect() {
    let mut stage = Stage::start().await;
    for round in 1..=4 {
        // Every delivery comes again and again, and the crash comes in between.
        stage.world.bus.set(Faults {
            doubled: 100,
            delayed: 20,
            ..Faults::default()
        });
        stage.add_times("a", 20).await;
        stage.until_at("board", "a", round * 20 - 10).await;
        stage = stage.restart().await;
        assert_eq!(stage.world.found["board"].unclean, keeps_files());
    }
    stage.end(&["a"]).await;
}
