//! A database with one table, in a directory that is removed with it.

use std::path::PathBuf;
use std::sync::Arc;

use platform::clock::SystemClock;
use platform::db::{Migration, Surroundings, Wakers, params};
use platform::random::SystemRandom;
use platform::{Db, Result, Tx};
use tempfile::TempDir;

pub const FIRST: Migration = Migration {
    name: "0001_notes",
    sqlite: "create table notes (id text primary key, number bigint not null)",
};

pub struct Store {
    pub directory: TempDir,
    pub db: Db,
    pub wakers: Wakers,
}

pub fn surroundings(wakers: &Wakers) -> Surroundings {
    Surroundings {
        clock: Arc::new(SystemClock::new()),
        random: Arc::new(SystemRandom),
        wakers: wakers.clone(),
    }
}

impl Store {
    pub fn new() -> Self {
        let (directory, wakers) = (tempfile::tempdir().unwrap(), Wakers::default());
        let path = directory.path().join("notes.db");
        let db = Db::open_sqlite(&path, "notes", &[FIRST], surroundings(&wakers)).unwrap();
        Self {
            directory,
            db,
            wakers,
        }
    }

    pub fn path(&self) -> PathBuf {
        self.directory.path().join("notes.db")
    }

    pub async fn insert(&self, id: &str) -> Result<()> {
        let id = id.to_owned();
        self.db
            .write(async move |tx: &mut Tx| insert(tx, &id).await)
            .await
    }

    /// All ids, sorted.
    pub async fn ids(&self) -> Vec<String> {
        let look = async |tx: &mut Tx| {
            let rows = tx
                .query("select id from notes order by id", params![])
                .await?;
            rows.iter().map(|row| row.get(0)).collect()
        };
        self.db.read(look).await.unwrap()
    }
}

pub async fn insert(tx: &mut Tx, id: &str) -> Result<()> {
    tx.execute("insert into notes (id, number) values ($1, 0)", params![id])
        .await
        .map(drop)
}
