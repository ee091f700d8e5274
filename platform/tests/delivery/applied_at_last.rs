//! I7: every committed event is at last applied by every consumer.

use std::time::Duration;

use contracts::Aggregate;
use platform::Clock;
use testing::{Faults, World};

use crate::stage::Stage;
use crate::toys::{Counter, Moods, archive, board, counters, labels};

#[tokio::test(flavor = "multi_thread")]
async fn i7_a_lost_event_is_asked_for_when_the_next_comes() {
    let stage = Stage::start().await;
    stage.add("a", 1).await;
    stage.until_at("board", "a", 1).await;
    stage.world.bus.set(Faults {
        lost: 100,
        unheard: 100,
        ..Faults::default()
    });
    stage.add_times("a", 3).await;
    stage.until_published().await;
    stage.world.bus.set(Faults {
        unheard: 100,
        ..Faults::default()
    });
    stage.add("a", 1).await;
    stage.until_at("board", "a", 5).await;
    stage.until_at("archive", "a", 5).await;
    stage.end(&["a"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i7_a_lost_last_event_is_noticed_by_the_beats() {
    let stage = Stage::start().await;
    stage.lose_events();
    let began = stage.world.clock.elapsed();
    stage.add("a", 1).await;
    stage.until_at("board", "a", 1).await;
    stage.until_at("archive", "a", 1).await;
    let took = stage.world.clock.elapsed() - began;
    assert!(
        took < Duration::from_secs(15),
        "long before the minute's comparison: {took:?}"
    );
    stage.mend_wires();
    stage.end(&["a"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i7_a_lost_last_event_is_noticed_by_the_comparison_when_the_beats_are_lost_too() {
    let stage = Stage::start().await;
    stage.add("a", 1).await;
    stage.rest().await;
    stage.world.bus.set(Faults {
        lost: 100,
        unheard: 100,
        ..Faults::default()
    });
    stage.add("a", 2).await;
    stage.add("b", 1).await;
    stage.world.clock.advance(Duration::from_secs(61));
    for (id, version) in [("a", 2), ("b", 1)] {
        stage.until_at("board", id, version).await;
        stage.until_at("archive", id, version).await;
    }
    stage.mend_wires();
    stage.end(&["a", "b"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i7_repair_goes_on_until_the_owner_answers() {
    let stage = Stage::start().await;
    stage.world.bus.set(Faults {
        lost: 50,
        unanswered: 80,
        unheard: 50,
        ..Faults::default()
    });
    for amount in 1..=20 {
        stage.add("a", amount).await;
        stage.add("b", amount).await;
    }
    stage.mend_wires();
    stage.add("a", 1).await;
    stage.end(&["a", "b"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i7_a_consumer_that_was_down_catches_up_at_its_start() {
    let stage = Stage::start().await;
    stage.add_times("a", 3).await;
    stage.rest().await;
    let moods = stage.moods.clone();
    let world = stage
        .world
        .restart(vec![counters(), labels()])
        .await
        .unwrap();
    let stage = Stage { world, moods };
    stage.add_times("a", 4).await;
    stage.add_times("b", 2).await;
    stage.until_published().await;
    let stage = stage.restart().await;
    stage.until_at("board", "a", 7).await;
    stage.until_at("board", "b", 2).await;
    stage.end(&["a", "b"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i7_a_late_joiner_reads_the_whole_log() {
    let moods = Moods::default();
    let world = World::start(vec![counters(), labels()]).await.unwrap();
    let stage = Stage { world, moods };
    let ids: Vec<String> = (0..300).map(|id| format!("c{id:03}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    stage.add_together(&ids, 3).await;
    let stage = stage.restart().await;
    stage.end(&ids).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i7_a_late_joiner_asks_again_when_the_owner_was_silent() {
    let world = World::start(vec![counters(), labels()]).await.unwrap();
    let stage = Stage {
        world,
        moods: Moods::default(),
    };
    stage.add_times("a", 5).await;
    let (crashed, moods) = stage.crash().await;
    // The owner does not run: nobody answers.
    let world = crashed.start(vec![board(&moods), archive()]).await.unwrap();
    let gate = &world.gates["archive"];
    assert!(
        gate.catch_up(gate.consumer(Counter::NAME).unwrap())
            .await
            .is_err()
    );
    let stage = Stage { world, moods }.restart().await;
    stage.until_at("archive", "a", 5).await;
    stage.end(&["a"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i7_a_gap_of_more_than_a_page_is_filled() {
    let stage = Stage::start().await;
    stage.add("a", 1).await;
    stage.until_at("board", "a", 1).await;
    stage.cut_wires();
    stage.add_together(&["a"], 1_200).await;
    stage.until_published().await;
    stage.mend_wires();
    stage.add("a", 1).await;
    stage.until_at("board", "a", 1_202).await;
    stage.end(&["a"]).await;
}
