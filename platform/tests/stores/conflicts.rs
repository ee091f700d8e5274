//! Those who want the same at once: a unique index met on purpose, and keys that are bound once.

use axum::extract::{FromRequestParts, OriginalUri};
use http::{Request, StatusCode};
use platform::db::params;
use platform::http::answer::Answer;
use platform::http::idempotency::{Begun, Idempotency};
use platform::{Failure, Refused, Result, Tx};

use crate::rig::{Rig, at_once, note};

pub async fn of_many_that_insert_under_a_unique_index_one_does(rig: &Rig) {
    for thing in ["a", "b", "c"] {
        let tasks = (0..24).map(|number| {
            let db = rig.either(number);
            let work = async move |tx: &mut Tx| {
                let sql = "insert into holds (id, thing, live) values ($1, $2, 1) \
                           on conflict do nothing";
                let id = format!("{thing}-{number}");
                let inserted = tx.execute(sql, params![id, thing]).await?;
                // The transaction is of use afterwards, whoever won.
                note(tx, &id).await?;
                Ok(inserted)
            };
            async move { db.write(work).await.unwrap() }
        });
        let inserted: u64 = at_once(tasks).await.into_iter().sum();
        assert_eq!(inserted, 1, "{thing}");
    }
    assert_eq!(rig.notes().await.len(), 3 * 24);
    // What is live no more makes room.
    let again = async |tx: &mut Tx| {
        tx.execute("update holds set live = 0 where thing = 'a'", params![])
            .await?;
        let sql = "insert into holds (id, thing, live) values ('later', 'a', 1) \
                   on conflict do nothing";
        tx.execute(sql, params![]).await
    };
    assert_eq!(rig.db.write(again).await.unwrap(), 1);
}

async fn key(name: &str) -> Idempotency {
    let request = Request::post("/api/things").header("idempotency-key", format!("\"{name}\""));
    let mut parts = request.body(()).unwrap().into_parts().0;
    parts.extensions.insert(OriginalUri(parts.uri.clone()));
    Idempotency::from_request_parts(&mut parts, &())
        .await
        .unwrap()
}

pub async fn an_idempotency_key_is_bound_once(rig: &Rig) {
    let contexts = [rig.context(&rig.db, "one"), rig.context(&rig.other, "two")];
    for round in 0..4 {
        let key = key(&format!("key-{round}")).await;
        // Of one process the second is refused in memory; those of two meet in the database.
        let tasks = (0..12).map(|number| {
            let (ctx, key) = (contexts[number % 2].clone(), key.clone());
            let work = async move |tx: &mut Tx| {
                // What a replica that knew nothing of the other's effect would be refused for.
                if tx.is_shared() && is_taken(tx, round).await? {
                    return Err(Refused::conflict("taken", "it is taken").into());
                }
                let id = tx.new_id::<uuid::Uuid>();
                note(tx, &format!("{round} {id}")).await?;
                Answer::json(StatusCode::CREATED, &format!("round {round}"))
            };
            async move { key.run(&ctx, "user", "the same", work).await }
        });
        let mut answered = 0;
        for outcome in at_once(tasks).await {
            match outcome {
                Ok(answer) => {
                    answered += 1;
                    assert_eq!(answer.status(), StatusCode::CREATED);
                    assert_eq!(
                        answer.body().as_ref(),
                        format!("\"round {round}\"").as_bytes()
                    );
                }
                Err(Failure::Refused(refused)) => {
                    assert_eq!(refused.code, "idempotency_in_progress");
                }
                Err(other) => panic!("{other:?}"),
            }
        }
        assert!(answered > 0);
        assert_eq!(rig.notes().await.len(), round + 1, "one effect each");
    }
}

pub async fn a_refusal_gives_way_to_what_was_answered_meanwhile(rig: &Rig) {
    let contexts = [rig.context(&rig.db, "one"), rig.context(&rig.other, "two")];
    let key = key("key").await;
    let begun = key.begin(&contexts[1], "user", "the same").await.unwrap();
    let Begun::New(guard) = begun else {
        panic!("{begun:?}")
    };
    let made = async |_: &mut Tx| Answer::json(StatusCode::CREATED, &"made");
    let first = key.run(&contexts[0], "user", "the same", made).await;
    // Judged outside of a transaction, by what the first has done.
    let taken = Refused::conflict("taken", "it is taken");
    let second = guard.refuse(&contexts[1], taken).await;
    assert_eq!(second.unwrap(), first.unwrap());
}

async fn is_taken(tx: &mut Tx, round: usize) -> Result<bool> {
    let rows = tx.query("select id from notes", params![]).await?;
    let ids = rows.iter().map(|row| row.get::<String>(0));
    let ids = ids.collect::<Result<Vec<_>>>()?;
    Ok(ids.iter().any(|id| id.starts_with(&format!("{round} "))))
}

pub async fn a_key_is_bound_to_no_failure(rig: &Rig) {
    let contexts = [rig.context(&rig.db, "one"), rig.context(&rig.other, "two")];
    let key = key("key").await;
    let failing = async |tx: &mut Tx| {
        note(tx, "never").await?;
        Err(Failure::Broken(anyhow::anyhow!("broken")))
    };
    let outcome = key.run(&contexts[0], "user", "the same", failing).await;
    assert!(matches!(outcome, Err(Failure::Broken(_))), "{outcome:?}");
    let refused = async |_: &mut Tx| Err(Refused::conflict("sold", "it is sold").into());
    for context in [&contexts[1], &contexts[0]] {
        let outcome = key.run(context, "user", "the same", refused).await;
        let code = match outcome {
            Err(Failure::Refused(refused)) => refused.code.to_owned(),
            // A refusal that is bound is given again as the answer that it was.
            Ok(answer) => {
                let body: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
                body["code"].as_str().unwrap().to_owned()
            }
            Err(other) => panic!("{other:?}"),
        };
        assert_eq!(code, "sold");
    }
    let other_request = key.run(&contexts[1], "user", "another", refused).await;
    let refused = other_request.unwrap_err().refused().unwrap().clone();
    assert_eq!(refused.code, "idempotency_key_reused");
    assert_eq!(rig.notes().await, Vec::<String>::new());
}
