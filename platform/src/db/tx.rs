//! One transaction: its statements, the time, ids, and what is to happen after its commit.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use contracts::Timestamp;
use tokio::sync::Notify;
use tracing::Instrument as _;
use uuid::Uuid;

use super::postgres::{Mark, RowOf, Session};
use super::row::{Row, Value};
use super::{Surroundings, sqlite};
use crate::failure::{Failure, Result};
use crate::log::share::Share;
use crate::random::uuid_v7;
use crate::trace::Origin;

/// The connection that a transaction has for itself.
#[derive(Clone)]
pub(super) enum Link {
    Sqlite(Rc<rusqlite::Connection>),
    Postgres(Rc<Session>),
}

/// One transaction on a service's database.
pub struct Tx {
    pub(super) link: Link,
    pub(super) surroundings: Surroundings,
    pub(crate) origin: Origin,
    pub(super) wakes: BTreeSet<&'static str>,
    pub(super) incarnation: i64,
    pub(super) shared: bool,
    pub(super) depth: u32,
}

impl Tx {
    /// Runs a statement that answers rows. SQL is lower-case with `$1` placeholders.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the database does not answer, [`Failure::Broken`] when the
    /// statement is wrong or breaks a constraint.
    pub async fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>> {
        match &self.link {
            Link::Sqlite(connection) => {
                in_transaction(connection)?;
                sqlite::query(connection, sql, params)
            }
            Link::Postgres(session) => session.query(sql, params).await,
        }
    }

    /// Runs a statement that answers at most one row (further ones are ignored).
    ///
    /// # Errors
    /// As [`Self::query`].
    pub async fn query_opt(&mut self, sql: &str, params: &[Value]) -> Result<Option<Row>> {
        Ok(self.query(sql, params).await?.into_iter().next())
    }

    /// Runs a statement that answers exactly one row.
    ///
    /// # Errors
    /// As [`Self::query`]; [`Failure::Broken`] when there is no row.
    pub async fn query_one(&mut self, sql: &str, params: &[Value]) -> Result<Row> {
        let row = self.query_opt(sql, params).await?;
        row.ok_or_else(|| Failure::Broken(anyhow::anyhow!("no row from: {sql}")))
    }

    /// Runs a statement and says how many rows it changed.
    ///
    /// # Errors
    /// As [`Self::query`]. To meet a unique index on purpose use `on conflict do nothing` and look at
    /// the count: after an error some databases refuse the rest of the transaction.
    pub async fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64> {
        match &self.link {
            Link::Sqlite(connection) => {
                in_transaction(connection)?;
                sqlite::execute(connection, sql, params)
            }
            Link::Postgres(session) => session.execute(sql, params).await,
        }
    }

    /// Runs a statement whose count of changed rows nobody needs. It may travel with the next one, or
    /// with the commit: an error of it is then theirs, or the savepoint's in which it stands.
    ///
    /// # Errors
    /// As [`Self::query`].
    pub async fn execute_later(&mut self, sql: &str, params: &[Value]) -> Result<()> {
        match &self.link {
            Link::Sqlite(_) => self.execute(sql, params).await.map(drop),
            Link::Postgres(session) => session.execute_later(sql, params).await,
        }
    }

    /// Brings the row whose key the first `key` parameters are to a state: an `insert` of one row, its
    /// `values` parameters or constants, that on a conflict of the key sets all other columns. Like
    /// [`Self::execute_later`] it may travel later, then in one statement with other rows. No other
    /// statement that brings rows of the same table to a state may be in its transaction.
    ///
    /// # Errors
    /// As [`Self::query`].
    pub async fn put_row_later(&mut self, key: usize, sql: &str, params: &[Value]) -> Result<()> {
        match &self.link {
            Link::Sqlite(_) => self.execute(sql, params).await.map(drop),
            Link::Postgres(session) => session.put_row(RowOf { sql, params, key }).await,
        }
    }

    /// Runs statements that answer rows, none of which needs another's answer; where the database is
    /// elsewhere, in one journey, and those that only differ in their parameters as one.
    ///
    /// # Errors
    /// As [`Self::query`].
    pub async fn query_all(&mut self, queries: &[(&str, Vec<Value>)]) -> Result<Vec<Vec<Row>>> {
        if let Link::Postgres(session) = &self.link {
            return session.query_all(queries).await;
        }
        let mut answers = Vec::with_capacity(queries.len());
        for (sql, params) in queries {
            answers.push(self.query(sql, params).await?);
        }
        Ok(answers)
    }

    /// Holds names until the transaction ends; concurrent transactions that ask for one of them wait.
    /// Asked before anything is read, so that what is read afterwards stays true. Names stand for rows
    /// that may not exist yet. Where there is one writer nobody is there to wait.
    ///
    /// # Errors
    /// As [`Self::query`].
    pub async fn lock(&mut self, names: &[&str]) -> Result<()> {
        self.lock_beside(names, &[]).await
    }

    /// [`Self::lock`], and holds further names together with others who hold them this way: only who
    /// locks those waits.
    ///
    /// # Errors
    /// As [`Self::query`].
    pub async fn lock_beside(&mut self, names: &[&str], shared: &[&str]) -> Result<()> {
        let numbers = |names: &[&str]| names.iter().map(|name| number(name)).collect();
        match &self.link {
            Link::Sqlite(_) => Ok(()),
            Link::Postgres(session) => session.lock(numbers(names), numbers(shared)).await,
        }
    }

