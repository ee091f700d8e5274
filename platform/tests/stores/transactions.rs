//! Transactions: each fails alone and as a whole; reads see one state; wake-ups follow commits.

use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use futures::future::join_all;
use platform::db::params;
use platform::{Failure, Refused, Tx};

use crate::rig::{Rig, note};

/// How long a test waits for what must not happen.
const NEVER: Duration = Duration::from_millis(50);

pub async fn of_many_each_that_fails_is_undone_alone(rig: &Rig) {
    let writers = (0..100usize).map(|number| {
        let db = rig.either(number / 4);
        let work = async move |tx: &mut Tx| {
            note(tx, &format!("{number:03}")).await?;
            match number % 4 {
                0 => Ok(number),
                1 => Err(Refused::conflict("no", "no").into()),
                2 => Err(Failure::Broken(anyhow::anyhow!("broken"))),
                _ => {
                    tx.execute("insert into nowhere values (1)", params![])
                        .await?;
                    Ok(number)
                }
            }
        };
        async move { db.write(work).await }
    });
    for (number, outcome) in join_all(writers).await.into_iter().enumerate() {
        match number % 4 {
            0 => assert_eq!(outcome.unwrap(), number),
            1 => assert_eq!(outcome.unwrap_err().refused().unwrap().code, "no"),
            _ => assert!(matches!(outcome, Err(Failure::Broken(_))), "{outcome:?}"),
        }
    }
    let kept = (0..100).step_by(4).map(|number| format!("{number:03}"));
    assert_eq!(rig.notes().await, kept.collect::<Vec<_>>());
}

pub async fn a_savepoint_that_fails_is_undone_and_the_transaction_goes_on(rig: &Rig) {
    let work = async |tx: &mut Tx| {
        note(tx, "before").await?;
        let failed: platform::Result<()> = tx
            .savepoint(async |tx: &mut Tx| {
                note(tx, "inside").await?;
                tx.wake("job");
                tx.savepoint(async |tx: &mut Tx| note(tx, "deeper").await)
                    .await?;
                Err(Refused::conflict("no", "no").into())
            })
            .await;
        assert!(failed.is_err());
        tx.savepoint(async |tx: &mut Tx| note(tx, "after").await)
            .await
    };
    rig.db.write(work).await.unwrap();
    assert_eq!(rig.notes().await, ["after", "before"]);
    let woken = rig.wakers.get("job");
    let woken = tokio::time::timeout(NEVER, woken.notified()).await;
    assert!(woken.is_err(), "what it wanted to wake sleeps on");
}

pub async fn a_savepoint_undoes_a_statement_that_failed(rig: &Rig) {
    let work = async |tx: &mut Tx| {
        note(tx, "before").await?;
        for wrong in [
            "insert into nowhere values (1)",
            "insert into notes (id) values ('x')",
        ] {
            let failed = tx
                .savepoint(async |tx: &mut Tx| {
                    note(tx, "inside").await?;
                    tx.execute(wrong, params![]).await
                })
                .await;
            assert!(matches!(failed, Err(Failure::Broken(_))), "{failed:?}");
        }
        let twice = tx
            .savepoint(async |tx: &mut Tx| note(tx, "before").await)
            .await;
        assert!(matches!(twice, Err(Failure::Broken(_))), "{twice:?}");
        note(tx, "after").await
    };
    rig.db.write(work).await.unwrap();
    assert_eq!(rig.notes().await, ["after", "before"]);
}

pub async fn a_swallowed_error_never_commits_half(rig: &Rig) {
    let at_the_end = async |tx: &mut Tx| {
        note(tx, "a").await?;
        drop(
            tx.execute("insert into nowhere values (1)", params![])
                .await,
        );
        Ok(())
    };
    let in_the_middle = async |tx: &mut Tx| {
        note(tx, "a").await?;
        drop(
            tx.execute("insert into nowhere values (1)", params![])
                .await,
        );
        drop(note(tx, "b").await);
        Ok(())
    };
    for whole in [vec!["a"], vec!["a", "b"]] {
        let outcome = if whole.len() == 1 {
            rig.db.write(at_the_end).await
        } else {
            rig.db.write(in_the_middle).await
        };
        // One database goes on after the statement, the other refuses the rest: then it says so.
        match outcome {
            Ok(()) => assert_eq!(rig.notes().await, whole),
            Err(failure) => {
                assert!(matches!(failure, Failure::Unavailable(_)), "{failure:?}");
                assert_eq!(rig.notes().await, Vec::<String>::new());
                assert!(rig.db.is_shared());
            }
        }
        let empty = async |tx: &mut Tx| tx.execute("delete from notes", params![]).await;
        rig.db.write(empty).await.unwrap();
    }
}

