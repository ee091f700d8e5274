//! PostgreSQL failing: killed, gone for a while, out of connections, in a deadlock; and databases that
//! are not as they must be.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use platform::db::{Migration, PostgresSettings, Wakers, params};
use platform::{Db, Failure, Tx};
use testing::TestClock;
use testing::postgres::{Postgres, Server};
use tokio::sync::{Barrier, Semaphore};
use tokio::task::JoinSet;

use crate::migrations::SECOND;
use crate::rig::{Rig, TABLES, note, open_postgres, surroundings};

/// How long a server that is gone may keep a transaction waiting: more than the limits of the pool.
const ANSWERED_WITHIN: Duration = Duration::from_secs(15);

async fn open(settings: &PostgresSettings, migrations: &[Migration]) -> anyhow::Result<Db> {
    let surroundings = surroundings(&TestClock::new(), &Wakers::default());
    open_postgres(settings, migrations, surroundings).await
}

/// A server of the test's own, whatever others share.
async fn own(durable: bool) -> (Postgres, Db) {
    let server = Postgres::temporary(durable).unwrap();
    server.reached().create_database("things").unwrap();
    let settings = PostgresSettings::new(&server.reached().url("things"));
    let db = open(&settings, &[TABLES]).await.unwrap();
    (server, db)
}

async fn write(db: &Db, id: String) -> platform::Result<()> {
    let written = db.write(async move |tx: &mut Tx| note(tx, &id).await);
    let written = tokio::time::timeout(ANSWERED_WITHIN, written).await;
    written.expect("a transaction hangs")
}

