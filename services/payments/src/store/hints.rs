//! Payments that are to be looked up, because the provider said something new of them.

use std::time::Duration;

use contracts::Timestamp;
use contracts::ids::PaymentId;
use platform::clock::later;
use platform::db::Row;
use platform::trace::Origin;
use platform::{Result, Tx, params};

use super::due::{self, Taker};

/// A payment that is to be looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// Which.
    pub payment_id: PaymentId,
    /// How often something was said of it.
    pub said: i64,
    /// How often it was looked up, the look that is under way included.
    pub attempts: i64,
    /// The request that said it.
    pub origin: Origin,
}

const COLUMNS: &str = "payment_id, said, attempts, traceparent, correlation";

/// Something was said of a payment: it is to be looked up now, whoever looks at the moment.
pub async fn put(tx: &mut Tx, payment_id: PaymentId) -> Result<()> {
    let (now, origin) = (tx.now(), tx.origin().clone());
    tx.execute_later(
        "insert into hints (payment_id, said, attempts, next_try_at, traceparent, correlation) \
         values ($1, 1, 0, $2, $3, $4) \
         on conflict (payment_id) do update set said = hints.said + 1, attempts = 0, \
         next_try_at = excluded.next_try_at, traceparent = excluded.traceparent, \
         correlation = excluded.correlation, holder = null",
        params![payment_id, now, origin.traceparent, origin.correlation],
    )
    .await
}

/// Takes what is due, so that nobody else does for the length of the lease.
pub async fn take_due(tx: &mut Tx, limit: i64, taker: &Taker) -> Result<Vec<Hint>> {
    let rows = due::take(tx, ("hints", COLUMNS), limit, taker).await?;
    rows.iter().map(read).collect()
}

/// When the next is due, if there is any.
pub async fn next_due(tx: &mut Tx, replica: &str) -> Result<Option<Timestamp>> {
    due::next(tx, "hints", replica).await
}

/// It was looked up. If something was said meanwhile it stays.
pub async fn remove(tx: &mut Tx, hint: &Hint) -> Result<()> {
    tx.execute_later(
        "delete from hints where payment_id = $1 and said = $2",
        params![hint.payment_id, hint.said],
    )
    .await
}

/// It could not be looked up, and is to be later; unless something was said meanwhile.
pub async fn postpone(tx: &mut Tx, hint: &Hint, pause: Duration) -> Result<()> {
    let next_try_at = later(tx.now(), pause);
    tx.execute_later(
        "update hints set next_try_at = $4, holder = null \
         where payment_id = $1 and said = $2 and attempts = $3",
        params![hint.payment_id, hint.said, hint.attempts, next_try_at],
    )
    .await
}

/// How many there are.
pub async fn count(tx: &mut Tx) -> Result<i64> {
    tx.query_one("select count(*) from hints", &[])
        .await?
        .get(0)
}

fn read(row: &Row) -> Result<Hint> {
    Ok(Hint {
        payment_id: row.get(0)?,
        said: row.get(1)?,
        attempts: row.get(2)?,
        origin: Origin {
            traceparent: row.get(3)?,
            correlation: row.get(4)?,
            causation: None,
        },
    })
}
