//! SQLite in memory on a disk that can lose its power, fill up and fail: what a simulation keeps a
//! service's data on. Everything above it is what runs on files.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use contracts::Timestamp;
use rusqlite::Connection;
use tokio::sync::mpsc;

use super::migrate::{Migration, migrate};
use super::sqlite::{self, Brackets, Chores, Job, Ran, run_batch, run_to_end};
use super::{Durability, Surroundings, Tx, unavailable};
use crate::clock::Clock;
use crate::failure::{Failure, Result};
use crate::flaws;
use crate::tasks::Tasks;
use crate::trace::Origin;

/// How long the next step of a disk takes.
pub type Pace = Arc<dyn Fn() -> Duration + Send + Sync>;

/// A batch within the transaction that holds what is not synced.
const WITHIN: Brackets = Brackets {
    begin: "savepoint batch",
    commit: "release batch",
    rollback: "rollback to batch; release batch",
};

/// More pages than a database ever has.
const UNBOUNDED: u32 = 0x3fff_ffff;

/// What is wrong with a disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing.
    #[default]
    None,
    /// No page more than there are.
    Full,
    /// Nothing can be written.
    Failing,
}

/// A disk with one database on it, which outlives the processes that work on it, one or several. What
/// was committed and not synced is the open transaction of its connection: it can still be taken back.
/// Cheap to clone.
#[derive(Clone)]
pub struct Disk(Arc<Mutex<Medium>>);

struct Medium {
    /// `None` while somebody works with it.
    connection: Option<Connection>,
    trouble: Trouble,
    shared: bool,
}

impl Disk {
    /// An empty disk.
    ///
    /// # Errors
    /// When SQLite has no memory for it.
    pub fn new() -> anyhow::Result<Self> {
        Self::made(false)
    }