async fn notes(db: &Db) -> platform::Result<Vec<String>> {
    let look = async |tx: &mut Tx| {
        let rows = tx.query("select id from notes", params![]).await?;
        rows.iter().map(|row| row.get(0)).collect()
    };
    db.read(look).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_a_kill() {
    let (mut server, db) = own(true).await;
    let (began, enough) = (
        Arc::new(Semaphore::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let writers = (0..8).map(|writer| {
        let (db, began, enough) = (db.clone(), Arc::clone(&began), Arc::clone(&enough));
        async move {
            let mut acknowledged = Vec::new();
            for number in 0.. {
                let id = format!("{writer}-{number}");
                match write(&db, id.clone()).await {
                    Ok(()) => acknowledged.push(id),
                    Err(failure) => {
                        assert!(matches!(failure, Failure::Unavailable(_)), "{failure:?}");
                        assert!(enough.load(Ordering::SeqCst), "{failure:?}");
                        break;
                    }
                }
                began.add_permits(1);
            }
            acknowledged
        }
    });
    let writers: JoinSet<_> = writers.collect();
    drop(began.acquire_many(100).await.unwrap());
    enough.store(true, Ordering::SeqCst);
    server.crash().unwrap();
    let acknowledged = writers.join_all().await.concat();
    assert!(acknowledged.len() >= 100);
    tokio::task::block_in_place(|| server.restart().unwrap());
    let kept = notes(&db).await.unwrap();
    let lost: Vec<_> = acknowledged
        .iter()
        .filter(|id| !kept.contains(id))
        .collect();
    assert!(lost.is_empty(), "{lost:?} of {}", acknowledged.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_goes_and_comes_back_is_used_again_without_reopening() {
    let (mut server, db) = own(false).await;
    for round in 0..2 {
        write(&db, format!("before-{round}")).await.unwrap();
        if round == 0 {
            server.stop().unwrap();
        } else {
            server.crash().unwrap();
            // Its processes end by themselves, and answer until they notice.
            let ended = async {
                for number in 0.. {
                    if is_away(&db, format!("{DOWN}-{number}")).await {
                        break;
                    }
                }
            };
            tokio::time::timeout(PATIENCE, ended).await.unwrap();
        }
        for _ in 0..3 {
            assert!(is_away(&db, DOWN.to_owned()).await, "somebody answers");
        }
        tokio::task::block_in_place(|| server.restart().unwrap());
        db.ping().await.unwrap();
        write(&db, format!("after-{round}")).await.unwrap();
    }
    let mut kept = notes(&db).await.unwrap();
    kept.retain(|note| !note.starts_with(DOWN));
    kept.sort_unstable();
    assert_eq!(kept, ["after-0", "after-1", "before-0", "before-1"]);
}

/// What is written while nobody should answer begins like this.
const DOWN: &str = "down";

/// How long the processes of a server that crashed may go on answering.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether whatever is asked of it is unavailable.
async fn is_away(db: &Db, note: String) -> bool {
    let outcomes = [
        write(db, note).await,
        notes(db).await.map(drop),
        db.ping().await,
    ];
    let unavailable = |outcome: &platform::Result<()>| match outcome {
        Ok(()) => false,
        Err(failure) => {
            assert!(matches!(failure, Failure::Unavailable(_)), "{failure:?}");
            true
        }
    };
    outcomes.iter().all(unavailable)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_was_cut_is_replaced_and_the_transaction_run_again() {
    let rig = Rig::postgres().await;
    let runs = Arc::new(Semaphore::new(0));
    let (other, counted) = (rig.other.clone(), Arc::clone(&runs));
    let work = async move |tx: &mut Tx| {
        note(tx, "a").await?;
        let sql = "select pg_backend_pid()";
        let process: i64 = tx.query_one(sql, params![]).await?.get(0)?;
        counted.add_permits(1);
        if counted.available_permits() == 1 {
            let cut = async move |tx: &mut Tx| {
                let sql = format!("select pg_terminate_backend({process}, 5000)");
                tx.query(&sql, params![]).await.map(drop)
            };
            other.write(cut).await?;
        }
        note(tx, "b").await
    };
    rig.db.write(work).await.unwrap();
    assert_eq!(runs.available_permits(), 2);
    assert_eq!(rig.notes().await, ["a", "b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_finds_no_connection_is_unavailable_in_time() {
    let server = Server::get().unwrap();
    let settings = PostgresSettings {
        connections_max: 2,
        ..server.database("things").unwrap()
    };
    let db = open(&settings, &[TABLES]).await.unwrap();
    let (held, release) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let holders = (0..2).map(|number| {
        let (db, held, release) = (db.clone(), Arc::clone(&held), Arc::clone(&release));
        async move {
            let work = async move |tx: &mut Tx| {
                note(tx, &format!("held-{number}")).await?;
                held.add_permits(1);
                drop(release.acquire().await);
                Ok(())
            };
            db.write(work).await
        }
    });
    let holders: JoinSet<_> = holders.collect();
    drop(held.acquire_many(2).await.unwrap());
    let outcome = write(&db, "no room".to_owned()).await;
    assert!(
        matches!(outcome, Err(Failure::Unavailable(_))),
        "{outcome:?}"
    );
    release.add_permits(2);
    for ended in holders.join_all().await {
        ended.unwrap();
    }
    write(&db, "room".to_owned()).await.unwrap();
    assert_eq!(notes(&db).await.unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadlock_is_resolved_by_running_again() {
    let rig = Rig::postgres().await;
    let both = async |tx: &mut Tx| {
        note(tx, "a").await?;
        note(tx, "b").await
    };
    rig.db.write(both).await.unwrap();
    let met = Arc::new(Barrier::new(2));
    let runs = Arc::new(Semaphore::new(0));
    let crossing = |first: &'static str, second: &'static str, db: Db| {
        let (met, runs, is_first) = (Arc::clone(&met), Arc::clone(&runs), AtomicBool::new(true));
        async move {
            let work = async move |tx: &mut Tx| {
                runs.add_permits(1);
                let sql = "update notes set number = number + 1 where id = $1";
                tx.execute(sql, params![first]).await?;
                if is_first.swap(false, Ordering::SeqCst) {
                    met.wait().await;
                }
                tx.execute(sql, params![second]).await.map(drop)
            };
            db.write(work).await
        }
    };
    let (one, two) = tokio::join!(
        crossing("a", "b", rig.db.clone()),
        crossing("b", "a", rig.other.clone())
    );
    one.unwrap();
    two.unwrap();
    assert_eq!(runs.available_permits(), 3, "one of them ran twice");
    assert_eq!(rig.number("select min(number) from notes").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_processes_that_start_at_once_one_migrates() {
    let server = Server::get().unwrap();
    let settings = server.database("things").unwrap();
    let starting = (0..6).map(|_| open(&settings, &[TABLES, SECOND]));
    let mut lives = Vec::new();
    for db in futures::future::join_all(starting).await {
        let life = async |tx: &mut Tx| Ok(tx.incarnation());
        lives.push(db.unwrap().write(life).await.unwrap());
    }
    assert!(lives.iter().all(|life| *life == lives[0]), "{lives:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_migrate_needs_all_migrations() {
    let server = Server::get().unwrap();
    let settings = server.database("things").unwrap();
    let only = PostgresSettings {
        migrate: false,
        ..settings.clone()
    };
    let refused = open(&only, &[TABLES]).await.err().unwrap();
    assert!(
        format!("{refused:#}").contains("platform_0001"),
        "{refused:#}"
    );
    open(&settings, &[TABLES]).await.unwrap();
    open(&only, &[TABLES]).await.unwrap();
    let refused = open(&only, &[TABLES, SECOND]).await.err().unwrap();
    let message = format!("{refused:#}");
    assert!(
        message.contains("0002_colours") && message.contains("ticketing migrate"),
        "{message}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_compares_texts_otherwise_is_refused() {
    let (server, _) = own(false).await;
    let wrong = [
        "encoding 'LATIN1' lc_collate 'C' lc_ctype 'C'",
        "encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C'",
        "encoding 'UTF8' lc_collate 'C' lc_ctype 'C' locale_provider 'icu' icu_locale 'en-US'",
    ];
    for (number, how) in wrong.into_iter().enumerate() {
        let name = format!("wrong_{number}");
        let sql = format!("create database {name} template template0 {how}");
        server.reached().psql("postgres", &sql).unwrap();
        let settings = PostgresSettings::new(&server.reached().url(&name));
        let refused = open(&settings, &[TABLES]).await.err();
        let refused = refused.unwrap_or_else(|| panic!("{how} was accepted"));
        let message = format!("{refused:#}");
        assert!(message.contains("create database wrong_"), "{message}");
    }
}
