//! SQLite: one writer thread with group commit, and a pool of reading connections.

use std::path::{Path, PathBuf};
use std::pin::pin;
use std::rc::Rc;
use std::sync::{Mutex, PoisonError, mpsc};
use std::task::{Poll, Waker};
use std::thread::JoinHandle;

use anyhow::{Context as _, anyhow};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use tokio::sync::oneshot;

use super::migrate::{Migration, migrate};
use super::row::{Row, Value};
use super::tx::Tx;
use super::{Durability, Surroundings, unavailable};
use crate::failure::{Failure, Result};
use crate::trace::Origin;

/// At most this many transactions share one sync, so that the first waits no longer than a few
/// milliseconds for the last.
const BATCH_MAX: usize = 256;

/// How many prepared statements each connection keeps.
const STATEMENTS_MAX: usize = 128;

/// What runs a transaction on the writer thread; the returned part answers once the commit is known.
type Job = Box<dyn FnOnce(&Rc<Connection>) -> Box<dyn FnOnce(Result<(), &str>)> + Send>;

pub(super) struct Sqlite {
    path: PathBuf,
    jobs: Mutex<Option<mpsc::Sender<(Durability, Job)>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    readers: Mutex<Vec<Connection>>,
    surroundings: Surroundings,
    incarnation: i64,
    unclean: bool,
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
        set_meta(&connection, "open", 1)?;
        let (jobs, queue) = mpsc::channel();
        let writer = std::thread::Builder::new()
            .name(format!("{service}-writer"))
            .spawn(move || write_loop(connection, &queue))?;
        Ok(Self {
            path: path.to_owned(),
            jobs: Mutex::new(Some(jobs)),
            writer: Mutex::new(Some(writer)),
            readers: Mutex::new(Vec::new()),
            surroundings,
            incarnation,
            unclean,
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
        let job: Job = Box::new(move |connection| {
            let wakers = surroundings.wakers.clone();
            let mut tx = new_tx(connection, surroundings, origin, incarnation);
            let outcome = run_in_savepoint(&mut tx, work);
            let wakes = std::mem::take(&mut tx.wakes);
            Box::new(move |committed| {
                let outcome = match committed {
                    Ok(()) => outcome,
                    Err(error) => outcome.and_then(|_| Err(Failure::Unavailable(error.to_owned()))),
                };
                if outcome.is_ok() {
                    wakes.into_iter().for_each(|name| wakers.wake(name));
                }
                drop(answer.send(outcome));
            })
        });
        let closed = || Failure::Unavailable("the database is closed".to_owned());
        let sender = self.jobs.lock().unwrap_or_else(PoisonError::into_inner).clone();
        sender.ok_or_else(closed)?.send((durability, job)).map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }

    pub(super) fn read<T, F>(&self, work: F) -> Result<T>
    where
        F: AsyncFn(&mut Tx) -> Result<T>,
    {
        let pooled = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match pooled {
            Some(connection) => connection,
            None => open_reader(&self.path).map_err(|error| unavailable(&error))?,
        };
        let connection = Rc::new(connection);
        let mut tx =
            new_tx(&connection, self.surroundings.clone(), Origin::default(), self.incarnation);
        execute(&connection, "begin", &[])?;
        let outcome = run_to_end(work(&mut tx));
        let ended = execute(&connection, "commit", &[]);
        drop(tx);
        if let (Ok(_), Some(connection)) = (ended, Rc::into_inner(connection)) {
            self.readers.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
        outcome
    }

    pub(super) fn ended_uncleanly(&self) -> bool {
        self.unclean
    }

    pub(super) fn close(&self) {
        let sender = self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(sender);
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer {
            drop(writer.join());
        }
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(super) fn copy_to(&self, target: &Path) -> anyhow::Result<()> {
        let source = open_reader(&self.path)?;
        copy(&source, target)
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        self.close();
    }
}

/// Copies a database file that nobody has open, its write-ahead log included.
///
/// # Errors
/// When either file can't be opened.
pub fn checkpoint_and_copy(source: &Path, target: &Path) -> anyhow::Result<()> {
    copy(&Connection::open(source)?, target)
}

fn copy(source: &Connection, target: &Path) -> anyhow::Result<()> {
    let mut copy = Connection::open(target).with_context(|| format!("making {}", target.display()))?;
    let backup = rusqlite::backup::Backup::new(source, &mut copy)?;
    backup.run_to_completion(1024, std::time::Duration::ZERO, None)?;
    Ok(())
}

fn connect(path: &Path) -> anyhow::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.execute_batch(
        "pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on; \
         pragma busy_timeout = 5000; pragma wal_autocheckpoint = 4000; pragma cache_size = -4000",
    )?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    Ok(connection)
}

fn open_reader(path: &Path) -> anyhow::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.execute_batch("pragma busy_timeout = 5000; pragma cache_size = -2000")?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    Ok(connection)
}

fn meta(connection: &Connection, name: &str) -> anyhow::Result<Option<i64>> {
    let mut statement = connection.prepare("select value from meta where name = ?1")?;
    Ok(statement.query_map([name], |row| row.get(0))?.next().transpose()?)
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
    let connection = Rc::clone(connection);
    Tx { connection, surroundings, origin, wakes: Default::default(), incarnation, depth: 0 }
}

/// Takes transactions as they come and commits those that are waiting together.
fn write_loop(connection: Connection, queue: &mpsc::Receiver<(Durability, Job)>) {
    let connection = Rc::new(connection);
    let mut synced = true;
    while let Ok(first) = queue.recv() {
        let mut batch = vec![first];
        while batch.len() < BATCH_MAX
            && let Ok(next) = queue.try_recv()
        {
            batch.push(next);
        }
        let sync = batch.iter().any(|(durability, _)| *durability == Durability::Synced);
        if sync != synced {
            let level = if sync { "pragma synchronous = full" } else { "pragma synchronous = normal" };
            if connection.execute_batch(level).is_ok() {
                synced = sync;
            }
        }
        run_batch(&connection, batch);
    }
    if connection.execute_batch("pragma synchronous = full").is_ok() {
        drop(set_meta(&connection, "open", 0));
        drop(connection.execute_batch("pragma wal_checkpoint(truncate)"));
    }
}

fn run_batch(connection: &Rc<Connection>, batch: Vec<(Durability, Job)>) {
    let begun = execute(connection, "begin immediate", &[]);
    if let Err(error) = begun {
        // Statements outside a transaction would commit one by one: run none.
        let message = error.to_string();
        tracing::error!(error = message, "the database takes no transaction");
        let answers: Vec<_> = batch.into_iter().map(|(_, job)| job).collect();
        drop(answers);
        return;
    }
    let answers: Vec<_> = batch.into_iter().map(|(_, job)| job(connection)).collect();
    let committed = execute(connection, "commit", &[]).map_err(|error| {
        tracing::error!(%error, "a commit failed");
        drop(execute(connection, "rollback", &[]));
        error.to_string()
    });
    for answer in answers {
        answer(committed.as_ref().map(|_| ()).map_err(String::as_str));
    }
}

fn run_in_savepoint<T>(tx: &mut Tx, work: impl AsyncFn(&mut Tx) -> Result<T>) -> Result<T> {
    let connection = Rc::clone(&tx.connection);
    execute(&connection, "savepoint transaction_of_batch", &[])?;
    let outcome = run_to_end(work(tx));
    if outcome.is_err() {
        execute(&connection, "rollback to transaction_of_batch", &[])?;
    }
    execute(&connection, "release transaction_of_batch", &[])?;
    outcome
}

/// Polls a closure's future once: every statement on SQLite is ready at once.
fn run_to_end<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let mut context = std::task::Context::from_waker(Waker::noop());
    match pin!(work).poll(&mut context) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => Err(Failure::Broken(anyhow!(
            "a transaction awaited something else than its database"
        ))),
    }
}