    /// What the select that takes work from a queue ends with, so that of several replicas none waits
    /// for, or gets, what another has taken and not committed yet. Where it stands in an update or a
    /// delete, as a common table expression that is `materialized`: else it may be run for each row,
    /// and take more than its limit.
    #[must_use]
    pub fn skip_locked(&self) -> &'static str {
        match self.link {
            Link::Sqlite(_) => "",
            Link::Postgres(_) => " for update skip locked",
        }
    }

    /// Whether other processes may be at work on the same database.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.shared
    }

    /// Whether a server has the database: each statement is a journey.
    #[must_use]
    pub(crate) fn is_remote(&self) -> bool {
        matches!(self.link, Link::Postgres(_))
    }

    /// From here on, what is written to this table goes to an empty one of the same form that ends with
    /// the transaction, and all reads see one state. Only for looking, where others are at work.
    ///
    /// # Errors
    /// As [`Self::query`].
    pub(crate) async fn shadow(&mut self, table: &str) -> Result<()> {
        match &self.link {
            Link::Sqlite(_) => self
                .execute(&format!("delete from {table}"), &[])
                .await
                .map(drop),
            Link::Postgres(session) => session.shadow(table).await,
        }
    }

    /// Makes all reads of this transaction see one state; asked before anything else.
    ///
    /// # Errors
    /// As [`Self::query`].
    pub(crate) async fn stand_still(&mut self) -> Result<()> {
        match &self.link {
            Link::Sqlite(_) => Ok(()),
            Link::Postgres(session) => session.stand_still().await,
        }
    }

    /// Runs `work`; what it wrote is undone if it fails, and the transaction goes on.
    ///
    /// # Errors
    /// What `work` fails with.
    pub async fn savepoint<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        self.savepoint_unheard(async |tx: &mut Self| {
            let outcome = work(tx).await?;
            if let Link::Postgres(session) = &tx.link {
                session.settle().await?;
            }
            Ok(outcome)
        })
        .await
    }

    /// The same without hearing what becomes of statements that travel later: if one of those fails,
    /// so does the transaction.
    pub(crate) async fn savepoint_unheard<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        self.depth += 1;
        let name = format!("nested_{}", self.depth);
        let wakes = self.wakes.clone();
        let undo = self.begin_savepoint(&name).await?;
        let outcome = work(self).await;
        if outcome.is_err() {
            self.wakes = wakes;
        }
        self.end_savepoint(&name, undo, outcome.is_ok()).await?;
        self.depth -= 1;
        outcome
    }

    async fn begin_savepoint(&mut self, name: &str) -> Result<Option<Mark>> {
        let sql = format!("savepoint {name}");
        let Link::Postgres(session) = &self.link else {
            self.execute(&sql, &[]).await?;
            return Ok(None);
        };
        let mark = session.mark();
        session.control(&sql);
        Ok(Some(mark))
    }

    async fn end_savepoint(&mut self, name: &str, mark: Option<Mark>, keep: bool) -> Result<()> {
        let release = format!("release {name}");
        match (&self.link, mark) {
            (Link::Postgres(session), Some(mark)) if !keep => session.undo(mark, name).await,
            (Link::Postgres(session), _) => {
                session.control(&release);
                Ok(())
            }
            _ => {
                if !keep {
                    self.execute(&format!("rollback to {name}"), &[]).await?;
                }
                self.execute(&release, &[]).await.map(drop)
            }
        }
    }

    /// The time by the clock that the service was given.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.surroundings.clock.now()
    }

    /// A new id: a UUID of version 7.
    #[must_use]
    pub fn new_id<T: From<Uuid>>(&self) -> T {
        T::from(uuid_v7(self.surroundings.random.as_ref(), self.now()))
    }

    /// Random bytes, fit for secrets.
    #[must_use]
    pub fn random_bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.surroundings.random.fill(&mut bytes);
        bytes
    }

    /// Wakes the job (or the platform's loop) of this name once the transaction is committed.
    pub fn wake(&mut self, name: &'static str) {
        self.wakes.insert(name);
    }

    /// The partitions whose events this replica publishes.
    pub(crate) fn share(&self) -> &Share {
        &self.surroundings.wakers.share
    }

    /// What made this transaction happen.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Runs `work` as what follows from `origin`, not from what made the transaction happen: for work
    /// that was put down earlier. Its events and log lines carry it.
    pub async fn resume<T>(&mut self, origin: Origin, work: impl AsyncFnOnce(&mut Self) -> T) -> T {
        let span = origin.span_of_work();
        let outer = std::mem::replace(&mut self.origin, origin);
        let outcome = work(self).instrument(span).await;
        self.origin = outer;
        outcome
    }

    /// Which life of the database this is (see [`contracts::Envelope::incarnation`]).
    #[must_use]
    pub fn incarnation(&self) -> i64 {
        self.incarnation
    }
}

/// A statement that came after the database itself has ended the transaction (a full disk does that)
/// would be committed alone.
fn in_transaction(connection: &rusqlite::Connection) -> Result<()> {
    if connection.is_autocommit() {
        return Err(Failure::Unavailable(
            "the transaction was rolled back".to_owned(),
        ));
    }
    Ok(())
}

/// A name as a number: FNV-1a. Two names with the same number only wait for each other.
fn number(name: &str) -> i64 {
    i64::from_ne_bytes(crate::log::fnv_1a(name).to_ne_bytes())
}

/// The loops of one service that sleep until they are woken, by name.
#[derive(Debug, Clone, Default)]
pub struct Wakers {
    loops: Arc<Mutex<HashMap<&'static str, Arc<Notify>>>>,
    /// Whom an event that is appended here wakes.
    pub(crate) share: Share,
}

impl Wakers {
    /// What the loop of this name waits on. A wake-up while it runs is not lost.
    #[must_use]
    pub fn get(&self, name: &'static str) -> Arc<Notify> {
        let mut loops = self.loops.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(loops.entry(name).or_default())
    }

    /// Wakes the loop of this name.
    pub fn wake(&self, name: &'static str) {
        self.get(name).notify_one();
    }
}
