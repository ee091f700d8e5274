//! The newest comparison with all of the provider's records.

use contracts::Timestamp;
use platform::{Result, Tx, params};

use crate::provider::Position;

/// The one row's name.
const NAME: &str = "all";

/// A comparison with all of the provider's records, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walk {
    /// The life of the database in which it began.
    pub incarnation: i64,
    /// How many have ended in that life.
    pub ended: i64,
    /// When it began.
    pub begun_at: Timestamp,
    /// Up to where it has come; `None` once it has ended.
    pub position: Option<Position>,
}

/// The newest one.
pub async fn newest(tx: &mut Tx) -> Result<Option<Walk>> {
    let sql =
        "select incarnation, ended, begun_at, created_at, reference from walks where name = $1";
    let Some(row) = tx.query_opt(sql, params![NAME]).await? else {
        return Ok(None);
    };
    let (created_at, reference): (Option<Timestamp>, Option<String>) = (row.get(3)?, row.get(4)?);
    let position = created_at.zip(reference);
    Ok(Some(Walk {
        incarnation: row.get(0)?,
        ended: row.get(1)?,
        begun_at: row.get(2)?,
        position: position.map(|(created_at, reference)| Position {
            created_at,
            reference,
        }),
    }))
}

/// Notes how far it has come.
pub async fn put(tx: &mut Tx, walk: &Walk) -> Result<()> {
    let position = walk.position.as_ref();
    tx.execute_later(
        "insert into walks (name, incarnation, ended, begun_at, created_at, reference) \
         values ($1, $2, $3, $4, $5, $6) \
         on conflict (name) do update set incarnation = excluded.incarnation, \
         ended = excluded.ended, begun_at = excluded.begun_at, \
         created_at = excluded.created_at, reference = excluded.reference",
        params![
            NAME,
            walk.incarnation,
            walk.ended,
            walk.begun_at,
            position.map(|position| position.created_at),
            position.map(|position| position.reference.clone()),
        ],
    )
    .await
}
