//! The table `timers`: one row for each order that still can expire.

use contracts::Timestamp;
use contracts::ids::OrderId;
use platform::trace::Origin;
use platform::{Result, Tx, params};

/// A timer that has not been answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timer {
    /// Its order.
    pub order_id: OrderId,
    /// The time that it is set to.
    pub due_at: Timestamp,
    /// How often it has rung.
    pub rings: u32,
    /// What armed it.
    pub origin: Origin,
}

/// Sets the timer to a time, from which on it rings, unless it is set to that already.
///
/// # Errors
/// When the database does not answer.
pub async fn arm(tx: &mut Tx, order_id: OrderId, due_at: Timestamp) -> Result<()> {
    let (traceparent, correlation) = {
        let origin = tx.origin();
        (origin.traceparent.clone(), origin.correlation.clone())
    };
    tx.put_row_later(
        1,
        "insert into timers (order_id, due_at, rings, next_at, traceparent, correlation) \
         values ($1, $2, 0, $2, $3, $4) \
         on conflict (order_id) do update \
         set due_at = excluded.due_at, rings = 0, next_at = excluded.next_at, \
         traceparent = excluded.traceparent, correlation = excluded.correlation \
         where timers.due_at <> excluded.due_at",
        params![order_id, due_at, traceparent, correlation],
    )
    .await
}

/// The order can expire no more.
///
/// # Errors
/// When the database does not answer.
pub async fn remove(tx: &mut Tx, order_id: &str) -> Result<()> {
    tx.execute_later("delete from timers where order_id = $1", params![order_id])
        .await
}

/// When the next timer rings.
///
/// # Errors
/// When the database does not answer.
pub async fn first(tx: &mut Tx) -> Result<Option<Timestamp>> {
    let sql = "select next_at from timers order by next_at limit 1";
    let row = tx.query_opt(sql, &[]).await?;
    row.map(|row| row.get(0)).transpose()
}

/// Timers whose time has come, the longest overdue first; not those that another replica is ringing.
/// They stay as they are until the transaction ends.
///
/// # Errors
/// When the database does not answer.
pub async fn due(tx: &mut Tx, now: Timestamp, max: i64) -> Result<Vec<Timer>> {
    let sql = format!(
        "select order_id, due_at, rings, traceparent, correlation from timers \
         where next_at <= $1 order by next_at, order_id limit $2{}",
        tx.skip_locked()
    );
    let rows = tx.query(&sql, params![now, max]).await?;
    let timer = |row: &platform::db::Row| {
        let rings = u32::try_from(row.get::<i64>(2)?).unwrap_or(u32::MAX);
        Ok(Timer {
            order_id: row.get(0)?,
            due_at: row.get(1)?,
            rings,
            origin: Origin {
                traceparent: row.get(3)?,
                correlation: row.get(4)?,
                causation: None,
            },
        })
    };
    rows.iter().map(timer).collect()
}

/// The timer has rung.
///
/// # Errors
/// When the database does not answer.
pub async fn rung(tx: &mut Tx, order_id: OrderId, rings: u32, next_at: Timestamp) -> Result<()> {
    tx.execute_later(
        "update timers set rings = $2, next_at = $3 where order_id = $1",
        params![order_id, i64::from(rings), next_at],
    )
    .await
}

/// How many timers have rung and were not answered.
///
/// # Errors
/// When the database does not answer.
pub async fn unanswered(tx: &mut Tx) -> Result<u32> {
    let row = tx
        .query_one("select count(*) from timers where rings > 0", &[])
        .await?;
    Ok(u32::try_from(row.get::<i64>(0)?).unwrap_or(u32::MAX))
}
