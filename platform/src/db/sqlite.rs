//! SQLite: one writer thread with group commit, and a pool of reading connections.

mod statement;
mod writer;

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;

use anyhow::Context as _;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::oneshot;

use super::migrate::{Migration, migrate};
use super::tx::{Link, Tx};
use super::{Durability, Surroundings, unavailable};
use crate::failure::{Failure, Result};
use crate::log::RELAY;
use crate::trace::Origin;
pub(super) use statement::{execute, query};
use writer::{Job, run_in_savepoint, run_to_end, write_loop};

/// How many prepared statements each connection keeps.
const STATEMENTS_MAX: usize = 128;

pub(super) struct Sqlite {
    path: PathBuf,
    jobs: Mutex<Option<mpsc::Sender<(Durability, Job)>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    readers: Mutex<Vec<Connection>>,
    surroundings: Surroundings,
    incarnation: i64,
    unclean: bool,
    in_use: Arc<AtomicBool>,
    commits: Arc<AtomicU64>,
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
        let unclean = meta(&connection, "open")? == Some(1);
        let incarnation = match meta(&connection, "incarnation")? {
            Some(incarnation) => incarnation,
            None => surroundings.clock.now().as_microsecond(),
        };
        set_meta(&connection, "incarnation", incarnation)?;
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
            surroundings,
            incarnation,
            unclean,
            in_use,
            commits: Arc::default(),
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
        let (answer, answered) = oneshot::channel();
        let (surroundings, incarnation) = (self.surroundings.clone(), self.incarnation);
        let commits = Arc::clone(&self.commits);
        // The writer's thread knows nothing of whom it works for.
        let span = tracing::Span::current();
        let job: Job = Box::new(move |connection| {
            let wakers = surroundings.wakers.clone();
            let (outcome, wakes) = match connection {
                Ok(connection) => {
                    let mut tx = new_tx(connection, surroundings, origin, incarnation);
                    let run = || run_in_savepoint(connection, &mut tx, work);
                    (span.in_scope(run), tx.wakes)
                }
                Err(error) => (
                    Err(Failure::Unavailable(error.to_owned())),
                    Default::default(),
                ),
            };
            Box::new(move |committed| {
                let outcome = match committed {
                    Ok(()) => outcome,
                    Err(error) => outcome.and_then(|_| Err(Failure::Unavailable(error.to_owned()))),
                };
                if outcome.is_ok() {
                    if wakes.contains(RELAY) {
                        commits.fetch_add(1, Ordering::Release);
                    }
                    wakes.into_iter().for_each(|name| wakers.wake(name));
                }
                drop(answer.send(outcome));
            })
        });
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
        let mut tx = new_tx(
            &connection,
            self.surroundings.clone(),
            Origin::default(),
            self.incarnation,
        );
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
        self.commits.load(Ordering::Acquire)
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
pub(super) fn begin_new_life(path: &Path, life: i64) -> anyhow::Result<()> {
    let connection = connect(path)?;
    set_meta(&connection, "incarnation", life)?;
    set_meta(&connection, "open", 0)?;
    connection.execute_batch("pragma wal_checkpoint(truncate)")?;
    Ok(())
}

fn connect(path: &Path) -> anyhow::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.execute_batch(
        "pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on; \
         pragma busy_timeout = 5000; pragma wal_autocheckpoint = 4000; pragma cache_size = -4000",
    )?;
    keep_statements(&connection)?;
    Ok(connection)
}

/// Keeps prepared statements, and keeps SQLite from preparing them again for other parameters in the
/// hope of a better plan: that costs more than most of them do.
fn keep_statements(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

fn open_reader(path: &Path) -> anyhow::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.execute_batch("pragma busy_timeout = 5000; pragma cache_size = -2000")?;
    keep_statements(&connection)?;
    Ok(connection)
}

fn meta(connection: &Connection, name: &str) -> anyhow::Result<Option<i64>> {
    let mut statement = connection.prepare("select value from meta where name = ?1")?;
    Ok(statement
        .query_map([name], |row| row.get(0))?
        .next()
        .transpose()?)
}

fn set_meta(connection: &Connection, name: &str, value: i64) -> anyhow::Result<()> {
    connection.execute(
        "insert into meta (name, value) values (?1, ?2) \
         on conflict (name) do update set value = excluded.value",
        rusqlite::params![name, value],
    )?;
    Ok(())
}

fn new_tx(
    connection: &Rc<Connection>,
    surroundings: Surroundings,
    origin: Origin,
    incarnation: i64,
) -> Tx {
    Tx {
        link: Link::Sqlite(Rc::clone(connection)),
        surroundings,
        origin,
        wakes: Default::default(),
        incarnation,
        depth: 0,
    }
}
