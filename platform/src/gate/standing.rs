//! Where a key stands: how far its consumer has come, and what is out of the ordinary about it.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

use anyhow::anyhow;

use super::store::{self, Cursor, Key, Reason};
use crate::db::{Row, Tx, Value, params};
use crate::failure::{Failure, Result};

/// A cursor, and whether its key is out of the ordinary.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    /// How far the consumer has come.
    pub cursor: Cursor,
    /// Why the key does not advance by itself.
    pub stuck: Option<Reason>,
    /// Whether events are parked behind it.
    pub has_parked: bool,
    /// Whether other keys wait for this aggregate.
    pub is_awaited: bool,
}

impl Standing {
    /// Whether nothing is parked and nothing is to be repaired.
    pub(super) fn is_plain(&self) -> bool {
        self.stuck.is_none() && !self.has_parked
    }
}

const STANDING: &str = "select \
     (select version from cursors where consumer = $1 and aggregate = $2 and subject = $3), \
     (select incarnation from cursors where consumer = $1 and aggregate = $2 and subject = $3), \
     (select reason from stuck where consumer = $1 and aggregate = $2 and subject = $3), \
     (select min(version) from parked where consumer = $1 and aggregate = $2 and subject = $3), \
     (select min(subject) from stuck where waits_aggregate = $2 and waits_subject = $3)";

/// Where a key stands.
pub(super) async fn of(tx: &mut Tx, key: &Key) -> Result<Standing> {
    read_standing(&tx.query_one(STANDING, &own(key)).await?)
}

const CURSOR: &str = "select version, incarnation from cursors \
     where consumer = $1 and aggregate = $2 and subject = $3";

/// Whether anything is out of the ordinary with a consumer's keys of one type: almost never.
const ODD: &str = "select \
     exists (select 1 from stuck where consumer = $1 and aggregate = $2) \
     or exists (select 1 from parked where consumer = $1 and aggregate = $2) \
     or exists (select 1 from stuck where waits_aggregate = $2), \
     (select value from meta where name = 'rebuilding')";

/// Where keys of one consumer stand, and whether the copies of the service are being rebuilt somewhere.
pub(super) async fn of_all(tx: &mut Tx, keys: &[Key]) -> Result<(Standings, bool)> {
    let mut standings = Standings::default();
    let Some(first) = keys.first() else {
        return Ok((standings, false));
    };
    let once: Vec<_> = keys.iter().filter(|key| standings.is_new(key)).collect();
    let each = |sql: &'static str| once.iter().map(move |key| (sql, own(key)));
    let queries = std::iter::once((ODD, own(first))).chain(each(CURSOR));
    let queries: Vec<_> = queries.collect();
    let mut answers = tx.query_all(&queries).await?.into_iter();
    let odd = answers.next().and_then(|rows| rows.into_iter().next());
    let odd = odd.ok_or_else(|| Failure::Broken(anyhow!("no answer")))?;
    let (is_odd, rebuilding): (i64, Option<i64>) = (odd.get(0)?, odd.get(1)?);
    let answers = match is_odd {
        0 => answers.collect(),
        _ => tx.query_all(&each(STANDING).collect::<Vec<_>>()).await?,
    };
    for (key, rows) in once.into_iter().zip(answers) {
        let standing = match rows.first() {
            Some(row) if is_odd == 0 => Standing {
                cursor: read_cursor(row)?,
                ..Standing::default()
            },
            Some(row) => read_standing(row)?,
            None => Standing::default(),
        };
        standings.0.insert(key.subject.clone(), standing);
    }
    Ok((standings, rebuilding == Some(1)))
}

/// The cursors of keys of one consumer, in their order.
pub(super) async fn cursors(tx: &mut Tx, keys: &[Key]) -> Result<Vec<Cursor>> {
    let queries: Vec<_> = keys.iter().map(|key| (CURSOR, own(key))).collect();
    let answers = tx.query_all(&queries).await?;
    let cursor = |rows: &Vec<Row>| rows.first().map_or(Ok(Cursor::default()), read_cursor);
    answers.iter().map(cursor).collect()
}

/// The version of each key's cursor.
pub(super) async fn versions(
    tx: &mut Tx,
    aggregate: &str,
    consumer: &str,
) -> Result<BTreeMap<String, i64>> {
    let sql = "select subject, version from cursors where consumer = $1 and aggregate = $2";
    let rows = tx.query(sql, params![consumer, aggregate]).await?;
    let each = rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?)));
    each.collect()
}

/// Where the keys of one consumer stand, as far as the transaction knows it.
#[derive(Debug, Default)]
pub(super) struct Standings(HashMap<String, Standing>);

impl Standings {
    /// Where a key stands; it is read again when it is not known any more.
    pub(super) async fn take(&mut self, tx: &mut Tx, key: &Key) -> Result<Standing> {
        match self.0.remove(&key.subject) {
            Some(standing) => Ok(standing),
            None => of(tx, key).await,
        }
    }

    /// Whether nothing was known of a key until now.
    fn is_new(&mut self, key: &Key) -> bool {
        let known = self.0.insert(key.subject.clone(), Standing::default());
        known.is_none()
    }

    /// Keeps what is known of a key.
    pub(super) fn put(&mut self, key: &Key, standing: Standing) {
        self.0.insert(key.subject.clone(), standing);
    }
}

/// How far a transaction has brought keys of one consumer, until its end writes that of all at once.
#[derive(Debug, Default)]
pub(super) struct Moves(RefCell<BTreeMap<String, (Key, Cursor)>>);

impl Moves {
    /// A key has come this far.
    pub(super) fn note(&self, key: &Key, cursor: Cursor) {
        let moved = (key.clone(), cursor);
        self.0.borrow_mut().insert(key.subject.clone(), moved);
    }

    /// How far a key has come, if it has moved.
    pub(super) fn of(&self, key: &Key) -> Option<Cursor> {
        self.0.borrow().get(&key.subject).map(|(_, cursor)| *cursor)
    }

    /// Writes it.
    pub(super) async fn write(self, tx: &mut Tx) -> Result<()> {
        for (key, cursor) in self.0.take().into_values() {
            store::set_cursor(tx, &key, cursor).await?;
        }
        Ok(())
    }
}

fn own(key: &Key) -> Vec<Value> {
    params![key.consumer, key.aggregate, key.subject].to_vec()
}

fn read_cursor(row: &Row) -> Result<Cursor> {
    Ok(Cursor {
        version: row.get(0)?,
        incarnation: row.get(1)?,
    })
}

fn read_standing(row: &Row) -> Result<Standing> {
    let version: Option<i64> = row.get(0)?;
    let incarnation: Option<i64> = row.get(1)?;
    let reason: Option<String> = row.get(2)?;
    Ok(Standing {
        cursor: Cursor {
            version: version.unwrap_or(0),
            incarnation: incarnation.unwrap_or(0),
        },
        stuck: reason.as_deref().map(Reason::parse),
        has_parked: row.get::<Option<i64>>(3)?.is_some(),
        is_awaited: row.get::<Option<String>>(4)?.is_some(),
    })
}