    /// One that several processes work on at once, as on a database server.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn shared() -> anyhow::Result<Self> {
        Self::made(true)
    }

    fn made(shared: bool) -> anyhow::Result<Self> {
        let connection = Connection::open_in_memory()?;
        connection.execute_batch("pragma foreign_keys = on")?;
        sqlite::keep_statements(&connection)?;
        Ok(Self(Arc::new(Mutex::new(Medium {
            connection: Some(connection),
            trouble: Trouble::None,
            shared,
        }))))
    }

    /// Takes back what was not synced.
    ///
    /// # Errors
    /// When somebody works with it.
    pub fn lose_power(&self) -> anyhow::Result<()> {
        self.look(|connection| {
            if !connection.is_autocommit() {
                connection.execute_batch("rollback")?;
            }
            Ok(())
        })
    }

    /// From now on, this is wrong with it.
    ///
    /// # Errors
    /// When somebody works with it.
    pub fn set(&self, trouble: Trouble) -> anyhow::Result<()> {
        self.look(|connection| {
            // A full disk may end the open transaction, with more in it than what did not fit.
            sync(connection)?;
            let pages: u32 = match trouble {
                Trouble::Full => connection.query_row("pragma page_count", [], |row| row.get(0))?,
                Trouble::None | Trouble::Failing => UNBOUNDED,
            };
            let set = format!("pragma max_page_count = {pages}");
            Ok(connection.query_row(&set, [], |_| Ok(()))?)
        })?;
        self.locked().trouble = trouble;
        Ok(())
    }

    /// A disk with the same on it.
    ///
    /// # Errors
    /// When it can't be copied.
    pub fn copy(&self) -> anyhow::Result<Self> {
        let copy = Self::new()?;
        copy.put_back(self)?;
        Ok(copy)
    }

    /// Becomes what the other one is: a backup, put back.
    ///
    /// # Errors
    /// When somebody works with one of them.
    pub fn put_back(&self, backup: &Self) -> anyhow::Result<()> {
        let mut target = self.locked().connection.take().context("in use")?;
        let copied = backup.look(|source| {
            sync(source)?;
            if !target.is_autocommit() {
                target.execute_batch("rollback")?;
            }
            let backup = rusqlite::backup::Backup::new(source, &mut target)?;
            Ok(backup.run_to_completion(i32::MAX, Duration::ZERO, None)?)
        });
        self.locked().connection = Some(target);
        copied
    }

    /// Lets the log of a disk that was put back begin a new life.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn begin_new_life(&self, now: Timestamp) -> anyhow::Result<()> {
        self.look(|connection| sqlite::live_anew(connection, now.as_microsecond()))
    }

    /// The first column, a text, of each row that a query answers.
    ///
    /// # Errors
    /// When the query is wrong, or somebody works with it.
    pub fn ask(&self, sql: &str) -> anyhow::Result<Vec<String>> {
        self.look(|connection| {
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map([], |row| row.get(0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Changes what is on it by hand.
    ///
    /// # Errors
    /// When it can't be done.
    pub fn tamper(&self, sql: &str) -> anyhow::Result<()> {
        self.look(|connection| Ok(connection.execute_batch(sql)?))
    }

    fn look<T>(&self, work: impl FnOnce(&Connection) -> anyhow::Result<T>) -> anyhow::Result<T> {
        let medium = self.locked();
        work(medium.connection.as_ref().context("in use")?)
    }

    fn locked(&self) -> MutexGuard<'_, Medium> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Works with the connection as transactions do.
    fn with<T>(&self, work: impl FnOnce(&Rc<Connection>) -> T) -> Result<T> {
        let taken = self.locked().connection.take();
        let connection = taken.ok_or_else(|| unavailable(&"the disk is in use"))?;
        let connection = Rc::new(connection);
        let outcome = work(&connection);
        let whole = Rc::into_inner(connection);
        self.locked().connection = Some(whole.ok_or_else(|| unavailable(&"the disk is kept"))?);
        Ok(outcome)
    }

    /// Runs what is in the batch; syncs if that is wanted.
    fn run(&self, batch: &mut VecDeque<Job>, synced: bool) -> Result<Ran> {
        let trouble = self.locked().trouble;
        self.with(|connection| {
            if connection.is_autocommit() {
                // Whatever is wrong with it shows when the batch begins.
                drop(connection.execute_batch("begin immediate"));
            }
            let ran = run_batch(connection, batch, &WITHIN);
            match trouble {
                Trouble::None if !synced => ran,
                Trouble::None | Trouble::Full => ran.and(|| end(connection)),
                Trouble::Failing => ran.and(|| {
                    drop(connection.execute_batch("rollback"));
                    Err("the disk failed".to_owned())
                }),
            }
        })
    }
}

/// Makes the open transaction durable, or takes it back.
fn end(connection: &Connection) -> Result<(), String> {
    sync(connection).map_err(|error| {
        drop(connection.execute_batch("rollback"));
        error.to_string()
    })
}

/// Makes durable what was committed.
fn sync(connection: &Connection) -> anyhow::Result<()> {
    if !connection.is_autocommit() {
        connection.execute_batch("commit")?;
    }
    Ok(())
}

/// The database on a disk, opened by a process.
pub(super) struct Memory {
    disk: Disk,
    jobs: mpsc::UnboundedSender<(Durability, Job)>,
    chores: Chores,
    unclean: bool,
    in_use: AtomicBool,
}

impl Memory {
    pub(super) fn open(
        disk: &Disk,
        migrations: &[Migration],
        surroundings: Surroundings,
        (tasks, pace): (&Tasks, Pace),
    ) -> anyhow::Result<Self> {
        let (unclean, incarnation) = disk.look(|connection| {
            migrate(connection, migrations)?;
            sqlite::last_life(connection, &surroundings)
        })?;
        let (jobs, queue) = mpsc::unbounded_channel();
        let clock = Arc::clone(&surroundings.clock);
        let chores = Chores::new(surroundings, incarnation);
        let is_shared = disk.locked().shared;
        tasks.spawn_until_stopped(write_loop(disk.clone(), queue, clock, pace));
        Ok(Self {
            disk: disk.clone(),
            jobs,
            chores: if is_shared { chores.shared() } else { chores },
            unclean,
            in_use: AtomicBool::new(false),
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
        let closed = || Failure::Unavailable("the database is closed".to_owned());
        let (job, answered) = self.chores.job(origin, work);
        self.jobs.send((durability, job)).map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }

    pub(super) fn read<T, F>(&self, work: F) -> Result<T>
    where
        F: AsyncFn(&mut Tx) -> Result<T>,
    {
        self.disk.with(|connection| {
            sqlite::execute(connection, "savepoint reading", &[])?;
            let mut tx = self.chores.tx(connection, Origin::default());
            let outcome = run_to_end(work(&mut tx));
            drop(tx);
            sqlite::execute(connection, "release reading", &[])?;
            outcome
        })?
    }

    pub(super) fn commits(&self) -> u64 {
        self.chores.commits()
    }

    pub(super) fn is_shared(&self) -> bool {
        self.chores.is_shared()
    }

    pub(super) fn ended_uncleanly(&self) -> bool {
        self.unclean
    }

    pub(super) fn set_in_use(&self) {
        self.in_use.store(true, Ordering::Release);
    }

    pub(super) fn close(&self) {
        let closed = self.disk.look(|connection| {
            if self.in_use.load(Ordering::Acquire) {
                sqlite::set_meta(connection, "open", 0)?;
            }
            sync(connection)
        });
        if let Err(error) = closed {
            tracing::error!(%error, "a database was not closed");
        }
    }
}

fn is_synced(durability: Durability) -> bool {
    durability == Durability::Synced && !flaws::NOTHING_SYNCED.is_there()
}

/// Takes transactions as they come and commits those that are waiting together, as the writer of a
/// file does, at the disk's pace.
async fn write_loop(
    disk: Disk,
    mut queue: mpsc::UnboundedReceiver<(Durability, Job)>,
    clock: Arc<dyn Clock>,
    pace: Pace,
) {
    while let Some((durability, first)) = queue.recv().await {
        clock.sleep(pace()).await;
        let mut synced = is_synced(durability);
        let mut batch = VecDeque::from([first]);
        while let Ok((durability, next)) = queue.try_recv() {
            synced |= is_synced(durability);
            batch.push_back(next);
        }
        while !batch.is_empty() {
            let ran = disk.run(&mut batch, synced);
            clock.sleep(pace()).await;
            match ran {
                Ok(ran) => ran.answer(),
                Err(failure) => {
                    tracing::error!(%failure, "a disk is lost");
                    return;
                }
            }
        }
    }
}
