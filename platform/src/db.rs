//! A service's database: transactions written once as async closures over a [`Tx`].
//!
//! On SQLite every statement is ready at once, so one writer thread runs each closure to its end in
//! a savepoint and makes many of them durable with one sync (group commit). A closure may therefore
//! await nothing but its `Tx`. It is an `AsyncFn`, not an `AsyncFnOnce`, because a transaction that
//! met a concurrent one is run again from the start.

mod load;
pub mod memory;
mod migrate;
mod postgres;
mod require;
mod row;
mod snapshot;
mod sqlite;
mod tx;

use std::path::Path;
use std::sync::Arc;

use crate::clock::Clock;
use crate::failure::{Failure, Result};
use crate::random::Random;
use crate::tasks::Tasks;
use crate::trace::Origin;

pub use migrate::Migration;
pub use postgres::PostgresSettings;
pub(crate) use require::FAIL_IF_NONE;
pub use row::{FromValue, Row, ToValue, Value};
pub use snapshot::{begin_new_life, snapshot_all};
pub use tx::{Tx, Wakers};

/// Builds the parameters of a statement: `params![id, now, "text"]` for `$1`, `$2`, `$3`.
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => {
        ::std::convert::identity::<&[$crate::db::Value]>(&[$($crate::db::ToValue::to_value(&$value)),*])
    };
}
pub use crate::params;

/// When a transaction counts as done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// When it survives a power loss.
    Synced,
    /// When it is visible. For what is made again: marks of the relay; copies, which are read again
    /// from their owner's log. A power loss, on PostgreSQL a crash of the server, takes the copy, its
    /// cursor and its parked events back together.
    Relaxed,
}

/// What a transaction gets from its surroundings.
#[derive(Clone)]
pub struct Surroundings {
    /// Tells the time of every change.
    pub clock: Arc<dyn Clock>,
    /// Draws ids.
    pub random: Arc<dyn Random>,
    /// Woken by name after a commit.
    pub wakers: Wakers,
}

/// A service's database. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    engine: Engine,
    load: load::Load,
}

#[derive(Clone)]
enum Engine {
    Sqlite(Arc<sqlite::Sqlite>),
    Memory(Arc<memory::Memory>),
    Postgres(Arc<postgres::Postgres>),
}

impl Db {
    /// Opens (and makes, if need be) the SQLite file, and brings it to the newest migration.
    ///
    /// # Errors
    /// When the file can't be opened, is damaged, or has migrations that this program doesn't know.
    pub fn open_sqlite(
        path: &Path,
        service: &'static str,
        migrations: &[Migration],
        surroundings: Surroundings,
    ) -> anyhow::Result<Self> {
        let sqlite = sqlite::Sqlite::open(path, service, migrations, surroundings)?;
        Ok(Self {
            engine: Engine::Sqlite(Arc::new(sqlite)),
            load: load::Load::default(),
        })
    }

    /// Opens the database on a simulated disk and brings it to the newest migration. `tasks` are the
    /// process's that works on it: what they have not committed is lost with them.
    ///
    /// # Errors
    /// When the disk has migrations that this program doesn't know.
    pub fn open_on(
        disk: &memory::Disk,
        migrations: &[Migration],
        surroundings: Surroundings,
        at: (&Tasks, memory::Pace),
    ) -> anyhow::Result<Self> {
        let memory = memory::Memory::open(disk, migrations, surroundings, at)?;
        Ok(Self {
            engine: Engine::Memory(Arc::new(memory)),
            load: load::Load::default(),
        })
    }

    /// Connects to a PostgreSQL database, which several processes may share, and brings it to the
    /// newest migration.
    ///
    /// # Errors
    /// When the URL is wrong, the server does not answer or lets nobody in, or the database has
    /// migrations that this program doesn't know.
    pub async fn open_postgres(
        settings: &PostgresSettings,
        service: &'static str,
        migrations: &[Migration],
        surroundings: Surroundings,
    ) -> anyhow::Result<Self> {
        let postgres =
            postgres::Postgres::open(settings, service, migrations, surroundings).await?;
        Ok(Self {
            engine: Engine::Postgres(Arc::new(postgres)),
            load: load::Load::default(),
        })
    }

