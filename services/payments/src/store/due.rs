//! What waits in a table for its time, and is taken by one of several replicas.

use std::sync::Arc;
use std::time::Duration;

use contracts::Timestamp;
use platform::clock::later;
use platform::db::Row;
use platform::{Context, Result, Tx, lease, params};

/// Who takes something, and for how long nobody else does unless it goes away.
#[derive(Debug, Clone)]
pub struct Taker {
    /// The replica.
    pub replica: Arc<str>,
    /// How long the longest attempt takes.
    pub lease: Duration,
}

impl Taker {
    /// This replica.
    #[must_use]
    pub fn of(ctx: &Context, lease: Duration) -> Self {
        Self {
            replica: Arc::clone(&ctx.replica),
            lease,
        }
    }
}

/// Takes up to `limit` rows that are due: by their time, or because who had taken them has gone.
/// Answers these columns.
pub async fn take(
    tx: &mut Tx,
    (table, columns): (&str, &str),
    limit: i64,
    taker: &Taker,
) -> Result<Vec<Row>> {
    let now = tx.now();
    let (gone, skip_locked) = (gone(tx, table, "$4"), tx.skip_locked());
    let sql = format!(
        "with due as materialized (select payment_id from {table} \
         where next_try_at <= $1{gone} order by next_try_at limit $2{skip_locked}) \
         update {table} set attempts = attempts + 1, next_try_at = $3, holder = $4 \
         where payment_id in (select payment_id from due) returning {columns}"
    );
    let until = later(now, taker.lease);
    tx.query(&sql, params![now, limit, until, &*taker.replica])
        .await
}

/// When the next row is due, if there is any.
pub async fn next(tx: &mut Tx, table: &str, replica: &str) -> Result<Option<Timestamp>> {
    if !tx.is_shared() {
        let sql = format!("select min(next_try_at) from {table}");
        return tx.query_one(&sql, &[]).await?.get(0);
    }
    let now = tx.now();
    let sql = format!(
        "select min(case when false{} then $1 else next_try_at end) from {table}",
        gone(tx, table, "$2")
    );
    tx.query_one(&sql, params![now, replica]).await?.get(0)
}

/// The rest of a condition: or who had taken the row, no matter until when, has gone. The present time
/// is `$1`. Alone, a service frees at its start what it had taken before.
fn gone(tx: &Tx, table: &str, own: &str) -> String {
    if !tx.is_shared() {
        return String::new();
    }
    let gone = lease::is_gone(&format!("{table}.holder"), own, "$1");
    format!(" or {gone}")
}
