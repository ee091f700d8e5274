//! The log: compare-and-set, no update lost, versions without holes, positions that rise with them.

use std::collections::BTreeMap;

use futures::future::join_all;
use platform::db::params;
use platform::{Failure, Tx};

use crate::rig::{Rig, Thing, ThingFact, ThingState, at_once, count};

/// Appends without looking.
async fn append(tx: &mut Tx, id: &str, expected: i64) -> platform::Result<i64> {
    let state = ThingState { value: 9 };
    tx.append::<Thing>(id, expected, &ThingFact::Counted, &state)
        .await
}

async fn head(rig: &Rig, id: &'static str) -> i64 {
    let look = async move |tx: &mut Tx| tx.head::<Thing>(id).await;
    rig.db.read(look).await.unwrap()
}

pub async fn an_append_at_another_version_is_refused_and_leaves_nothing(rig: &Rig) {
    rig.db
        .write(async |tx: &mut Tx| count(tx, "a").await)
        .await
        .unwrap();
    for (id, wrong) in [("a", 0), ("a", 2), ("new", 1)] {
        let work = async move |tx: &mut Tx| append(tx, id, wrong).await;
        let outcome = rig.db.write(work).await;
        let Err(Failure::Moved { aggregate, subject }) = &outcome else {
            panic!("{id} {wrong}: {outcome:?}");
        };
        assert_eq!((*aggregate, subject.as_str()), ("thing", id));
    }
    assert_eq!((head(rig, "a").await, head(rig, "new").await), (1, 0));
    assert_eq!(rig.number("select count(*) from events").await, 1);
    assert_eq!(rig.number("select count(*) from outbox").await, 1);
}

pub async fn of_two_appends_one_wins_and_a_command_run_again_follows(rig: &Rig) {
    for (round, id) in ["a", "b", "c", "d"].into_iter().enumerate() {
        let works = (0..2).map(|number| {
            let work = async move |tx: &mut Tx| append(tx, id, 0).await;
            let db = rig.either(number + round);
            async move { db.write(work).await }
        });
        let outcomes = join_all(works).await;
        let won = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        let moved = |outcome: &&_| matches!(outcome, Err(Failure::Moved { .. }));
        let lost = outcomes.iter().filter(moved).count();
        assert_eq!((won, lost), (1, 1), "{outcomes:?}");
        let works = (0..2).map(|number| {
            let db = rig.either(number + round);
            async move { db.write(async move |tx: &mut Tx| count(tx, id).await).await }
        });
        let mut versions: Vec<i64> = join_all(works)
            .await
            .into_iter()
            .map(Result::unwrap)
            .collect();
        versions.sort_unstable();
        assert_eq!(versions, [2, 3]);
    }
}

pub async fn sixteen_tasks_lose_no_update(rig: &Rig) {
    let tasks = (0..16).map(|number| {
        let db = rig.either(number);
        async move {
            for _ in 0..13 {
                db.write(async |tx: &mut Tx| count(tx, "shared").await)
                    .await
                    .unwrap();
            }
        }
    });
    at_once(tasks).await;
    assert_eq!(head(rig, "shared").await, 16 * 13);
    assert_eq!(rig.number("select number from notes").await, 16 * 13);
}

pub async fn logs_are_dense_and_positions_rise_with_versions(rig: &Rig) {
    let tasks = (0..12).map(|number: usize| {
        let db = rig.either(number);
        async move {
            for step in 0..12 {
                let id = format!("thing-{}", (number + step) % 4);
                let work = async move |tx: &mut Tx| {
                    count(tx, &id).await?;
                    if step % 3 == 2 {
                        return Err(Failure::Broken(anyhow::anyhow!("after the append")));
                    }
                    Ok(())
                };
                assert_eq!(db.write(work).await.is_ok(), step % 3 != 2);
            }
        }
    });
    at_once(tasks).await;
    let look = async |tx: &mut Tx| {
        let sql = "select subject, version from events order by position";
        let rows = tx.query(sql, params![]).await?;
        let mut logs: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        for row in rows {
            logs.entry(row.get(0)?).or_default().push(row.get(1)?);
        }
        Ok(logs)
    };
    let logs = rig.db.read(look).await.unwrap();
    assert_eq!(logs.values().map(Vec::len).sum::<usize>(), 12 * 8);
    for (id, versions) in &logs {
        let whole: Vec<i64> = (1..).take(versions.len()).collect();
        assert_eq!(versions, &whole, "{id}, by position");
    }
    let differing = "select count(*) from heads h where version <> \
                     (select count(*) from events e where e.subject = h.subject)";
    assert_eq!(rig.number(differing).await, 0);
}
