//! What an operator can see of the gate, and do: redrive a blocked key, skip an event.

use contracts::Timestamp;
use serde::{Deserialize, Serialize};

use super::Gate;
use super::inbox::Turn;
use super::standing;
use super::store::{self, Cursor, Reason, Stuck};
use crate::db::{Durability, Tx, params};
use crate::failure::{Refused, Result};
use crate::trace::Origin;

/// A key that does not advance by itself, for people.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StuckKey {
    /// The consuming service.
    pub consumer: String,
    /// The aggregate's name.
    pub aggregate: String,
    /// Its id.
    pub subject: String,
    /// `gap`, `resync`, `not_yet`, `failing` or `blocked`.
    pub reason: String,
    /// How often the handler has failed.
    pub attempts: i64,
    /// What the handler said last.
    pub error: String,
    /// Since when.
    pub since: Timestamp,
    /// How many events are parked behind it.
    pub parked: i64,
    /// The version of the last handled event.
    pub version: i64,
}

/// An event that an operator has passed over.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Skipped {
    /// The aggregate's name.
    pub aggregate: String,
    /// Its id.
    pub subject: String,
    /// The version of the event.
    pub version: i64,
}

impl Gate {
    /// Every event that was skipped here.
    ///
    /// # Errors
    /// When the database doesn't answer.
    pub async fn skipped(&self) -> Result<Vec<Skipped>> {
        self.context
            .db
            .read(async |tx: &mut Tx| store::skipped(tx).await)
            .await
    }

    /// The keys that don't advance by themselves, oldest first, at most 1,000.
    ///
    /// # Errors
    /// When the database doesn't answer.
    pub async fn stuck_keys(&self) -> Result<Vec<StuckKey>> {
        let look = async move |tx: &mut Tx| {
            let rows = tx
                .query(
                    "select s.consumer, s.aggregate, s.subject, s.reason, s.attempts, s.error, \
                     s.since, (select count(*) from parked p where p.consumer = s.consumer \
                     and p.aggregate = s.aggregate and p.subject = s.subject), \
                     (select c.version from cursors c where c.consumer = s.consumer \
                     and c.aggregate = s.aggregate and c.subject = s.subject) \
                     from stuck s order by s.since limit 1000",
                    params![],
                )
                .await?;
            rows.iter()
                .map(|row| {
                    Ok(StuckKey {
                        consumer: row.get(0)?,
                        aggregate: row.get(1)?,
                        subject: row.get(2)?,
                        reason: row.get(3)?,
                        attempts: row.get(4)?,
                        error: row.get(5)?,
                        since: row.get(6)?,
                        parked: row.get(7)?,
                        version: row.get::<Option<i64>>(8)?.unwrap_or(0),
                    })
                })
                .collect()
        };
        self.context.db.read(look).await
    }

    /// Lets a blocked or failing key be tried at once, with all its attempts before it again.
    ///
    /// # Errors
    /// [`Refused`] when the key is not stuck.
    pub async fn redrive(&self, aggregate: &str, subject: &str) -> Result<()> {
        let consumer = self.consumer(aggregate).ok_or_else(Refused::not_found)?;
        let key = self.key(consumer, subject);
        let work = async move |tx: &mut Tx| {
            store::lock(tx, &[&key]).await?;
            let Some(stuck) = store::stuck(tx, &key).await? else {
                return Err(Refused::conflict("not_stuck", "this key is not stuck").into());
            };
            let reason = if stuck.reason == Reason::Blocked {
                Reason::Failing
            } else {
                stuck.reason
            };
            let again = Stuck {
                reason,
                attempts: 0,
                tries: 0,
                next_try_at: tx.now(),
                ..stuck
            };
            let next = standing::of(tx, &key).await?.cursor.version + 1;
            store::audit(tx, "redriven", &key, next, "").await?;
            store::set_stuck(tx, &key, &again).await
        };
        self.context.db.write(work).await
    }

    /// Passes over the next event of a blocked key: its effects never happen; the copy takes its
    /// state if it can.
    ///
    /// # Errors
    /// [`Refused`] when the key is not blocked or failing, or nothing is parked next.
    pub async fn skip(&self, aggregate: &str, subject: &str, note: &str) -> Result<i64> {
        let consumer = self
            .consumer(aggregate)
            .ok_or_else(Refused::not_found)?
            .clone();
        let (gate, key, note) = (self.clone(), self.key(&consumer, subject), note.to_owned());
        let work = async move |tx: &mut Tx| {
            store::lock(tx, &[&key]).await?;
            let standing = standing::of(tx, &key).await?;
            let version = standing.cursor.version + 1;
            let stuck = standing.stuck;
            let next = match stuck {
                Some(Reason::Blocked | Reason::Failing | Reason::NotYet) => {
                    store::parked(tx, &key, version).await?
                }
                _ => None,
            };
            let Some(event) = next else {
                return Err(Refused::conflict("not_blocked", "no event blocks this key").into());
            };
            let turn = Turn::last(&gate, &consumer, key.clone());
            drop(turn.apply(tx, &event).await);
            store::set_cursor(tx, &key, Cursor::at(&event)).await?;
            store::audit(tx, "skipped", &key, version, &note).await?;
            store::unpark(tx, &key, version).await?;
            store::wake_waiting(tx, key.aggregate, &key.subject).await?;
            store::unstick(tx, &key).await?;
            let now = tx.now();
            store::set_stuck(tx, &key, &Stuck::new(Reason::Failing, now, now)).await?;
            Ok(version)
        };
        self.context.db.write(work).await
    }

    /// At start: each blocked key is tried once more. Says how many there are.
    pub(crate) async fn try_blocked_again(&self) -> Result<u64> {
        let attempts = self.settings.attempts_max - 1;
        let work = async move |tx: &mut Tx| {
            let now = tx.now();
            tx.execute(
                "update stuck set reason = 'failing', attempts = $1, next_try_at = $2 \
                 where reason = 'blocked'",
                params![attempts, now],
            )
            .await
        };
        self.context
            .db
            .run(Durability::Relaxed, Origin::default(), work)
            .await
    }
}