pub async fn a_panic_ends_its_transaction_and_no_other(rig: &Rig) {
    let panicking = async |tx: &mut Tx| {
        note(tx, "never").await?;
        tx.savepoint(async |_: &mut Tx| -> platform::Result<()> { panic!("as told") })
            .await
    };
    let beside = rig.db.write(async |tx: &mut Tx| note(tx, "beside").await);
    let (outcome, beside) = tokio::join!(rig.db.write(panicking), beside);
    assert!(matches!(outcome, Err(Failure::Broken(_))), "{outcome:?}");
    beside.unwrap();
    for number in 0..20 {
        let work = async move |tx: &mut Tx| note(tx, &format!("next-{number:02}")).await;
        rig.db.write(work).await.unwrap();
    }
    let notes = rig.notes().await;
    assert_eq!((notes.len(), notes[0].as_str()), (21, "beside"));
}

pub async fn a_read_sees_one_state_and_cannot_write(rig: &Rig) {
    let (asked, mut asks) = tokio::sync::mpsc::unbounded_channel();
    let (answer, answers) = mpsc::channel::<()>();
    let answers = Arc::new(Mutex::new(answers));
    let (db, other) = (rig.db.clone(), rig.other.clone());
    let reader = std::thread::spawn(move || {
        futures::executor::block_on(db.read(async move |tx: &mut Tx| {
            let count = "select count(*) from notes";
            let before: i64 = tx.query_one(count, params![]).await?.get(0)?;
            asked.send(()).unwrap();
            answers.lock().unwrap().recv().unwrap();
            let after: i64 = tx.query_one(count, params![]).await?.get(0)?;
            Ok((before, after))
        }))
    });
    asks.recv().await.unwrap();
    other
        .write(async |tx: &mut Tx| note(tx, "meanwhile").await)
        .await
        .unwrap();
    answer.send(()).unwrap();
    assert_eq!(reader.join().unwrap().unwrap(), (0, 0));
    assert_eq!(rig.notes().await, ["meanwhile"]);
    let written = rig
        .db
        .read(async |tx: &mut Tx| note(tx, "by a read").await)
        .await;
    assert!(written.is_err());
    assert_eq!(rig.notes().await, ["meanwhile"]);
}

pub async fn jobs_are_woken_by_commits_alone(rig: &Rig) {
    let woken = rig.wakers.get("job");
    let failing = async |tx: &mut Tx| -> platform::Result<()> {
        note(tx, "never").await?;
        tx.wake("job");
        Err(Failure::Broken(anyhow::anyhow!("broken")))
    };
    rig.db.write(failing).await.unwrap_err();
    let early = tokio::time::timeout(NEVER, woken.notified()).await;
    assert!(early.is_err());
    let reading = async |tx: &mut Tx| -> platform::Result<()> {
        tx.wake("job");
        Err(Failure::Broken(anyhow::anyhow!("broken")))
    };
    rig.db.read(reading).await.unwrap_err();
    let early = tokio::time::timeout(NEVER, woken.notified()).await;
    assert!(early.is_err());
}

pub async fn who_is_woken_sees_what_was_committed(rig: &Rig) {
    let woken = rig.wakers.get("job");
    for number in 1..=30 {
        let work = async move |tx: &mut Tx| {
            tx.wake("job");
            note(tx, &number.to_string()).await
        };
        let seeing = async {
            woken.notified().await;
            rig.number("select count(*) from notes").await
        };
        let both = async { tokio::join!(seeing, rig.db.write(work)) };
        let both = tokio::time::timeout(Duration::from_secs(30), both);
        let (seen, written) = both.await.unwrap();
        written.unwrap();
        assert_eq!(seen, number);
    }
}
