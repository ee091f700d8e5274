//! An owner that was restored from a backup begins a new life of its log: consumers fall back to where
//! both agree, and go on from there.

use std::collections::BTreeSet;

use platform::Failure;
use platform::log::partition;
use testing::{Backup, Crashed, Faults};

use crate::stage::Stage;
use crate::toys::{Mood, Moods, counters};

/// A copy of the owner's running database.
fn back_up(stage: &Stage) -> Backup {
    stage.world.back_up("counters").unwrap()
}

/// In how many lives of the log counter a's events were written.
async fn lives(stage: &Stage) -> usize {
    let lives = stage.log("a").await.into_iter();
    let lives: BTreeSet<i64> = lives.map(|event| event.incarnation).collect();
    lives.len()
}

/// Crashes, and puts the owner back to its backup.
async fn restore(stage: Stage, backup: &Backup) -> (Crashed, Moods) {
    let (crashed, moods) = stage.crash().await;
    crashed.put_back(backup).unwrap();
    let schema = counters().schema();
    crashed.begin_new_life(schema).await.unwrap();
    (crashed, moods)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_falls_back_to_where_both_logs_agree_and_goes_on() {
    let stage = Stage::start().await;
    stage.add_times("a", 3).await;
    let backup = back_up(&stage);
    stage.add_times("a", 2).await;
    stage.add("lost", 1).await;
    stage.rest().await;
    let (crashed, moods) = restore(stage, &backup).await;
    let stage = Stage::start_again(crashed, moods).await;
    stage.add_times("a", 4).await;
    stage.rest().await;
    // Versions 4 and 5 of the old life had their effects, and those of the new life have theirs.
    assert_eq!(stage.reactions("a").await, [1, 2, 3, 4, 5, 4, 5, 6, 7]);
    assert_eq!(
        stage.copy("board", "lost").await,
        None,
        "what the owner lost is forgotten"
    );
    // And what is more than a copy is told of it, once.
    assert_eq!(stage.fall_backs("a").await, [3]);
    assert_eq!(stage.fall_backs("lost").await, [0]);
    assert_eq!(
        stage.copy("board", "a").await,
        stage.copy("archive", "a").await
    );
    for service in ["board", "archive"] {
        assert_eq!(
            stage.gate(service).copy_differences().await.unwrap(),
            Vec::<String>::new()
        );
        assert_eq!(
            stage.cursor(service, "a").await.incarnation,
            stage.log("a").await[6].incarnation
        );
    }
    stage.world.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_that_is_on_another_database_is_not_believed_to_have_lost_everything() {
    let stage = Stage::start().await;
    stage.add_times("a", 2).await;
    stage.rest().await;
    let copy = stage.copy("board", "a").await;
    let (crashed, moods) = stage.crash().await;
    crashed.lose("counters").unwrap();
    let stage = Stage::start_again(crashed, moods).await;
    // Nor once somebody has written there.
    stage.add("b", 1).await;
    for service in ["board", "archive"] {
        let gate = stage.gate(service);
        let outcome = gate.catch_up(gate.consumer("counter").unwrap()).await;
        assert!(
            matches!(outcome, Err(Failure::Unavailable(_))),
            "{outcome:?}"
        );
        assert_eq!(stage.copy(service, "a").await, copy);
    }
    assert_eq!(stage.fall_backs("a").await, [0_i64; 0]);
    let (crashed, moods) = stage.crash().await;
    let schema = counters().schema();
    crashed.begin_new_life(schema).await.unwrap();
    let stage = Stage::start_again(crashed, moods).await;
    for service in ["board", "archive"] {
        let is_forgotten = async || stage.copy(service, "a").await.is_none().then_some(());
        stage.until(is_forgotten).await;
    }
    assert_eq!(stage.fall_backs("a").await, [0]);
    stage.end(&["b"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_that_made_just_as_many_new_events_is_noticed_without_the_bus() {
    let stage = Stage::start().await;
    stage.add_times("a", 3).await;
    let backup = back_up(&stage);
    stage.add_times("a", 2).await;
    stage.rest().await;
    let (crashed, moods) = restore(stage, &backup).await;
    let stage = Stage::start_again(crashed, moods).await;
    stage.world.bus.set(Faults {
        lost: 100,
        unheard: 100,
        ..Faults::default()
    });
    // Before it fell back, the consumer stands at 5; the new log ends there too.
    stage.add_times("a", 2).await;
    stage
        .world
        .clock
        .advance(std::time::Duration::from_secs(61));
    stage.rest().await;
    let life = stage.log("a").await[4].incarnation;
    stage
        .until(async || (stage.cursor("archive", "a").await.incarnation == life).then_some(()))
        .await;
    stage
        .until(async || (stage.cursor("board", "a").await.incarnation == life).then_some(()))
        .await;
    stage.mend_wires();
    stage.rest().await;
    assert_eq!(
        stage.gate("board").copy_differences().await.unwrap(),
        Vec::<String>::new()
    );
    assert_eq!(stage.reactions("a").await, [1, 2, 3, 4, 5, 4, 5]);
    stage.world.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_the_new_life_that_follows_on_is_handled_without_falling_back() {
    let stage = Stage::start().await;
    stage.add_times("a", 3).await;
    stage.rest().await;
    let backup = back_up(&stage);
    let (crashed, moods) = restore(stage, &backup).await;
    let stage = Stage::start_again(crashed, moods).await;
    stage.add_times("a", 2).await;
    assert_eq!(lives(&stage).await, 2);
    stage.end(&["a"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_joiner_reads_a_log_of_several_lives() {
    let stage = Stage::start().await;
    stage.add_times("a", 3).await;
    let mut stage = stage;
    for _ in 0..2 {
        let backup = back_up(&stage);
        let (crashed, moods) = restore(stage, &backup).await;
        stage = Stage::start_again(crashed, moods).await;
        stage.add_times("a", 3).await;
    }
    stage.rest().await;
    assert_eq!(lives(&stage).await, 3);
    let (crashed, _) = stage.crash().await;
    for service in ["board", "archive"] {
        crashed.lose(service).unwrap();
    }
    let stage = Stage::start_again(crashed, Moods::default()).await;
    stage.end(&["a"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_an_event_of_the_old_life_blocks_is_freed_by_the_new_one() {
    let stage = Stage::start().await;
    stage.add("a", 1).await;
    stage.rest().await;
    let backup = back_up(&stage);
    stage.moods.set("a", Mood::Broken);
    stage.add_times("a", 2).await;
    stage.until_stuck("a", "blocked").await;
    let (crashed, moods) = restore(stage, &backup).await;
    let stage = Stage::start_again(crashed, moods).await;
    stage.until_stuck("a", "blocked").await;
    stage.moods.heal("a");
    stage.add_times("a", 3).await;
    stage.end(&["a"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_owner_lost_does_not_make_up_for_what_a_consumer_has_missed() {
    let stage = Stage::start().await;
    stage.add("heard", 1).await;
    stage.rest().await;
    stage.cut_wires();
    stage.add("missed", 1).await;
    stage.until_published().await;
    // Whatever announces it is lost as well.
    for _ in 0..4 {
        stage.world.clock.advance(std::time::Duration::from_secs(2));
        tokio::task::yield_now().await;
    }
    let backup = back_up(&stage);
    stage.mend_wires();
    // Of the same version and life, in the same partition.
    let beside = |id: &String| partition(id) == partition("missed");
    let lost = (0..)
        .map(|number| format!("lost {number}"))
        .find(beside)
        .unwrap();
    stage.add(&lost, 1).await;
    stage.until_at("board", &lost, 1).await;
    assert_eq!(stage.cursor("board", "missed").await.version, 0);
    let (crashed, moods) = restore(stage, &backup).await;
    let stage = Stage::start_again(crashed, moods).await;
    for service in ["board", "archive"] {
        stage.until_at(service, "missed", 1).await;
        let is_forgotten = async || stage.copy(service, &lost).await.is_none().then_some(());
        stage.until(is_forgotten).await;
    }
    stage.end(&["heard", "missed"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_waits_goes_on_waiting_for_the_same_when_its_owner_begins_a_new_life() {
    let stage = Stage::start().await;
    stage.add("a", 1).await;
    stage.until_at("board", "a", 1).await;
    stage.moods.set("a", Mood::NeedsLabel);
    stage.add("a", 1).await;
    stage.until_stuck("a", "not_yet").await;
    let backup = back_up(&stage);
    let (crashed, moods) = restore(stage, &backup).await;
    let stage = Stage::start_again(crashed, moods).await;
    stage.add("a", 1).await;
    stage
        .until(async || {
            let keys = stage.gate("board").stuck_keys().await.unwrap();
            let key = keys.into_iter().find(|key| key.subject == "a")?;
            (key.parked == 2 && key.reason == "not_yet").then_some(())
        })
        .await;
    stage.label("a", "arrived").await;
    stage.end(&["a"]).await;
}
