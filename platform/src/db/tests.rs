//! Databases as a whole: the mark of an unclean end, and copies as of one moment.

use std::path::Path;
use std::sync::Arc;

use super::{Db, Migration, Surroundings, Tx, Wakers, snapshot_all};
use crate::clock::SystemClock;
use crate::random::SystemRandom;

const MIGRATIONS: &[Migration] = &[Migration {
    name: "0001_notes",
    sqlite: "create table notes (number bigint primary key)",
}];

fn open(path: &Path) -> Db {
    let surroundings = Surroundings {
        clock: Arc::new(SystemClock::new()),
        random: Arc::new(SystemRandom),
        wakers: Wakers::default(),
    };
    Db::open_sqlite(path, "notes", MIGRATIONS, surroundings).unwrap()
}

async fn note(db: &Db, number: i64) {
    let insert = async move |tx: &mut Tx| {
        let sql = "insert into notes (number) values ($1)";
        tx.execute(sql, params![number]).await.map(drop)
    };
    db.write(insert).await.unwrap();
}

async fn last(db: &Db) -> i64 {
    let look = async |tx: &mut Tx| {
        let sql = "select coalesce(max(number), 0) from notes";
        tx.query_one(sql, params![]).await?.get(0)
    };
    db.read(look).await.unwrap()
}

#[tokio::test]
async fn who_only_looks_does_not_hide_an_unclean_end() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notes.db");
    let db = open(&path);
    assert!(!db.ended_uncleanly());
    db.begin_use().await.unwrap();
    // A copy of a database in use is what a crash leaves.
    let crashed = directory.path().join("crashed.db");
    db.copy_to(&crashed).unwrap();
    db.close();
    assert!(!open(&path).ended_uncleanly());
    for _ in 0..2 {
        let looked_at = open(&crashed);
        assert!(looked_at.ended_uncleanly());
        looked_at.close();
    }
    let mended = open(&crashed);
    mended.begin_use().await.unwrap();
    mended.close();
    assert!(!open(&crashed).ended_uncleanly());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn copies_of_several_databases_are_of_one_moment() {
    let directory = tempfile::tempdir().unwrap();
    let (owner, listener) = (
        open(&directory.path().join("owner.db")),
        open(&directory.path().join("listener.db")),
    );
    let writing = {
        let (owner, listener) = (owner.clone(), listener.clone());
        async move {
            for number in 1..=500 {
                note(&owner, number).await;
                note(&listener, number).await;
            }
        }
    };
    let copying = async {
        for round in 0..10 {
            let path = |name: &str| directory.path().join(format!("{name}-{round}.db"));
            // The listener is copied first: one after the other, it would lack what the owner has.
            let both = vec![
                (listener.clone(), path("listener")),
                (owner.clone(), path("owner")),
            ];
            snapshot_all(both).await.unwrap();
            let (heard, said) = (
                last(&open(&path("listener"))).await,
                last(&open(&path("owner"))).await,
            );
            assert!(
                said == heard || said == heard + 1,
                "{said} said, {heard} heard"
            );
        }
    };
    tokio::join!(writing, copying);
    assert_eq!(last(&listener).await, 500);
}
