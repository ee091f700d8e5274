//! Transactions: many share a commit, each fails alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use platform::db::{Durability, params};
use platform::trace::Origin;
use platform::{Failure, Refused, Tx};

use crate::store::{Store, insert};

#[tokio::test(flavor = "multi_thread")]
async fn of_many_concurrent_transactions_each_that_fails_is_undone_alone() {
    let store = Store::new();
    let writers = (0..300).map(|number| {
        store.db.write(async move |tx: &mut Tx| {
            insert(tx, &format!("{number:03}")).await?;
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
        })
    });
    for (number, outcome) in futures::future::join_all(writers)
        .await
        .into_iter()
        .enumerate()
    {
        match number % 4 {
            0 => assert_eq!(outcome.unwrap(), number),
            1 => assert_eq!(outcome.unwrap_err().refused().unwrap().code, "no"),
            _ => assert!(matches!(outcome, Err(Failure::Broken(_)))),
        }
    }
    let kept: Vec<String> = (0..300)
        .step_by(4)
        .map(|number| format!("{number:03}"))
        .collect();
    assert_eq!(store.ids().await, kept);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_transactions_share_commits() {
    let store = Store::new();
    // While the first holds the writer, all others gather behind it.
    let (release, released) = std::sync::mpsc::channel::<()>();
    let released = Arc::new(std::sync::Mutex::new(released));
    let holding = store.db.write(async move |_: &mut Tx| {
        let _ = released
            .lock()
            .unwrap()
            .recv_timeout(Duration::from_secs(5));
        Ok(())
    });
    let commits = commits_of(&store);
    let store = &store;
    let writers = futures::future::join_all((0..200).map(|number| async move {
        store.insert(&number.to_string()).await.unwrap();
    }));
    let releasing = async {
        tokio::task::yield_now().await;
        drop(release);
    };
    let (held, _, ()) = tokio::join!(holding, writers, releasing);
    held.unwrap();
    assert_eq!(store.ids().await.len(), 200);
    let after = commits_of(store);
    assert!(
        after - commits < 20,
        "{} commits for 200 transactions",
        after - commits
    );
}

/// How often the database was changed by a commit: SQLite's own count, seen by another connection.
fn commits_of(store: &Store) -> usize {
    // Each commit appends at least one frame that ends a transaction to the write-ahead log.
    let log = std::fs::read(store.path().with_extension("db-wal")).unwrap();
    let page = u64::from(u32::from_be_bytes(log[8..12].try_into().unwrap()));
    let frame = usize::try_from(page + 24).unwrap();
    let ends = |frame: &&[u8]| frame[4..8] != [0, 0, 0, 0];
    log[32..].chunks_exact(frame).filter(ends).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_savepoint_that_fails_is_undone_and_the_transaction_goes_on() {
    let store = Store::new();
    let work = async |tx: &mut Tx| {
        insert(tx, "before").await?;
        let failed: platform::Result<()> = tx
            .savepoint(async |tx: &mut Tx| {
                insert(tx, "inside").await?;
                tx.wake("job");
                tx.savepoint(async |tx: &mut Tx| insert(tx, "deeper").await)
                    .await?;
                Err(Refused::conflict("no", "no").into())
            })
            .await;
        assert!(failed.is_err());
        tx.savepoint(async |tx: &mut Tx| insert(tx, "after").await)
            .await
    };
    store.db.write(work).await.unwrap();
    assert_eq!(store.ids().await, ["after", "before"]);
    let woken = store.wakers.get("job");
    let woken = tokio::time::timeout(Duration::from_millis(20), woken.notified()).await;
    assert!(
        woken.is_err(),
        "what a failed savepoint wanted to wake sleeps on"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_are_woken_by_commits_alone() {
    let store = Store::new();
    let woken = store.wakers.get("job");
    let failed: platform::Result<()> = store
        .db
        .write(async |tx: &mut Tx| {
            tx.wake("job");
            Err(Failure::Broken(anyhow::anyhow!("broken")))
        })
        .await;
    assert!(failed.is_err());
    let early = tokio::time::timeout(Duration::from_millis(20), woken.notified()).await;
    assert!(early.is_err());
    store
        .db
        .write(async |tx: &mut Tx| {
            tx.wake("job");
            Ok(())
        })
        .await
        .unwrap();
    tokio::time::timeout(Duration::from_secs(5), woken.notified())
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_awaits_something_else_fails_and_leaves_nothing() {
    let store = Store::new();
    let outcome = store
        .db
        .write(async |tx: &mut Tx| {
            insert(tx, "never").await?;
            tokio::task::yield_now().await;
            Ok(())
        })
        .await;
    assert!(matches!(outcome, Err(Failure::Broken(_))), "{outcome:?}");
    let read = store
        .db
        .read(async |_: &mut Tx| {
            std::future::pending::<()>().await;
            Ok(())
        })
        .await;
    assert!(matches!(read, Err(Failure::Broken(_))));
    store.insert("next").await.unwrap();
    assert_eq!(store.ids().await, ["next"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_ends_its_transaction_and_no_other() {
    let store = Store::new();
    let outcome: platform::Result<()> = store
        .db
        .write(async |tx: &mut Tx| {
            insert(tx, "never").await?;
            tx.savepoint(async |_: &mut Tx| panic!("as told")).await
        })
        .await;
    assert!(matches!(outcome, Err(Failure::Broken(_))), "{outcome:?}");
    store.insert("next").await.unwrap();
    assert_eq!(store.ids().await, ["next"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_sees_one_state_and_cannot_write() {
    let store = Store::new();
    let other = store.db.clone();
    let (asked, mut asks) = tokio::sync::mpsc::unbounded_channel();
    let (answer, answers) = std::sync::mpsc::channel::<()>();
    let answers = Arc::new(std::sync::Mutex::new(answers));
    let writer = async move {
        asks.recv().await.unwrap();
        other
            .write(async |tx: &mut Tx| insert(tx, "meanwhile").await)
            .await
            .unwrap();
        answer.send(()).unwrap();
    };
    let db = store.db.clone();
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
    writer.await;
    assert_eq!(reader.join().unwrap().unwrap(), (0, 0));
    assert_eq!(store.ids().await, ["meanwhile"]);
    let written = store
        .db
        .read(async |tx: &mut Tx| insert(tx, "read").await)
        .await;
    assert!(written.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn relaxed_and_synced_transactions_are_committed_in_the_order_of_their_asking() {
    let store = Store::new();
    let order = Arc::new(AtomicU64::new(0));
    let writers = (0..100u64).map(|number| {
        let order = Arc::clone(&order);
        let durability = if number % 3 == 0 {
            Durability::Synced
        } else {
            Durability::Relaxed
        };
        store
            .db
            .run(durability, Origin::default(), async move |tx: &mut Tx| {
                let place = order.fetch_add(1, Ordering::SeqCst);
                insert(tx, &format!("{number:03}")).await?;
                Ok(place)
            })
    });
    let places: Vec<u64> = futures::future::join_all(writers)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert_eq!(places, (0..100).collect::<Vec<_>>());
}
