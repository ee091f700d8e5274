//! The gate's tables: cursors, parked events, keys that are stuck.

use contracts::{Envelope, Timestamp};
use serde::{Deserialize, Serialize};

use super::operator::Skipped;
use crate::db::{Row, Tx, params};
use crate::failure::Result;
use crate::log::{digest, partition};

/// One aggregate as one consumer sees it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    /// The consumer: the service's name.
    pub consumer: &'static str,
    /// The aggregate's name.
    pub aggregate: &'static str,
    /// Its id.
    pub subject: String,
}

/// How far a consumer has come with an aggregate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Cursor {
    /// The version of the last handled event; 0 before the first.
    pub version: i64,
    /// The incarnation of that event.
    pub incarnation: i64,
}

impl Cursor {
    /// The place of an event.
    #[must_use]
    pub fn at(event: &Envelope) -> Self {
        Self {
            version: event.aggregateversion,
            incarnation: event.incarnation,
        }
    }
}

/// Why a key does not advance by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// An earlier event is missing.
    Gap,
    /// The owner's log began a new life: the two must be compared.
    Resync,
    /// The handler needs the copy of another aggregate first.
    NotYet,
    /// The handler failed and will be tried again.
    Failing,
    /// The handler failed too often: an operator decides.
    Blocked,
}

impl Reason {
    /// The word that is stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gap => "gap",
            Self::Resync => "resync",
            Self::NotYet => "not_yet",
            Self::Failing => "failing",
            Self::Blocked => "blocked",
        }
    }

    pub(super) fn parse(text: &str) -> Self {
        match text {
            "resync" => Self::Resync,
            "not_yet" => Self::NotYet,
            "failing" => Self::Failing,
            "blocked" => Self::Blocked,
            _ => Self::Gap,
        }
    }
}

/// A key that does not advance by itself, and what is to be done about it.
#[derive(Debug, Clone)]
pub struct Stuck {
    /// Why.
    pub reason: Reason,
    /// The aggregate whose arrival is waited for.
    pub waits: Option<(String, String)>,
    /// How often the handler has failed.
    pub attempts: i64,
    /// How often repair was tried.
    pub tries: i64,
    /// What the handler said.
    pub error: String,
    /// Since when.
    pub since: Timestamp,
    /// When it is tried next.
    pub next_try_at: Timestamp,
}

impl Stuck {
    /// A key that has just become stuck.
    #[must_use]
    pub fn new(reason: Reason, now: Timestamp, next_try_at: Timestamp) -> Self {
        Self {
            reason,
            waits: None,
            attempts: 0,
            tries: 0,
            error: String::new(),
            since: now,
            next_try_at,
        }
    }
}

/// What a rebuild holds while it begins: it waits for whoever is moving a key.
pub(super) const REBUILD: &str = "rebuild";

/// Holds keys until the transaction ends, so that of several replicas one at a time moves a key.
pub(super) async fn lock(tx: &mut Tx, keys: &[&Key]) -> Result<()> {
    if !tx.is_shared() {
        return Ok(());
    }
    let names: Vec<String> = keys
        .iter()
        .map(|key| format!("{}/{}", key.aggregate, key.subject))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    tx.lock_beside(&names, &[REBUILD]).await
}

pub(super) async fn set_cursor(tx: &mut Tx, key: &Key, cursor: Cursor) -> Result<()> {
    tx.put_row_later(
        3,
        "insert into cursors (consumer, aggregate, subject, version, incarnation, partition, digest) \
         values ($1, $2, $3, $4, $5, $6, $7) on conflict (consumer, aggregate, subject) \
         do update set version = excluded.version, incarnation = excluded.incarnation, \
         digest = excluded.digest",
        params![
            key.consumer,
            key.aggregate,
            key.subject,
            cursor.version,
            cursor.incarnation,
            partition(&key.subject),
            digest(&key.subject, cursor.version, cursor.incarnation)
        ],
    )
    .await
}

pub(super) async fn remove_cursor(tx: &mut Tx, key: &Key) -> Result<()> {
    tx.execute(
        "delete from cursors where consumer = $1 and aggregate = $2 and subject = $3",
        params![key.consumer, key.aggregate, key.subject],
    )
    .await?;
    Ok(())
}

/// Keeps an event; one of a later life replaces one of an ended life.
pub(super) async fn park(tx: &mut Tx, key: &Key, event: &Envelope) -> Result<()> {
    let (text, now) = (serde_json::to_string(event)?, tx.now());
    tx.execute(
        "insert into parked \
         (consumer, aggregate, subject, version, incarnation, envelope, parked_at) \
         values ($1, $2, $3, $4, $5, $6, $7) on conflict (consumer, aggregate, subject, version) \
         do update set incarnation = excluded.incarnation, envelope = excluded.envelope, \
         parked_at = excluded.parked_at where excluded.incarnation > parked.incarnation",
        params![
            key.consumer,
            key.aggregate,
            key.subject,
            event.aggregateversion,
            event.incarnation,
            text,
            now
        ],
    )
    .await?;
    Ok(())
}

pub(super) async fn parked(tx: &mut Tx, key: &Key, version: i64) -> Result<Option<Envelope>> {
    let row = tx
        .query_opt(
            "select envelope from parked \
             where consumer = $1 and aggregate = $2 and subject = $3 and version = $4",
            params![key.consumer, key.aggregate, key.subject, version],
        )
        .await?;
    let text: Option<String> = row.map(|row| row.get(0)).transpose()?;
    Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
}

