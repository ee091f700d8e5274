//! I1: the owner's log.

use std::collections::HashMap;
use std::sync::PoisonError;

use platform::{Failure, Tx};
use testing::Faults;

use crate::stage::{Stage, keeps_files};
use crate::toys::{Counter, CounterFact, CounterState, add};

#[tokio::test(flavor = "multi_thread")]
async fn i1_versions_are_dense_under_concurrent_writers() {
    let stage = Stage::start().await;
    let mut writers = Vec::new();
    for writer in 0..16 {
        let db = stage.world.db("counters").unwrap().clone();
        writers.push(async move {
            for step in 0..25 {
                let id = if step % 2 == 0 {
                    "shared".to_owned()
                } else {
                    format!("own-{writer}")
                };
                db.write(async move |tx: &mut Tx| add(tx, &id, 1).await)
                    .await
                    .unwrap();
            }
        });
    }
    futures::future::join_all(writers).await;
    let versions: Vec<i64> = stage
        .log("shared")
        .await
        .iter()
        .map(|event| event.aggregateversion)
        .collect();
    assert_eq!(versions, (1..=16 * 13).collect::<Vec<_>>());
    stage.end(&["shared", "own-0", "own-15"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i1_appending_at_another_version_than_the_head_is_refused_and_leaves_nothing() {
    let stage = Stage::start().await;
    stage.add("a", 1).await;
    let db = stage.world.db("counters").unwrap();
    for (id, wrong) in [("a", 0), ("a", 2), ("new", 1)] {
        let outcome = db
            .write(async move |tx: &mut Tx| {
                let fact = CounterFact::Added { amount: 1 };
                tx.append::<Counter>(id, wrong, &fact, &CounterState { value: 9 })
                    .await
            })
            .await;
        assert!(
            matches!(outcome, Err(Failure::Moved { .. })),
            "{id} {wrong}: {outcome:?}"
        );
    }
    assert_eq!(stage.log("a").await.len(), 1);
    assert_eq!(stage.log("new").await.len(), 0);
    stage.end(&["a"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i1_a_failed_transaction_leaves_no_hole() {
    let stage = Stage::start().await;
    let db = stage.world.db("counters").unwrap();
    for attempt in 1..=10 {
        let outcome: platform::Result<()> = db
            .write(async move |tx: &mut Tx| {
                add(tx, "a", attempt).await?;
                if attempt % 2 == 0 {
                    return Ok(());
                }
                Err(Failure::Broken(anyhow::anyhow!("after the append")))
            })
            .await;
        assert_eq!(outcome.is_ok(), attempt % 2 == 0);
    }
    assert_eq!(stage.log("a").await.len(), 5);
    stage.end(&["a"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_published_in_order_and_once_when_the_bus_is_well() {
    let stage = Stage::start().await;
    stage.add_times("a", 40).await;
    stage.add_times("b", 40).await;
    stage.rest().await;
    let mut heard: HashMap<String, Vec<i64>> = HashMap::new();
    let published = stage
        .world
        .events
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    for event in published
        .iter()
        .filter(|event| event.aggregate == "counter")
    {
        heard
            .entry(event.subject.clone())
            .or_default()
            .push(event.aggregateversion);
    }
    let whole: Vec<i64> = (1..=40).collect();
    assert_eq!(
        heard,
        HashMap::from([("a".to_owned(), whole.clone()), ("b".to_owned(), whole)])
    );
    stage.end(&["a", "b"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unconfirmed_event_is_published_again_and_those_before_it_are_not() {
    let stage = Stage::start().await;
    stage.world.bus.set(Faults {
        unconfirmed: 30,
        ..Faults::default()
    });
    stage.add_times("a", 60).await;
    stage.rest().await;
    let published = stage
        .world
        .events
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    let versions: Vec<i64> = published
        .iter()
        .filter(|event| event.aggregate == "counter")
        .map(|event| event.aggregateversion)
        .collect();
    assert!(versions.len() > 60, "some were published again");
    assert!(
        versions.is_sorted(),
        "never an earlier one again: {versions:?}"
    );
    stage.end(&["a"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_that_crashes_with_unpublished_events_publishes_them_at_its_start() {
    let stage = Stage::start().await;
    stage.world.bus.set(Faults {
        unconfirmed: 100,
        unheard: 100,
        unanswered: 100,
        lost: 0,
        ..Faults::default()
    });
    stage.add_times("a", 3).await;
    let stage = stage.restart().await;
    let found = &stage.world.found["counters"];
    assert_eq!(found.unclean, keeps_files());
    assert_eq!(found.unpublished, 3);
    stage.until_at("board", "a", 3).await;
    stage.end(&["a"]).await;
}
