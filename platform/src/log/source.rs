//! The owner's side of repair: answers questions about its log from committed rows.

use std::time::Duration;

use anyhow::anyhow;
use bytes::Bytes;
use contracts::Envelope;
use futures::StreamExt;
use futures::stream::BoxStream;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::bus::{Bus, Question};
use crate::context::Context;
use crate::db::{Db, Row, Tx, params};
use crate::failure::{Failure, Result};
use crate::gate::store::Cursor;

/// How many events or heads one answer holds at most.
pub const PAGE: i64 = 500;

/// How long a consumer waits for an owner's answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// What a consumer may ask an owner. There is no other door to its data.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Ask {
    /// The events of one aggregate after a version, oldest first; answered with [`Vec<Envelope>`].
    Events {
        /// The aggregate's name.
        aggregate: String,
        /// Its id.
        subject: String,
        /// The version before the first that is wanted.
        after: i64,
    },
    /// All events of an aggregate type in the order of the log; answered with [`LogPage`].
    Log {
        /// The aggregate's name.
        aggregate: String,
        /// The position before the first that is wanted.
        after: i64,
    },
    /// The sum of the heads of each partition; answered with `Vec<(partition, Sum)>`.
    Sums {
        /// The aggregate's name.
        aggregate: String,
    },
    /// The heads of one partition by id; answered with
    /// `Vec<(id, Cursor)>`.
    Heads {
        /// The aggregate's name.
        aggregate: String,
        /// The partition.
        partition: i64,
        /// The id before the first that is wanted; empty for the first page.
        after: String,
    },
    /// Whether the log was put back to a backup at some time, by the word of whoever did it; answered
    /// with `bool`. One that merely lacks events may be the wrong one.
    PutBack,
}

/// A part of a log.
#[derive(Debug, Serialize, Deserialize)]
pub struct LogPage {
    /// The events in the log's order.
    pub events: Vec<Envelope>,
    /// The position of the last one; `None` when there are no more.
    pub last: Option<i64>,
}

/// What the heads of a partition, or the cursors in it, add up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sum {
    /// The sum of the versions.
    pub versions: i64,
    /// The sum of the digests: equal sums of versions of other keys, or of other lives, are told apart.
    #[serde(rename = "lives")]
    pub digests: i64,
}

/// Asks the owner of an aggregate.
///
/// # Errors
/// [`Failure::Unavailable`] when it doesn't answer.
pub async fn ask<T: DeserializeOwned>(bus: &dyn Bus, owner: &str, question: &Ask) -> Result<T> {
    let body = Bytes::from(serde_json::to_vec(question)?);
    let answer = bus.request(owner, body, ANSWER_WITHIN).await?;
    match serde_json::from_slice::<Result<T, String>>(&answer)? {
        Ok(answer) => Ok(answer),
        Err(message) => Err(Failure::Unavailable(message)),
    }
}

/// Answers until the process stops.
pub async fn run(context: Context, questions: BoxStream<'static, Question>) {
    questions
        .for_each_concurrent(8, |question| {
            let db = context.db.clone();
            async move {
                let answer = answer(&db, &question.body).await.unwrap_or_else(|failure| {
                    serde_json::to_vec(&Err::<(), _>(failure.to_string())).unwrap_or_default()
                });
                drop(question.reply.send(answer.into()));
            }
        })
        .await;
}

async fn answer(db: &Db, body: &[u8]) -> Result<Vec<u8>> {
    let question: Ask = serde_json::from_slice(body)?;
    match question {
        Ask::Events {
            aggregate,
            subject,
            after,
        } => written(events(db, aggregate, subject, after).await?),
        Ask::Log { aggregate, after } => written(log(db, aggregate, after).await?),
        Ask::Sums { aggregate } => written(sums(db, aggregate).await?),
        Ask::Heads {
            aggregate,
            partition,
            after,
        } => written(heads(db, aggregate, partition, after).await?),
        Ask::PutBack => written(put_back(db).await?),
    }
}

fn written<T: Serialize>(answer: T) -> Result<Vec<u8>> {
    Ok(serde_json::to_vec(&Ok::<T, String>(answer))?)
}

