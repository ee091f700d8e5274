//! One transaction: its statements, the time, ids, and what is to happen after its commit.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use contracts::Timestamp;
use tokio::sync::Notify;
use uuid::Uuid;

use super::row::{Row, Value};
use super::{Surroundings, sqlite};
use crate::failure::{Failure, Result};
use crate::random::uuid_v7;
use crate::trace::Origin;

/// One transaction on a service's database.
pub struct Tx {
    pub(super) connection: Rc<rusqlite::Connection>,
    pub(super) surroundings: Surroundings,
    pub(crate) origin: Origin,
    pub(super) wakes: BTreeSet<&'static str>,
    pub(super) incarnation: i64,
    pub(super) depth: u32,
}

impl Tx {
    /// Runs a statement that answers rows. SQL is lower-case with `$1` placeholders.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the database does not answer, [`Failure::Broken`] when the
    /// statement is wrong or breaks a constraint.
    #[expect(clippy::unused_async, reason = "other databases answer over a network")]
    pub async fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>> {
        self.in_transaction()?;
        sqlite::query(&self.connection, sql, params)
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
    #[expect(clippy::unused_async, reason = "other databases answer over a network")]
    pub async fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64> {
        self.in_transaction()?;
        sqlite::execute(&self.connection, sql, params)
    }

    /// A statement that came after the database itself has ended the transaction (a full disk does
    /// that) would be committed alone.
    fn in_transaction(&self) -> Result<()> {
        if self.connection.is_autocommit() {
            return Err(Failure::Unavailable(
                "the transaction was rolled back".to_owned(),
            ));
        }
        Ok(())
    }

    /// Runs `work`; what it wrote is undone if it fails, and the transaction goes on.
    ///
    /// # Errors
    /// What `work` fails with.
    pub async fn savepoint<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        self.depth += 1;
        let name = format!("nested_{}", self.depth);
        let wakes = self.wakes.clone();
        self.execute(&format!("savepoint {name}"), &[]).await?;
        let outcome = work(self).await;
        if outcome.is_err() {
            self.execute(&format!("rollback to {name}"), &[]).await?;
            self.wakes = wakes;
        }
        self.execute(&format!("release {name}"), &[]).await?;
        self.depth -= 1;
        outcome
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

    /// What made this transaction happen.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Which life of the database this is (see [`contracts::Envelope::incarnation`]).
    #[must_use]
    pub fn incarnation(&self) -> i64 {
        self.incarnation
    }
}

/// The loops of one service that sleep until they are woken, by name.
#[derive(Debug, Clone, Default)]
pub struct Wakers(Arc<Mutex<HashMap<&'static str, Arc<Notify>>>>);

impl Wakers {
    /// What the loop of this name waits on. A wake-up while it runs is not lost.
    #[must_use]
    pub fn get(&self, name: &'static str) -> Arc<Notify> {
        let mut wakers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(wakers.entry(name).or_default())
    }

    /// Wakes the loop of this name.
    pub fn wake(&self, name: &'static str) {
        self.get(name).notify_one();
    }
}
