//! A store with a few tables, seen by two replicas where the store can be shared.

use std::sync::Arc;

use contracts::Aggregate;
use platform::bus::in_process::InProcessBus;
use platform::context::Context;
use platform::db::{Migration, PostgresSettings, Surroundings, Wakers, params};
use platform::http::idempotency::InFlight;
use platform::random::SystemRandom;
use platform::session::Sessions;
use platform::tasks::Tasks;
use platform::{Clock, Db, Result, Tx};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use testing::TestClock;
use testing::postgres::Server;
use tokio::task::JoinSet;

pub const TABLES: Migration = Migration {
    name: "0001_tables",
    sqlite: "create table notes (id text primary key, number bigint not null); \
             create table holds (id text primary key, thing text not null, live bigint not null); \
             create unique index holds_live on holds (thing) where live = 1; \
             create table all_kinds (id text primary key, number bigint, words text, bytes bytea); \
             create table heard (position integer primary key, id text not null, version bigint not null); \
             create table copies (id text primary key, value bigint not null)",
};

/// What counts up.
#[derive(Debug)]
pub struct Thing;

impl Aggregate for Thing {
    const NAME: &'static str = "thing";
    const OWNER: &'static str = "things";
    type State = ThingState;
    type Fact = ThingFact;
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ThingState {
    pub value: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type")]
pub enum ThingFact {
    #[serde(rename = "ticketing.thing.counted.v1")]
    Counted,
}

enum Place {
    File(TempDir),
    Server {
        settings: PostgresSettings,
        _kept: Server,
    },
}

pub struct Rig {
    pub db: Db,
    /// Another replica's connections, where there can be another; else the same.
    pub other: Db,
    pub wakers: Wakers,
    pub clock: Arc<TestClock>,
    place: Place,
}

impl Rig {
    pub fn sqlite() -> Self {
        let place = Place::File(tempfile::tempdir().unwrap());
        let (wakers, clock) = (Wakers::default(), TestClock::new());
        let db = open_file(&place, &[TABLES], surroundings(&clock, &wakers)).unwrap();
        Self {
            other: db.clone(),
            db,
            wakers,
            clock,
            place,
        }
    }

    pub async fn postgres() -> Self {
        let server = Server::get().unwrap();
        let settings = server.database("things").unwrap();
        let (wakers, clock) = (Wakers::default(), TestClock::new());
        let db = open_postgres(&settings, &[TABLES], surroundings(&clock, &wakers));
        let db = db.await.unwrap();
        let other = surroundings(&clock, &Wakers::default());
        let other = open_postgres(&settings, &[TABLES], other).await.unwrap();
        Self {
            db,
            other,
            wakers,
            clock,
            place: Place::Server {
                settings,
                _kept: server,
            },
        }
    }

    /// One of the two replicas' connections.
    pub fn either(&self, number: usize) -> Db {
        let db = if number.is_multiple_of(2) {
            &self.db
        } else {
            &self.other
        };
        db.clone()
    }

    /// Closes the store and opens it again with these migrations.
    pub async fn open(&self, migrations: &[Migration]) -> anyhow::Result<Db> {
        let surroundings = surroundings(&self.clock, &Wakers::default());
        self.db.close();
        match &self.place {
            Place::File(_) => open_file(&self.place, migrations, surroundings),
            Place::Server { settings, .. } => {
                open_postgres(settings, migrations, surroundings).await
            }
        }
    }

    /// What a service on one of the replicas is given.
    pub fn context(&self, db: &Db, replica: &str) -> Context {
        let tasks = Tasks::default();
        let clock: Arc<dyn Clock> = self.clock.clone();
        Context {
            service: "things",
            replica: replica.into(),
            db: db.clone(),
            clock: Arc::clone(&clock),
            random: Arc::new(SystemRandom),
            bus: Arc::new(InProcessBus::new(clock, tasks.clone())),
            sessions: Sessions::new(Vec::new()),
            wakers: self.wakers.clone(),
            tasks,
            in_flight: InFlight::default(),
            public_url: None,
            left: platform::shares::Left::default(),
        }
    }

    /// The ids of all notes, sorted.
    pub async fn notes(&self) -> Vec<String> {
        let sql = "select id from notes order by id";
        self.texts(sql).await
    }

    /// The first column of all rows that a statement answers.
    pub async fn texts(&self, sql: &'static str) -> Vec<String> {
        let look = async move |tx: &mut Tx| {
            let rows = tx.query(sql, params![]).await?;
            rows.iter().map(|row| row.get(0)).collect()
        };
        self.db.read(look).await.unwrap()
    }

    /// The one number that a statement answers.
    pub async fn number(&self, sql: &'static str) -> i64 {
        let look = async move |tx: &mut Tx| tx.query_one(sql, params![]).await?.get(0);
        self.db.read(look).await.unwrap()
    }
}

pub fn surroundings(clock: &Arc<TestClock>, wakers: &Wakers) -> Surroundings {
    Surroundings {
        clock: clock.clone(),
        random: Arc::new(SystemRandom),
        wakers: wakers.clone(),
    }
}

fn open_file(
    place: &Place,
    migrations: &[Migration],
    surroundings: Surroundings,
) -> anyhow::Result<Db> {
    let Place::File(directory) = place else {
        anyhow::bail!("no file");
    };
    let path = directory.path().join("things.db");
    Db::open_sqlite(&path, "things", migrations, surroundings)
}

pub async fn open_postgres(
    settings: &PostgresSettings,
    migrations: &[Migration],
    surroundings: Surroundings,
) -> anyhow::Result<Db> {
    Db::open_postgres(settings, "things", migrations, surroundings).await
}

/// Runs all at the same time; what came of each, in the order in which they ended.
pub async fn at_once<T: Send + 'static>(
    works: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    works.into_iter().collect::<JoinSet<T>>().join_all().await
}

/// Writes a note.
pub async fn note(tx: &mut Tx, id: &str) -> Result<()> {
    let sql = "insert into notes (id, number) values ($1, 0)";
    tx.execute(sql, params![id]).await.map(drop)
}

/// A command as services write them: reads what is there, decides, appends.
pub async fn count(tx: &mut Tx, id: &str) -> Result<i64> {
    let version = tx.head::<Thing>(id).await?;
    let row = tx
        .query_opt("select number from notes where id = $1", params![id])
        .await?;
    let value = row.map_or(Ok(0), |row| row.get::<i64>(0))? + 1;
    let state = ThingState { value };
    let version = tx
        .append::<Thing>(id, version, &ThingFact::Counted, &state)
        .await?;
    let sql = "insert into notes (id, number) values ($1, $2) \
               on conflict (id) do update set number = excluded.number";
    tx.execute(sql, params![id, value]).await?;
    Ok(version)
}