pub(super) fn query(connection: &Connection, sql: &str, params: &[Value]) -> Result<Vec<Row>> {
    let mut statement = connection.prepare_cached(sql).map_err(|error| failure(error, sql))?;
    bind(&mut statement, params).map_err(|error| failure(error, sql))?;
    let columns = statement.column_count();
    let mut rows = statement.raw_query();
    let mut answer = Vec::new();
    while let Some(row) = rows.next().map_err(|error| failure(error, sql))? {
        let mut values = Vec::with_capacity(columns);
        for column in 0..columns {
            values.push(read(row.get_ref(column).map_err(|error| failure(error, sql))?)?);
        }
        answer.push(Row(values));
    }
    Ok(answer)
}

pub(super) fn execute(connection: &Connection, sql: &str, params: &[Value]) -> Result<u64> {
    let mut statement = connection.prepare_cached(sql).map_err(|error| failure(error, sql))?;
    bind(&mut statement, params).map_err(|error| failure(error, sql))?;
    let changed = statement.raw_execute().map_err(|error| failure(error, sql))?;
    Ok(u64::try_from(changed).unwrap_or(u64::MAX))
}

/// Binds by name, because SQLite numbers `$n` by first appearance and not by `n`.
fn bind(statement: &mut rusqlite::CachedStatement<'_>, params: &[Value]) -> rusqlite::Result<()> {
    for (place, value) in params.iter().enumerate() {
        let name = parameter_name(place);
        if let Some(index) = statement.parameter_index(&name)? {
            statement.raw_bind_parameter(index, value)?;
        }
    }
    Ok(())
}

fn parameter_name(place: usize) -> std::borrow::Cow<'static, str> {
    const NAMES: [&str; 12] =
        ["$1", "$2", "$3", "$4", "$5", "$6", "$7", "$8", "$9", "$10", "$11", "$12"];
    match NAMES.get(place) {
        Some(name) => (*name).into(),
        None => format!("${}", place + 1).into(),
    }
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(int) => ValueRef::Integer(*int),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

fn read(value: ValueRef<'_>) -> Result<Value> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(int) => Value::Int(int),
        ValueRef::Text(text) => {
            Value::Text(std::str::from_utf8(text).context("a text column")?.to_owned())
        }
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
        ValueRef::Real(_) => return Err(Failure::Broken(anyhow!("a column holds a float"))),
    })
}

/// Sorts a driver's error: the disk and the file are the surroundings' fault, the rest is ours.
fn failure(error: rusqlite::Error, sql: &str) -> Failure {
    match error.sqlite_error_code() {
        Some(
            ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::CannotOpen
            | ErrorCode::ReadOnly
            | ErrorCode::OutOfMemory
            | ErrorCode::DatabaseCorrupt
            | ErrorCode::NotADatabase,
        ) => unavailable(&error),
        _ => Failure::Broken(anyhow::Error::new(error).context(format!("in: {sql}"))),
    }
}