/// The events of one aggregate after a version, at most [`PAGE`].
///
/// # Errors
/// When the database doesn't answer.
pub async fn events(
    db: &Db,
    aggregate: String,
    subject: String,
    after: i64,
) -> Result<Vec<Envelope>> {
    db.read(async move |tx: &mut Tx| {
        let rows = tx
            .query(
                "select envelope from events where aggregate = $1 and subject = $2 and version > $3 \
                 order by version limit $4",
                params![aggregate, subject, after, PAGE],
            )
            .await?;
        rows.iter().map(|row| parse(&row.get::<String>(0)?)).collect()
    })
    .await
}

/// A page of the log of an aggregate type.
///
/// # Errors
/// When the database doesn't answer.
pub async fn log(db: &Db, aggregate: String, after: i64) -> Result<LogPage> {
    db.read(async move |tx: &mut Tx| {
        let rows = tx
            .query(
                "select position, envelope from events where aggregate = $1 and position > $2 \
                 order by position limit $3",
                params![aggregate, after, PAGE],
            )
            .await?;
        let last = rows.last().map(|row| row.get::<i64>(0)).transpose()?;
        let events = rows
            .iter()
            .map(|row| parse(&row.get::<String>(1)?))
            .collect::<Result<_>>()?;
        Ok(LogPage { events, last })
    })
    .await
}

/// The version of every aggregate of a type.
///
/// # Errors
/// When the database doesn't answer.
pub async fn all_heads(db: &Db, aggregate: &'static str) -> Result<Vec<(String, i64)>> {
    db.read(async move |tx: &mut Tx| {
        let sql = "select subject, version from heads where aggregate = $1";
        let rows = tx.query(sql, params![aggregate]).await?;
        rows.iter()
            .map(|row| Ok((row.get(0)?, row.get(1)?)))
            .collect()
    })
    .await
}

async fn sums(db: &Db, aggregate: String) -> Result<Vec<(i64, Sum)>> {
    db.read(async move |tx: &mut Tx| {
        let rows = tx
            .query(
                &format!(
                    "select partition, {SUMS} from heads where aggregate = $1 \
                     group by partition order by partition"
                ),
                params![aggregate],
            )
            .await?;
        rows.iter().map(read_sum).collect()
    })
    .await
}

/// The columns of a [`Sum`] over heads, or over cursors. Each digest is squared, modulo a prime, before it
/// is added: the version stands at the end of what is hashed, so that the digests of two versions that
/// follow each other differ by nearly the same for every key, and one that is behind could make up for
/// another that is ahead.
pub const SUMS: &str = "cast(sum(version) as bigint), cast(sum((digest % 2147483647) * \
                        (digest % 2147483647) % 2147483647) as bigint)";

/// A partition and its sum.
pub(crate) fn read_sum(row: &Row) -> Result<(i64, Sum)> {
    Ok((
        row.get(0)?,
        Sum {
            versions: row.get(1)?,
            digests: row.get(2)?,
        },
    ))
}

async fn heads(
    db: &Db,
    aggregate: String,
    partition: i64,
    after: String,
) -> Result<Vec<(String, Cursor)>> {
    db.read(async move |tx: &mut Tx| {
        let rows = tx
            .query(
                "select subject, version, incarnation from heads \
                 where aggregate = $1 and partition = $2 and subject > $3 order by subject limit $4",
                params![aggregate, partition, after, PAGE],
            )
            .await?;
        rows.iter().map(read_head).collect()
    })
    .await
}

/// An id and where it stands.
pub(crate) fn read_head(row: &Row) -> Result<(String, Cursor)> {
    Ok((
        row.get(0)?,
        Cursor {
            version: row.get(1)?,
            incarnation: row.get(2)?,
        },
    ))
}

async fn put_back(db: &Db) -> Result<bool> {
    db.read(async |tx: &mut Tx| {
        let sql = "select value from meta where name = 'put_back'";
        let row = tx.query_opt(sql, params![]).await?;
        Ok(row.map_or(Ok(0), |row| row.get::<i64>(0))? == 1)
    })
    .await
}

fn parse(text: &str) -> Result<Envelope> {
    serde_json::from_str(text)
        .map_err(|error| Failure::Broken(anyhow!(error).context("in the log")))
}
