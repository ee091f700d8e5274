//! I8: a key that can't go on stops no other.

use std::time::Duration;

use platform::gate::audit::Waiting;

use crate::stage::Stage;
use crate::toys::Mood;

#[tokio::test(flavor = "multi_thread")]
async fn i8_a_poisoned_key_is_blocked_after_its_attempts_and_others_flow() {
    let stage = Stage::start().await;
    stage.moods.set("bad", Mood::Broken);
    // The first comes alone: with others it would be handled once more, by itself, before its attempts.
    stage.add("bad", 1).await;
    stage
        .until(async || (stage.moods.calls("bad", 1) > 0).then_some(()))
        .await;
    stage.add_times("bad", 4).await;
    stage.add_times("good", 5).await;
    stage.until_at("board", "good", 5).await;
    stage.until_stuck("bad", "blocked").await;
    let stuck = stage.gate("board").stuck_keys().await.unwrap().remove(0);
    assert_eq!((stuck.attempts, stuck.version, stuck.parked), (3, 0, 5));
    assert_eq!(stuck.error, "poison");
    assert_eq!(stage.moods.calls("bad", 1), 3);
    assert_eq!(
        stage.copy("board", "bad").await,
        None,
        "nothing of a failed attempt is kept"
    );
    assert_eq!(stage.reactions("bad").await, Vec::<i64>::new());
    // Left alone, it is not tried any more.
    stage.world.clock.advance(Duration::from_secs(600));
    stage.add_times("good", 5).await;
    stage.until_at("board", "good", 10).await;
    assert_eq!(stage.moods.calls("bad", 1), 3);
    stage.moods.heal("bad");
    stage.gate("board").redrive("counter", "bad").await.unwrap();
    stage.end(&["bad", "good"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i8_a_panic_is_a_failure_of_its_key_alone() {
    let stage = Stage::start().await;
    stage.moods.set("bad", Mood::Panics);
    stage.add("bad", 1).await;
    stage.add_times("good", 10).await;
    stage.until_at("board", "good", 10).await;
    stage.until_stuck("bad", "blocked").await;
    stage.moods.heal("bad");
    stage.gate("board").redrive("counter", "bad").await.unwrap();
    stage.end(&["bad", "good"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i8_a_handler_whose_head_always_moves_blocks_its_key_alone() {
    let stage = Stage::start().await;
    stage.moods.set("bad", Mood::Confused);
    stage.add("bad", 1).await;
    stage.add_times("good", 10).await;
    stage.until_at("board", "good", 10).await;
    stage.until_stuck("bad", "blocked").await;
    stage.moods.heal("bad");
    stage.gate("board").redrive("counter", "bad").await.unwrap();
    stage.end(&["bad", "good"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i8_what_is_unavailable_to_one_key_counts_no_attempt_and_stops_no_other() {
    let stage = Stage::start().await;
    stage.moods.set("bad", Mood::Unavailable);
    stage.add_times("bad", 2).await;
    stage.add_times("good", 10).await;
    stage.until_at("board", "good", 10).await;
    stage
        .until(async || (stage.moods.calls("bad", 1) > 5).then_some(()))
        .await;
    let stuck = stage.gate("board").stuck_keys().await.unwrap().remove(0);
    assert_eq!((stuck.reason.as_str(), stuck.attempts), ("failing", 0));
    stage.moods.heal("bad");
    stage.end(&["bad", "good"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i8_a_thousand_blocked_keys_stop_nobody() {
    let stage = Stage::start().await;
    let ids: Vec<String> = (0..1_000).map(|id| format!("bad-{id:04}")).collect();
    for id in &ids {
        stage.moods.set(id, Mood::Broken);
    }
    let bad: Vec<&str> = ids.iter().map(String::as_str).collect();
    stage.add_together(&bad, 2).await;
    let blocked = async || {
        let keys = stage.gate("board").stuck_keys().await.unwrap();
        (keys.len() == 1_000 && keys.iter().all(|key| key.reason == "blocked")).then_some(())
    };
    stage.until(blocked).await;
    for id in ["x", "y", "z"] {
        stage.add_times(id, 20).await;
        stage.until_at("board", id, 20).await;
    }
    stage.moods.heal_all();
    // Each start tries what was blocked once more.
    let stage = stage.restart().await;
    assert_eq!(stage.world.found["board"].blocked, 1_000);
    stage.end(&["x", "y", "z", "bad-0000", "bad-0999"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_tries_a_blocked_key_once_and_no_more() {
    let stage = Stage::start().await;
    stage.moods.set("bad", Mood::Broken);
    stage.add("bad", 1).await;
    stage.until_stuck("bad", "blocked").await;
    let calls = stage.moods.calls("bad", 1);
    let stage = stage.restart().await;
    stage
        .until(async || (stage.moods.calls("bad", 1) > calls).then_some(()))
        .await;
    stage.until_stuck("bad", "blocked").await;
    stage.world.clock.advance(Duration::from_secs(600));
    stage.add_times("good", 5).await;
    stage.until_at("board", "good", 5).await;
    assert_eq!(stage.moods.calls("bad", 1), calls + 1);
    stage.moods.heal("bad");
    stage.gate("board").redrive("counter", "bad").await.unwrap();
    stage.end(&["bad", "good"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_belong_to_one_event_and_not_to_those_behind_it() {
    let stage = Stage::start().await;
    stage.moods.set("bad", Mood::Broken);
    stage.add_times("bad", 2).await;
    stage
        .until(async || (stage.moods.calls("bad", 1) == 2).then_some(()))
        .await;
    stage.moods.heal("bad");
    stage.until_at("board", "bad", 2).await;
    stage.moods.set("bad", Mood::Broken);
    stage.add("bad", 3).await;
    stage.until_stuck("bad", "blocked").await;
    assert_eq!(stage.moods.calls("bad", 3), 3, "all its attempts");
    stage.moods.heal("bad");
    stage.gate("board").redrive("counter", "bad").await.unwrap();
    stage.end(&["bad"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_recorded_and_the_cursor_moves() {
    let stage = Stage::start().await;
    stage.moods.set("a", Mood::Refuses);
    stage.add("a", 1).await;
    stage.until_at("board", "a", 1).await;
    assert_eq!(
        stage.reactions("a").await,
        Vec::<i64>::new(),
        "what it had written is undone"
    );
    assert!(
        stage.copy("board", "a").await.is_some(),
        "and the copy is made all the same"
    );
    let look = async |tx: &mut platform::Tx| {
        let row = tx
            .query_one("select act, subject, version, note from audit", &[])
            .await?;
        Ok((
            row.get::<String>(0)?,
            row.get::<String>(1)?,
            row.get::<i64>(2)?,
            row.get::<String>(3)?,
        ))
    };
    let noted = stage.world.db("board").unwrap().read(look).await.unwrap();
    let note = "not_liked: the rules say no".to_owned();
    assert_eq!(noted, ("refused".to_owned(), "a".to_owned(), 1, note));
    stage.rest().await;
    assert_eq!(
        stage.gate("board").waiting().await.unwrap(),
        Waiting::default()
    );
    stage.world.end().await.unwrap();
}