    /// Whether other processes may be at work on the same database.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        match &self.engine {
            Engine::Sqlite(_) => false,
            Engine::Memory(memory) => memory.is_shared(),
            Engine::Postgres(_) => true,
        }
    }

    /// Whether a server has it, so that a transaction can wait for what comes from elsewhere.
    pub(crate) fn is_remote(&self) -> bool {
        matches!(self.engine, Engine::Postgres(_))
    }

    /// Runs a transaction and returns once it is durable.
    ///
    /// # Errors
    /// What the closure fails with; nothing of it is then kept. [`Failure::Unavailable`] when the
    /// database can't commit: then it is unknown to nobody but a crash whether it was kept.
    pub async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: AsyncFn(&mut Tx) -> Result<T> + Send + 'static,
    {
        self.run(Durability::Synced, Origin::current(), work).await
    }

    /// Runs a transaction with a chosen durability and origin.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub async fn run<T, F>(&self, durability: Durability, origin: Origin, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: AsyncFn(&mut Tx) -> Result<T> + Send + 'static,
    {
        let running = Arc::new(self.load.begin());
        // It goes on where nobody waits for it any more, and is not over for who does before it is durable.
        let held = Arc::clone(&running);
        let work = async move |tx: &mut Tx| {
            let _held = &held;
            work(tx).await
        };
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.write(durability, origin, work).await,
            Engine::Memory(memory) => memory.write(durability, origin, work).await,
            Engine::Postgres(postgres) => postgres.write(durability, origin, work).await,
        }
    }

    /// Runs a read-only transaction on one consistent state.
    ///
    /// # Errors
    /// What the closure fails with, or [`Failure::Unavailable`].
    pub async fn read<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: AsyncFn(&mut Tx) -> Result<T> + Send + 'static,
    {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.read(work),
            Engine::Memory(memory) => memory.read(work),
            Engine::Postgres(postgres) => postgres.read(work).await,
        }
    }

    /// How many transactions that write have ended here, and how many wait or run, also for nobody any
    /// more.
    #[must_use]
    pub fn writes(&self) -> (u64, u64) {
        self.load.counts()
    }

    /// How many transactions with events were committed since it was opened, or `None` where other
    /// processes commit too. It is counted before whoever committed is answered, so that what was
    /// read after the same count is not outdated for anybody.
    #[must_use]
    pub fn commits(&self) -> Option<u64> {
        match &self.engine {
            Engine::Sqlite(sqlite) => Some(sqlite.commits()),
            Engine::Memory(memory) => (!memory.is_shared()).then(|| memory.commits()),
            Engine::Postgres(_) => None,
        }
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when it doesn't.
    pub async fn ping(&self) -> Result<()> {
        self.read(async |tx: &mut Tx| tx.query("select 1", &[]).await.map(drop))
            .await
    }

    /// Writes everything back and closes the database; marks the end as clean if it was in use.
    pub fn close(&self) {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.close(),
            Engine::Memory(memory) => memory.close(),
            Engine::Postgres(_) => {}
        }
    }

    /// Notes that the database is worked on from now on, until [`Self::close`].
    ///
    /// # Errors
    /// When the database doesn't answer.
    pub async fn begin_use(&self) -> Result<()> {
        if self.is_shared() {
            return Ok(());
        }
        self.write(async |tx: &mut Tx| {
            tx.execute(
                "insert into meta (name, value) values ('open', 1) \
                 on conflict (name) do update set value = excluded.value",
                &[],
            )
            .await
            .map(drop)
        })
        .await?;
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.set_in_use(),
            Engine::Memory(memory) => memory.set_in_use(),
            Engine::Postgres(_) => {}
        }
        Ok(())
    }

    /// Lets the log of a database that was restored from a backup begin a new life. Nobody else may be
    /// at work on it, and it is to be opened anew.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn begin_new_life(&self) -> Result<()> {
        self.write(async |tx: &mut Tx| {
            // Later than the last one also where the clock is behind.
            let sql = "update meta set value = case when value < $1 then $1 else value + 1 end \
                       where name = 'incarnation'";
            let now = tx.now();
            tx.execute(sql, params![now]).await?;
            let sql = "insert into meta (name, value) values ('put_back', 1) \
                       on conflict (name) do update set value = 1";
            tx.execute(sql, params![]).await.map(drop)
        })
        .await
    }

    /// Whether the process that worked on it before ended without [`Self::close`].
    #[must_use]
    pub fn ended_uncleanly(&self) -> bool {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.ended_uncleanly(),
            Engine::Memory(memory) => memory.ended_uncleanly(),
            Engine::Postgres(_) => false,
        }
    }

    /// The file, for what only files can do.
    fn file(&self) -> anyhow::Result<&sqlite::Sqlite> {
        match &self.engine {
            Engine::Sqlite(sqlite) => Ok(sqlite),
            Engine::Memory(_) => anyhow::bail!("it is its disk that is copied"),
            Engine::Postgres(_) => anyhow::bail!("PostgreSQL has tools of its own for copies"),
        }
    }

    /// Copies the running database, as of one moment, to a new file.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn copy_to(&self, target: &Path) -> anyhow::Result<()> {
        self.file()?.copy_to(target)
    }
}

/// A driver's error as what it means to a transaction.
fn unavailable(error: &dyn std::fmt::Display) -> Failure {
    Failure::Unavailable(error.to_string())
}

#[cfg(test)]
mod tests;
