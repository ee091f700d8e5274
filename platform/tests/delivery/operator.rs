//! What an operator can do about a blocked key: redrive it, or skip an event as an audited act.

use platform::Tx;
use platform::db::params;

use crate::stage::{Stage, fold};
use crate::toys::Mood;

async fn blocked() -> Stage {
    let stage = Stage::start().await;
    stage.moods.set("bad", Mood::Broken);
    stage.add_times("bad", 3).await;
    stage.until_stuck("bad", "blocked").await;
    stage
}

async fn acts(stage: &Stage) -> Vec<(String, i64, String)> {
    let look = async |tx: &mut Tx| {
        let rows = tx
            .query(
                "select act, version, note from audit order by at",
                params![],
            )
            .await?;
        rows.iter()
            .map(|row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .collect()
    };
    stage.world.db("board").unwrap().read(look).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redriven_key_has_all_its_attempts_again() {
    let stage = blocked().await;
    let calls = stage.moods.calls("bad", 1);
    stage.gate("board").redrive("counter", "bad").await.unwrap();
    stage
        .until(async || (stage.moods.calls("bad", 1) == calls + 3).then_some(()))
        .await;
    stage.until_stuck("bad", "blocked").await;
    stage.moods.heal("bad");
    stage.gate("board").redrive("counter", "bad").await.unwrap();
    stage.rest().await;
    let redriven = ("redriven".to_owned(), 1, String::new());
    assert_eq!(acts(&stage).await, [redriven.clone(), redriven]);
    stage.end(&["bad"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i7_a_skipped_event_has_no_effect_and_those_behind_it_have() {
    let stage = blocked().await;
    stage.moods.heal("bad");
    let skipped = stage
        .gate("board")
        .skip("counter", "bad", "known to be wrong")
        .await
        .unwrap();
    assert_eq!(skipped, 1);
    stage.rest().await;
    assert_eq!(stage.reactions("bad").await, [2, 3]);
    let copy = stage.copy("board", "bad").await.map(|(copy, _)| copy);
    assert_eq!(
        copy,
        fold(&stage.log("bad").await),
        "the copy takes a skipped event's state"
    );
    let noted = ("skipped".to_owned(), 1, "known to be wrong".to_owned());
    assert_eq!(acts(&stage).await, [noted]);
    stage.gate("board").rebuild().await.unwrap();
    assert_eq!(
        stage.gate("board").copy_differences().await.unwrap(),
        Vec::<String>::new()
    );
    stage.world.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_not_stuck_is_neither_redriven_nor_skipped() {
    let stage = Stage::start().await;
    stage.add("a", 1).await;
    stage.rest().await;
    let gate = stage.gate("board");
    for (outcome, code) in [
        (gate.redrive("counter", "a").await, "not_stuck"),
        (gate.redrive("nothing", "a").await, "not_found"),
        (gate.skip("counter", "a", "").await.map(drop), "not_blocked"),
        (gate.skip("nothing", "a", "").await.map(drop), "not_found"),
    ] {
        assert_eq!(outcome.unwrap_err().refused().unwrap().code, code);
    }
    assert_eq!(acts(&stage).await, []);
    stage.end(&["a"]).await;
}
