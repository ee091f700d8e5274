//! SQLite: one writer thread with group commit, and a pool of reading connections.

mod chores;
mod statement;
mod writer;

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;

use anyhow::Context as _;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::migrate::{Migration, migrate};
use super::tx::Tx;
use super::{Durability, Surroundings, unavailable};
use crate::failure::{Failure, Result};
use crate::trace::Origin;
pub(super) use chores::Chores;
pub(super) use statement::{execute, query};
use writer::write_loop;
pub(super) use writer::{Brackets, Job, Ran, run_batch, run_to_end};

/// How many prepared statements each connection keeps.
const STATEMENTS_MAX: usize = 128;

pub(super) struct Sqlite {
    path: PathBuf,
    jobs: Mutex<Option<mpsc::Sender<(Durability, Job)>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    readers: Mutex<Vec<Connection>>,
    chores: Chores,
    unclean: bool,
    in_use: Arc<AtomicBool>,
}

impl Sqlite {
    pub(super) fn open(
        path: &Path,
        service: &str,
        migrations: &[Migration],
        surroundings: Surroundings,
    ) -> anyhow::Result<Self> {
        let connection = connect(path).with_context(|| format!("opening {}", path.display()))?;
        migrate(&connection, migrations).with_context(|| format!("in {}", path.display()))?;
        let (unclean, incarnation) = last_life(&connection, &surroundings)?;
        let in_use = Arc::<AtomicBool>::default();
        let used = Arc::clone(&in_use);
        let (jobs, queue) = mpsc::channel();
        let writer = std::thread::Builder::new()
            .name(format!("{service}-writer"))
            .spawn(move || write_loop(connection, &queue, &used))?;
        Ok(Self {
            path: path.to_owned(),
            jobs: Mutex::new(Some(jobs)),
            writer: Mutex::new(Some(writer)),
            readers: Mutex::new(Vec::new()),
            chores: Chores::new(surroundings, incarnation),
            unclean,
            in_use,
        })
    }

    pub(super) async fn write<T, F>(
        &self,
        durability: Durability,
        origin: Origin,
        work: F,
    ) -> Result<T>
    where
        T: Send + 'static,
        F: AsyncFn(&mut Tx) -> Result<T> + Send + 'static,
    {
        let (job, answered) = self.chores.job(origin, work);
        let closed = || Failure::Unavailable("the database is closed".to_owned());
        let sender = self
            .jobs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        sender
            .ok_or_else(closed)?
            .send((durability, job))
            .map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }

    pub(super) fn read<T, F>(&self, work: F) -> Result<T>
    where
        F: AsyncFn(&mut Tx) -> Result<T>,
    {
        let pooled = self
            .readers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let connection = match pooled {
            Some(connection) => connection,
            None => open_reader(&self.path).map_err(|error| unavailable(&error))?,
        };
        let connection = Rc::new(connection);
        let mut tx = self.chores.tx(&connection, Origin::default());
        execute(&connection, "begin", &[])?;
        let outcome = run_to_end(work(&mut tx));
        let ended = execute(&connection, "commit", &[]);
        drop(tx);
        if let (Ok(_), Some(connection)) = (ended, Rc::into_inner(connection)) {
            self.readers
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(connection);
        }
        outcome
    }

    pub(super) fn commits(&self) -> u64 {
        self.chores.commits()
    }

    /// Opens one more connection, which holds the state of this moment once it has read.
    pub(super) fn snapshot(&self) -> anyhow::Result<Snapshot> {
        let connection = open_reader(&self.path)?;
        connection.execute_batch("begin")?;
        meta(&connection, "incarnation")?;
        Ok(Snapshot(connection))
    }

    pub(super) fn ended_uncleanly(&self) -> bool {
        self.unclean
    }

    pub(super) fn set_in_use(&self) {
        self.in_use.store(true, Ordering::Release);
    }

    pub(super) fn close(&self) {
        let sender = self
            .jobs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        drop(sender);
        let writer = self
            .writer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(writer) = writer
            // A transaction that held the last handle is dropped by the writer itself.
            && writer.thread().id() != std::thread::current().id()
        {
            drop(writer.join());
        }
        self.readers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    pub(super) fn copy_to(&self, target: &Path) -> anyhow::Result<()> {
        self.snapshot()?.copy_to(target)
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        self.close();
    }
}

/// One consistent state of a database, held by a read transaction.
pub(super) struct Snapshot(Connection);

impl Snapshot {
    pub(super) fn copy_to(&self, target: &Path) -> anyhow::Result<()> {
        let mut copy =
            Connection::open(target).with_context(|| format!("making {}", target.display()))?;
        let backup = rusqlite::backup::Backup::new(&self.0, &mut copy)?;
        backup.run_to_completion(1024, std::time::Duration::ZERO, None)?;
        Ok(())
    }
}

/// Lets the log of a database file that nobody has open begin a new life.
pub(super) fn begin_new_life(path: &Path, now: i64) -> anyhow::Result<()> {
    let connection = connect(path)?;
    live_anew(&connection, now)?;
    connection.execute_batch("pragma wal_checkpoint(truncate)")?;
    Ok(())
}

/// Begins a new life: later than the last one also where the clock is behind.
pub(super) fn live_anew(connection: &Connection, now: i64) -> anyhow::Result<()> {
    let last = meta(connection, "incarnation")?.unwrap_or(0);
    set_meta(connection, "incarnation", now.max(last.saturating_add(1)))?;
    set_meta(connection, "put_back", 1)?;
    set_meta(connection, "open", 0)
}

/// Whether the life before did not end in order, and which life this is.
pub(super) fn last_life(
    connection: &Connection,
    surroundings: &Surroundings,
) -> anyhow::Result<(bool, i64)> {
    let unclean = meta(connection, "open")? == Some(1);
    let incarnation = match meta(connection, "incarnation")? {
        Some(incarnation) => incarnation,
        None => surroundings.clock.now().as_microsecond(),
    };
    set_meta(connection, "incarnation", incarnation)?;
    Ok((unclean, incarnation))
}

fn connect(path: &Path) -> anyhow::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.execute_batch(
        // A program that may write nowhere else has no folder for temporary files either.
        "pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on; \
         pragma temp_store = memory; pragma busy_timeout = 5000; pragma wal_autocheckpoint = 4000; pragma cache_size = -4000",
    )?;
    keep_statements(&connection)?;
    Ok(connection)
}

/// Keeps prepared statements, and keeps SQLite from preparing them again for other parameters in the
/// hope of a better plan: that costs more than most of them do.
pub(super) fn keep_statements(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

fn open_reader(path: &Path) -> anyhow::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.execute_batch(
        "pragma busy_timeout = 5000; pragma cache_size = -2000; pragma temp_store = memory",
    )?;
    keep_statements(&connection)?;
    Ok(connection)
}

pub(super) fn meta(connection: &Connection, name: &str) -> anyhow::Result<Option<i64>> {
    let mut statement = connection.prepare("select value from meta where name = ?1")?;
    Ok(statement
        .query_map([name], |row| row.get(0))?
        .next()
        .transpose()?)
}

pub(super) fn set_meta(connection: &Connection, name: &str, value: i64) -> anyhow::Result<()> {
    connection.execute(
        "insert into meta (name, value) values (?1, ?2) \
         on conflict (name) do update set value = excluded.value",
        rusqlite::params![name, value],
    )?;
    Ok(())
}
