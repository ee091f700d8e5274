//! I2: a copy is the fold of a prefix of the log. I3: a cursor never falls, except with its copy.

use testing::Faults;

use crate::stage::{Stage, fold};

/// Everything goes wrong, often.
const FAULTS: Faults = Faults {
    lost: 15,
    doubled: 15,
    delayed: 30,
    unconfirmed: 5,
    unheard: 20,
    unanswered: 10,
};

#[tokio::test(flavor = "multi_thread")]
async fn i2_i3_at_any_moment_a_copy_is_a_fold_and_its_cursor_only_rises() {
    let stage = Stage::start().await;
    stage.world.bus.set(FAULTS);
    let mut seen = [0; 2];
    for amount in 1..=80 {
        stage.add("a", amount).await;
        for (service, seen) in ["board", "archive"].into_iter().zip(&mut seen) {
            let Some((copy, cursor)) = stage.copy(service, "a").await else {
                continue;
            };
            assert!(cursor >= *seen, "{service}: from {seen} to {cursor}");
            *seen = cursor;
            let log = stage.log("a").await;
            let prefix = &log[..usize::try_from(cursor).unwrap()];
            assert_eq!(Some(copy), fold(prefix), "{service} at {cursor}");
        }
    }
    stage.mend_wires();
    stage.end(&["a"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i3_a_consumer_put_back_to_an_older_copy_falls_back_with_its_cursor_and_heals() {
    let stage = Stage::start().await;
    stage.add_times("a", 3).await;
    stage.rest().await;
    let older = stage.world.back_up("archive").unwrap();
    stage.add_times("a", 4).await;
    stage.add("b", 1).await;
    stage.rest().await;
    let (crashed, moods) = stage.crash().await;
    crashed.put_back(&older).unwrap();
    let stage = Stage::start_again(crashed, moods).await;
    // Nothing is published any more: the comparison at the start alone heals it.
    stage.until_at("archive", "a", 7).await;
    stage.until_at("archive", "b", 1).await;
    stage.end(&["a", "b"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_equals_the_live_copy_and_reacts_to_nothing() {
    let stage = Stage::start().await;
    for id in ["a", "b", "c"] {
        stage.add_times(id, 20).await;
    }
    stage.label("a", "first").await;
    stage.rest().await;
    let before = stage.copy("board", "b").await;
    let applied = stage.gate("board").rebuild().await.unwrap();
    assert_eq!(applied, 3 * 20 + 1);
    assert_eq!(stage.copy("board", "b").await, before);
    assert_eq!(stage.moods.calls("b", 20), 1, "a rebuild reacts to nothing");
    stage.end(&["a", "b", "c"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_under_way_lets_no_event_into_the_half_built_copy() {
    let stage = Stage::start().await;
    stage.add_together(&["a"], 700).await;
    stage.rest().await;
    let gate = stage.gate("board").clone();
    let (rebuilt, ()) = tokio::join!(gate.rebuild(), stage.add_times("a", 200));
    rebuilt.unwrap();
    stage.end(&["a"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_that_failed_half_way_is_ended_at_the_next_start() {
    let stage = Stage::start().await;
    stage.add_times("a", 5).await;
    stage.rest().await;
    stage.cut_wires();
    stage.gate("board").rebuild().await.unwrap_err();
    assert_eq!(
        stage.copy("board", "a").await,
        None,
        "emptied, and nobody answered"
    );
    stage.add("a", 9).await;
    let stage = stage.restart().await;
    stage.until(async || stage.copy("board", "a").await).await;
    stage.end(&["a"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_that_failed_half_way_is_tried_again_until_it_is_done() {
    let stage = Stage::start().await;
    stage.add_times("a", 5).await;
    stage.rest().await;
    stage.cut_wires();
    stage.gate("board").rebuild().await.unwrap_err();
    stage.add("a", 9).await;
    assert!(stage.gate("board").waiting().await.unwrap().rebuilding);
    stage.mend_wires();
    stage.end(&["a"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rebuilds_at_the_same_time_wait_for_each_other() {
    let stage = Stage::start().await;
    stage.add_together(&["a", "b"], 600).await;
    stage.rest().await;
    let rebuilds = (0..3).map(|_| stage.gate("board").rebuild());
    let (applied, ()) = tokio::join!(
        futures::future::join_all(rebuilds),
        stage.add_times("a", 50)
    );
    assert!(applied.iter().all(Result::is_ok), "{applied:?}");
    stage.end(&["a", "b"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_beside_a_busy_consumer_finds_nothing() {
    let stage = Stage::start().await;
    stage.add_together(&["a", "b"], 300).await;
    let audits = async {
        for _ in 0..5 {
            for service in ["board", "archive"] {
                let gate = stage.gate(service);
                assert_eq!(gate.copy_differences().await.unwrap(), Vec::<String>::new());
                let lags = gate.lags().await.unwrap();
                assert!(lags.iter().all(|lag| lag.cursor < lag.head), "{lags:?}");
            }
        }
    };
    tokio::join!(audits, stage.add_times("a", 100), stage.add_times("b", 100));
    stage.end(&["a", "b"]).await;
}