/// Removes parked events up to a version; whether any are left.
pub(super) async fn unpark(tx: &mut Tx, key: &Key, up_to: i64) -> Result<bool> {
    tx.execute(
        "delete from parked \
         where consumer = $1 and aggregate = $2 and subject = $3 and version <= $4",
        params![key.consumer, key.aggregate, key.subject, up_to],
    )
    .await?;
    let left = tx
        .query_opt(
            "select 1 from parked where consumer = $1 and aggregate = $2 and subject = $3 limit 1",
            params![key.consumer, key.aggregate, key.subject],
        )
        .await?;
    Ok(left.is_some())
}

/// Removes events from beyond a head that were parked before the owner was asked for it.
pub(super) async fn unpark_dead(
    tx: &mut Tx,
    key: &Key,
    head: i64,
    asked_at: Timestamp,
) -> Result<()> {
    tx.execute(
        "delete from parked where consumer = $1 and aggregate = $2 and subject = $3 \
         and version > $4 and parked_at < $5",
        params![key.consumer, key.aggregate, key.subject, head, asked_at],
    )
    .await?;
    Ok(())
}

pub(super) async fn set_stuck(tx: &mut Tx, key: &Key, stuck: &Stuck) -> Result<()> {
    let (aggregate, subject) = match &stuck.waits {
        Some((aggregate, subject)) => (Some(aggregate), Some(subject)),
        None => (None, None),
    };
    tx.execute(
        "insert into stuck (consumer, aggregate, subject, reason, waits_aggregate, waits_subject, \
         attempts, tries, error, since, next_try_at) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
         on conflict (consumer, aggregate, subject) do update set reason = excluded.reason, \
         waits_aggregate = excluded.waits_aggregate, waits_subject = excluded.waits_subject, \
         attempts = excluded.attempts, tries = excluded.tries, error = excluded.error, \
         next_try_at = excluded.next_try_at",
        params![
            key.consumer,
            key.aggregate,
            key.subject,
            stuck.reason.as_str(),
            aggregate,
            subject,
            stuck.attempts,
            stuck.tries,
            stuck.error,
            stuck.since,
            stuck.next_try_at
        ],
    )
    .await?;
    tx.wake(super::repair::REPAIR);
    Ok(())
}

pub(super) async fn stuck(tx: &mut Tx, key: &Key) -> Result<Option<Stuck>> {
    let row = tx
        .query_opt(
            "select reason, waits_aggregate, waits_subject, attempts, tries, error, since, next_try_at \
             from stuck where consumer = $1 and aggregate = $2 and subject = $3",
            params![key.consumer, key.aggregate, key.subject],
        )
        .await?;
    row.map(|row| read_stuck(&row)).transpose()
}

fn read_stuck(row: &Row) -> Result<Stuck> {
    let waits: (Option<String>, Option<String>) = (row.get(1)?, row.get(2)?);
    Ok(Stuck {
        reason: Reason::parse(&row.get::<String>(0)?),
        waits: waits.0.zip(waits.1),
        attempts: row.get(3)?,
        tries: row.get(4)?,
        error: row.get(5)?,
        since: row.get(6)?,
        next_try_at: row.get(7)?,
    })
}

pub(super) async fn unstick(tx: &mut Tx, key: &Key) -> Result<()> {
    tx.execute(
        "delete from stuck where consumer = $1 and aggregate = $2 and subject = $3",
        params![key.consumer, key.aggregate, key.subject],
    )
    .await?;
    Ok(())
}

/// Lets the keys that wait for this aggregate be tried at once.
pub(super) async fn wake_waiting(tx: &mut Tx, aggregate: &str, subject: &str) -> Result<()> {
    let now = tx.now();
    let woken = tx
        .execute(
            "update stuck set next_try_at = $3 \
             where waits_aggregate = $1 and waits_subject = $2 and reason = 'not_yet'",
            params![aggregate, subject, now],
        )
        .await?;
    if woken > 0 {
        tx.wake(super::repair::REPAIR);
    }
    Ok(())
}

pub(super) async fn audit(
    tx: &mut Tx,
    act: &str,
    key: &Key,
    version: i64,
    note: &str,
) -> Result<()> {
    let id = tx.new_id::<uuid::Uuid>().to_string();
    let now = tx.now();
    tx.execute(
        "insert into audit (id, at, act, consumer, aggregate, subject, version, note) \
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        params![
            id,
            now,
            act,
            key.consumer,
            key.aggregate,
            key.subject,
            version,
            note
        ],
    )
    .await?;
    Ok(())
}

/// Every event that an operator skipped.
pub(super) async fn skipped(tx: &mut Tx) -> Result<Vec<Skipped>> {
    let sql = "select aggregate, subject, version from audit where act = 'skipped'";
    let rows = tx.query(sql, params![]).await?;
    rows.iter()
        .map(|row| {
            Ok(Skipped {
                aggregate: row.get(0)?,
                subject: row.get(1)?,
                version: row.get(2)?,
            })
        })
        .collect()
}

/// Whether an operator skipped this event.
pub(super) async fn was_skipped(tx: &mut Tx, key: &Key, version: i64) -> Result<bool> {
    let row = tx
        .query_opt(
            "select 1 from audit where act = 'skipped' and consumer = $1 and aggregate = $2 \
             and subject = $3 and version = $4 limit 1",
            params![key.consumer, key.aggregate, key.subject, version],
        )
        .await?;
    Ok(row.is_some())
}
