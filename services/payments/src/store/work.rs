//! What is to be asked of the provider: at most one act for each payment.

use std::time::Duration;

use contracts::Timestamp;
use contracts::ids::PaymentId;
use platform::clock::later;
use platform::db::Row;
use platform::trace::Origin;
use platform::{Result, Tx, params};

use super::due::{self, Taker};
use crate::domain::payment::{Act, Payment};
use crate::domain::token::Token;

/// An act that is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// Of which payment.
    pub payment_id: PaymentId,
    /// The act's name.
    pub act: String,
    /// The provider's idempotency key.
    pub key: String,
    /// The card, until the outcome of the authorisation is known.
    pub token: Option<Token>,
    /// How often it was tried, the attempt that is under way included.
    pub attempts: i64,
    /// When the provider was last asked to act (not only to tell).
    pub sent_at: Option<Timestamp>,
    /// What made it necessary.
    pub origin: Origin,
}

const COLUMNS: &str = "payment_id, act, key, token, attempts, sent_at, traceparent, correlation";

/// Writes the first work of a payment, already taken by the one who writes it.
pub async fn insert_taken(tx: &mut Tx, work: &Work, taker: &Taker) -> Result<()> {
    let next_try_at = later(tx.now(), taker.lease);
    tx.execute_later(
        "insert into work (payment_id, act, key, token, attempts, sent_at, next_try_at, \
         traceparent, correlation, holder) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        params![
            work.payment_id,
            work.act,
            work.key,
            work.token.as_ref().map(Token::secret),
            work.attempts,
            work.sent_at,
            next_try_at,
            work.origin.traceparent,
            work.origin.correlation,
            &*taker.replica,
        ],
    )
    .await
}

/// Writes that the provider is to be asked what has become of a payment, and not to act.
pub async fn insert_look(tx: &mut Tx, payment: &Payment) -> Result<()> {
    let (now, origin) = (tx.now(), tx.origin().clone());
    // The first attempt acts: here somebody else has made it.
    tx.execute_later(
        "insert into work (payment_id, act, key, token, attempts, sent_at, next_try_at, \
         traceparent, correlation) values ($1, $2, $3, null, 1, $4, $4, $5, $6) \
         on conflict do nothing",
        params![
            payment.id,
            Act::Authorize.name(),
            payment.provider_key(),
            now,
            origin.traceparent,
            origin.correlation,
        ],
    )
    .await
}

/// Replaces what is to be done for a payment by another act, due now. The token is forgotten.
pub async fn replace(tx: &mut Tx, payment_id: PaymentId, act: &str, key: &str) -> Result<()> {
    let (now, origin) = (tx.now(), tx.origin().clone());
    tx.execute_later(
        "insert into work (payment_id, act, key, token, attempts, sent_at, next_try_at, \
         traceparent, correlation) values ($1, $2, $3, null, 0, null, $4, $5, $6) \
         on conflict (payment_id) do update set act = excluded.act, key = excluded.key, \
         token = null, attempts = 0, sent_at = null, next_try_at = excluded.next_try_at, \
         traceparent = excluded.traceparent, correlation = excluded.correlation, \
         holder = null",
        params![
            payment_id,
            act,
            key,
            now,
            origin.traceparent,
            origin.correlation
        ],
    )
    .await
}

/// Nothing is to be done any more.
pub async fn remove(tx: &mut Tx, payment_id: PaymentId) -> Result<()> {
    tx.execute_later(
        "delete from work where payment_id = $1",
        params![payment_id],
    )
    .await
}

/// What is to be done for a payment.
pub async fn find(tx: &mut Tx, payment_id: PaymentId) -> Result<Option<Work>> {
    let sql = format!("select {COLUMNS} from work where payment_id = $1");
    tx.query_opt(&sql, params![payment_id])
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

/// Takes what is due, so that nobody else does for the length of the lease.
pub async fn take_due(tx: &mut Tx, limit: i64, taker: &Taker) -> Result<Vec<Work>> {
    let rows = due::take(tx, ("work", COLUMNS), limit, taker).await?;
    rows.iter().map(read).collect()
}

/// When the next act is due, if there is any.
pub async fn next_due(tx: &mut Tx, replica: &str) -> Result<Option<Timestamp>> {
    due::next(tx, "work", replica).await
}

/// Makes due at once what would be before `until`.
pub async fn release(tx: &mut Tx, until: Timestamp) -> Result<u64> {
    let now = tx.now();
    tx.execute(
        "update work set next_try_at = $1, holder = null \
         where next_try_at > $1 and next_try_at < $2",
        params![now, until],
    )
    .await
}

/// Remembers that the provider is asked to act now; false when the act is this attempt's no more.
pub async fn mark_sent(tx: &mut Tx, work: &Work) -> Result<bool> {
    let now = tx.now();
    let marked = tx
        .execute(
            "update work set sent_at = $5 \
             where payment_id = $1 and act = $2 and key = $3 and attempts = $4",
            params![work.payment_id, work.act, work.key, work.attempts, now],
        )
        .await?;
    Ok(marked == 1)
}

/// Puts an act off, if it is still the one that this attempt has taken.
pub async fn postpone(tx: &mut Tx, work: &Work, pause: Duration) -> Result<()> {
    let next_try_at = later(tx.now(), pause);
    tx.execute_later(
        "update work set next_try_at = $5, holder = null \
         where payment_id = $1 and act = $2 and key = $3 and attempts = $4",
        params![
            work.payment_id,
            work.act,
            work.key,
            work.attempts,
            next_try_at
        ],
    )
    .await
}

/// How many acts are to be done.
pub async fn count(tx: &mut Tx) -> Result<i64> {
    tx.query_one("select count(*) from work", &[]).await?.get(0)
}

fn read(row: &Row) -> Result<Work> {
    let token: Option<String> = row.get(3)?;
    Ok(Work {
        payment_id: row.get(0)?,
        act: row.get(1)?,
        key: row.get(2)?,
        token: token.and_then(|token| Token::parse(&token).ok()),
        attempts: row.get(4)?,
        sent_at: row.get(5)?,
        origin: Origin {
            traceparent: row.get(6)?,
            correlation: row.get(7)?,
            causation: None,
        },
    })
}
