//! I4: each event's effects happen once. I5: in order.

use std::sync::Arc;

use platform::gate::inbox::{Arrival, Verdict};
use testing::Faults;

use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn i4_doubled_events_have_one_effect() {
    let stage = Stage::start().await;
    stage.world.bus.set(Faults {
        doubled: 100,
        ..Faults::default()
    });
    stage.add_times("a", 50).await;
    stage.end(&["a"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i4_events_that_are_delivered_again_much_later_have_no_effect() {
    let stage = Stage::start().await;
    stage.add_times("a", 5).await;
    stage.rest().await;
    let gate = stage.gate("board");
    let consumer = gate.consumer("counter").unwrap();
    let again = stage.log("a").await.into_iter().rev();
    let again = again
        .map(|event| Arrival::by_bus(Arc::new(event), 1))
        .collect();
    let verdicts = gate.take(consumer, again).await.unwrap();
    assert_eq!(verdicts, vec![Verdict::Superfluous; 5]);
    stage.end(&["a"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i4_many_that_take_the_same_events_at_once_handle_each_once() {
    let stage = Stage::start().await;
    stage.lose_events();
    stage.add_times("a", 30).await;
    let gate = stage.gate("board");
    let consumer = gate.consumer("counter").unwrap();
    let events: Vec<_> = stage.log("a").await.into_iter().map(Arc::new).collect();
    let takers = (0..8).map(|_| {
        let arrivals = events
            .iter()
            .map(|event| Arrival::by_bus(Arc::clone(event), 1))
            .collect();
        gate.take(consumer, arrivals)
    });
    for outcome in futures::future::join_all(takers).await {
        outcome.unwrap();
    }
    assert_eq!(stage.cursor("board", "a").await.version, 30);
    stage.mend_wires();
    stage.end(&["a"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i5_delayed_events_are_handled_in_order() {
    let stage = Stage::start().await;
    stage.world.bus.set(Faults {
        delayed: 60,
        ..Faults::default()
    });
    for amount in 1..=40 {
        stage.add("a", amount).await;
        stage.add("b", amount).await;
    }
    stage.end(&["a", "b"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i5_an_event_that_comes_early_is_sent_back_twice_and_then_parked() {
    let stage = Stage::start().await;
    stage.cut_wires();
    stage.add_times("a", 3).await;
    let gate = stage.gate("board");
    let consumer = gate.consumer("counter").unwrap();
    let log: Vec<_> = stage.log("a").await.into_iter().map(Arc::new).collect();
    let take = async |version: usize, delivery| {
        let arrival = Arrival::by_bus(Arc::clone(&log[version - 1]), delivery);
        gate.take(consumer, vec![arrival]).await.unwrap().remove(0)
    };
    assert!(matches!(take(3, 1).await, Verdict::Again(_)));
    assert!(matches!(take(3, 2).await, Verdict::Again(_)));
    assert_eq!(take(3, 3).await, Verdict::Parked);
    // One that waits makes further ones wait too, without being sent back.
    assert_eq!(take(2, 1).await, Verdict::Parked);
    assert_eq!(stage.cursor("board", "a").await.version, 0);
    let handled = take(1, 1).await;
    assert!(
        matches!(handled, Verdict::Handled { ref cursor, .. } if cursor.version == 3),
        "{handled:?}"
    );
    assert_eq!(stage.reactions("a").await, [1, 2, 3]);
    stage.mend_wires();
    stage.end(&["a"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_re_ordering_heals_without_asking_the_owner() {
    let stage = Stage::start().await;
    stage.cut_wires();
    stage.add_times("a", 2).await;
    let gate = stage.gate("board");
    let consumer = gate.consumer("counter").unwrap();
    let swapped = stage.log("a").await.into_iter().rev();
    let swapped = swapped
        .map(|event| Arrival::by_bus(Arc::new(event), 1))
        .collect();
    let verdicts = gate.take(consumer, swapped).await.unwrap();
    assert!(
        matches!(verdicts[..], [Verdict::Again(_), Verdict::Handled { .. }]),
        "{verdicts:?}"
    );
    assert_eq!(gate.waiting().await.unwrap().stuck, 0);
    stage.mend_wires();
    stage.end(&["a"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i5_a_key_that_moves_parks_and_moves_again_in_one_transaction_keeps_its_place() {
    let stage = Stage::start().await;
    stage.cut_wires();
    stage.add_times("a", 5).await;
    stage.add_times("b", 2).await;
    let gate = stage.gate("board");
    let consumer = gate.consumer("counter").unwrap();
    let (a, b) = (stage.log("a").await, stage.log("b").await);
    let mixed = [
        &a[0], &b[0], &a[1], &a[3], &b[1], &a[2], &a[4], &a[1], &b[0],
    ];
    let arrivals = mixed
        .map(|event| Arrival::by_bus(Arc::new(event.clone()), 3))
        .to_vec();
    let verdicts = gate.take(consumer, arrivals).await.unwrap();
    let reached = verdicts.iter().map(|verdict| match verdict {
        Verdict::Handled { cursor, .. } => Some(cursor.version),
        Verdict::Parked => Some(0),
        Verdict::Superfluous | Verdict::Again(_) => None,
    });
    let expected = [
        Some(1),
        Some(1),
        Some(2),
        Some(0),
        Some(2),
        Some(4),
        Some(5),
        None,
        None,
    ];
    assert_eq!(reached.collect::<Vec<_>>(), expected);
    assert_eq!(stage.cursor("board", "a").await.version, 5);
    assert_eq!(stage.cursor("board", "b").await.version, 2);
    assert_eq!(stage.reactions("a").await, [1, 2, 3, 4, 5]);
    stage.mend_wires();
    stage.end(&["a", "b"]).await;
}
