//! A handler that lacks the copy of another aggregate waits for it; no attempt is counted.

use platform::Clock;
use testing::Faults;

use crate::stage::Stage;
use crate::toys::{Mood, labels};

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_waits_for_another_aggregate_goes_on_when_that_arrives() {
    let stage = Stage::start().await;
    stage.moods.set("a", Mood::NeedsLabel);
    stage.add_times("a", 3).await;
    stage.add_times("b", 3).await;
    stage.until_at("board", "b", 3).await;
    stage.until_stuck("a", "not_yet").await;
    let stuck = stage.gate("board").stuck_keys().await.unwrap().remove(0);
    assert_eq!((stuck.attempts, stuck.version, stuck.parked), (0, 0, 3));
    stage.label("a", "arrived").await;
    stage.end(&["a", "b"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_arrival_wakes_it_at_once() {
    let stage = Stage::start().await;
    stage.moods.set("a", Mood::NeedsLabel);
    stage.add("a", 1).await;
    stage.until_stuck("a", "not_yet").await;
    // Tried so often that its next try is many seconds away.
    stage
        .until(async || (stage.moods.calls("a", 1) >= 7).then_some(()))
        .await;
    stage.label("a", "arrived").await;
    // The clock is not moved from here on.
    let arrived = async || Ok((stage.cursor("board", "a").await.version == 1).then_some(()));
    let began = stage.world.clock.elapsed();
    stage.world.until(arrived).await.unwrap();
    let took = stage.world.clock.elapsed() - began;
    assert!(took < std::time::Duration::from_secs(2), "{took:?}");
    stage.end(&["a"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_waits_for_is_asked_for_when_the_bus_had_lost_it() {
    let stage = Stage::start().await;
    stage.moods.set("a", Mood::NeedsLabel);
    stage.world.bus.set(Faults {
        lost: 100,
        unheard: 100,
        ..Faults::default()
    });
    stage.label("a", "lost").await;
    stage
        .until(async || (!stage.world.events.lock().unwrap().is_empty()).then_some(()))
        .await;
    stage.world.bus.set(Faults {
        unheard: 100,
        ..Faults::default()
    });
    stage.add("a", 1).await;
    stage.until_at("board", "a", 1).await;
    stage.mend_wires();
    stage.end(&["a"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_keys_go_on_after_a_crash() {
    let stage = Stage::start().await;
    stage.moods.set("a", Mood::NeedsLabel);
    stage.add_times("a", 2).await;
    stage.until_stuck("a", "not_yet").await;
    stage.cut_wires();
    stage.label("a", "arrived").await;
    let stage = stage.restart().await;
    stage.end(&["a"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_something_that_its_owner_has_lost_is_passed_over_after_a_while() {
    let (crashed, moods) = Stage::start().await.crash().await;
    // Somebody must have said that it was put back to a backup.
    crashed.begin_new_life(labels().schema()).await.unwrap();
    let stage = Stage::start_again(crashed, moods).await;
    stage.moods.set("a", Mood::NeedsLabel);
    stage.add_times("a", 1).await;
    stage.until_stuck("a", "not_yet").await;
    let began = stage.world.clock.elapsed();
    stage.until_at("board", "a", 1).await;
    let took = stage.world.clock.elapsed() - began;
    assert!(took > std::time::Duration::from_secs(60), "{took:?}");
    assert_eq!(stage.reactions("a").await, [0; 0]);
    let skipped = stage.gate("board").skipped().await.unwrap();
    let versions: Vec<i64> = skipped.iter().map(|event| event.version).collect();
    assert_eq!(versions, [1]);
    let none_is_stuck = async || {
        let keys = stage.gate("board").stuck_keys().await.unwrap();
        keys.is_empty().then_some(())
    };
    stage.until(none_is_stuck).await;
    stage.world.end().await.unwrap();
}
