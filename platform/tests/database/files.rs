//! The file: migrations, clean and unclean ends, copies.

use platform::db::{Migration, Wakers, params};
use platform::{Db, Tx};

use crate::store::{FIRST, Store, surroundings};

const SECOND: Migration = Migration {
    name: "0002_colours",
    sqlite: "alter table notes add column colour text",
};
const BROKEN: Migration = Migration {
    name: "0003_broken",
    sqlite: "create table half (id text); select nonsense from nowhere",
};

fn open(store: &Store, migrations: &[Migration]) -> anyhow::Result<Db> {
    Db::open_sqlite(
        &store.path(),
        "notes",
        migrations,
        surroundings(&Wakers::default()),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_runs_once_and_keeps_what_is_there() {
    let store = Store::new();
    store.insert("old").await.unwrap();
    store.db.close();
    for _ in 0..2 {
        let db = open(&store, &[FIRST, SECOND]).unwrap();
        let look = async |tx: &mut Tx| {
            tx.query_one("select id, colour from notes", params![])
                .await?
                .get::<Option<String>>(1)
        };
        assert_eq!(db.read(look).await.unwrap(), None);
        db.close();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_a_newer_version_is_refused_with_a_word_on_what_to_do() {
    let store = Store::new();
    store.db.close();
    open(&store, &[FIRST, SECOND]).unwrap().close();
    let refused = open(&store, &[FIRST]).err().unwrap();
    let message = format!("{refused:#}");
    assert!(
        message.contains("0002_colours") && message.contains("use a newer version"),
        "{message}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_fails_leaves_nothing_of_itself() {
    let store = Store::new();
    store.db.close();
    let failed = open(&store, &[FIRST, BROKEN]).err().unwrap();
    assert!(format!("{failed:#}").contains("0003_broken"));
    let db = open(&store, &[FIRST]).unwrap();
    let look = async |tx: &mut Tx| {
        tx.query(
            "select name from sqlite_master where name = 'half'",
            params![],
        )
        .await
    };
    assert_eq!(db.read(look).await.unwrap().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_is_clean_only_when_it_was_closed() {
    let store = Store::new();
    assert!(!store.db.ended_uncleanly(), "nobody worked on it");
    store.db.begin_use().await.unwrap();
    // As after a crash: the files as they are, and nobody has closed them.
    let crashed = Store {
        directory: tempfile::tempdir().unwrap(),
        db: store.db.clone(),
        wakers: Wakers::default(),
    };
    for suffix in ["db", "db-wal"] {
        let file = format!("notes.{suffix}");
        std::fs::copy(
            store.directory.path().join(&file),
            crashed.directory.path().join(&file),
        )
        .unwrap();
    }
    assert!(open(&crashed, &[FIRST]).unwrap().ended_uncleanly());
    store.db.close();
    assert!(!open(&store, &[FIRST]).unwrap().ended_uncleanly());
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_close_everything_is_unavailable_and_nothing_is_lost() {
    let store = Store::new();
    store.insert("kept").await.unwrap();
    let queued = store.insert("queued");
    let mut queued = Box::pin(queued);
    assert!(futures::poll!(&mut queued).is_pending());
    store.db.close();
    queued.await.unwrap();
    let late = store.insert("late").await;
    assert!(
        matches!(late, Err(platform::Failure::Unavailable(_))),
        "{late:?}"
    );
    let db = open(&store, &[FIRST]).unwrap();
    let count = async |tx: &mut Tx| {
        tx.query_one("select count(*) from notes", params![])
            .await?
            .get::<i64>(0)
    };
    assert_eq!(db.read(count).await.unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_the_running_database_is_of_one_moment() {
    let store = Store::new();
    let writers = async {
        for number in 0..200 {
            // Always in pairs.
            let pair = async move |tx: &mut Tx| {
                crate::store::insert(tx, &format!("{number}-a")).await?;
                crate::store::insert(tx, &format!("{number}-b")).await
            };
            store.db.write(pair).await.unwrap();
        }
    };
    let copies = tempfile::tempdir().unwrap();
    let copying = async {
        for number in 0..5 {
            let (db, target) = (store.db.clone(), copies.path().join(format!("{number}.db")));
            tokio::task::spawn_blocking(move || db.copy_to(&target))
                .await
                .unwrap()
                .unwrap();
        }
    };
    tokio::join!(writers, copying);
    for number in 0..5 {
        let path = copies.path().join(format!("{number}.db"));
        let copy =
            Db::open_sqlite(&path, "notes", &[FIRST], surroundings(&Wakers::default())).unwrap();
        let count = async |tx: &mut Tx| {
            tx.query_one("select count(*) from notes", params![])
                .await?
                .get::<i64>(0)
        };
        assert_eq!(copy.read(count).await.unwrap() % 2, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_life_of_a_database_stays_until_it_is_restored() {
    let store = Store::new();
    let life = async |tx: &mut Tx| Ok(tx.incarnation());
    let first = store.db.write(life).await.unwrap();
    store.db.close();
    assert_eq!(
        open(&store, &[FIRST]).unwrap().write(life).await.unwrap(),
        first
    );
    let later = contracts::Timestamp::from_microsecond(first + 5).unwrap();
    platform::db::begin_new_life(&store.path(), later).unwrap();
    assert_eq!(
        open(&store, &[FIRST]).unwrap().write(life).await.unwrap(),
        first + 5
    );
}
