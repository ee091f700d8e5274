//! The payments.

mod columns;

use contracts::Timestamp;
use contracts::events::payments::Payment as Aggregate;
use contracts::ids::{OrderId, PaymentId};
use platform::db::{Row, Value};
use platform::{Current, Result, Tx, params};

use super::refunds;
use crate::domain::payment::Payment;
use columns::{COLUMNS, State, decision_word, read, status_word};

/// A payment with the version of its newest event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The payment.
    pub payment: Payment,
    /// The version of its newest event.
    pub version: i64,
}

/// Lets one transaction at a time write about the payments of an order: its first statement. They are
/// changed also without an event, and read with more than one statement; what is read after this
/// stays true until the commit.
pub async fn lock(tx: &mut Tx, order_id: OrderId) -> Result<()> {
    tx.lock(&[&format!("payments of {order_id}")]).await
}

/// A new row, with the values of [`new_row`].
const INSERT: &str = "insert into payments (id, order_id, buyer_id, seller_id, amount_minor, currency, \
     status, decision, provider_key, version, created_at, changed_at, idempotency_key, adopted) \
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, $12, $13)";

fn new_row(stored: &Stored, idempotency_key: Option<&str>, adopted: bool) -> Vec<Value> {
    let Stored { payment, version } = stored;
    params![
        payment.id,
        payment.order_id,
        payment.buyer_id,
        payment.seller_id,
        payment.amount.minor,
        payment.amount.currency,
        status_word(payment.status()),
        decision_word(payment.decision),
        payment.provider_key(),
        version,
        payment.created_at,
        idempotency_key,
        i64::from(adopted),
    ]
    .to_vec()
}

/// Writes a new payment; false when the order has a live payment, or one with the same key.
pub async fn insert(tx: &mut Tx, stored: &Stored, idempotency_key: Option<&str>) -> Result<bool> {
    let sql = format!("{INSERT} on conflict do nothing");
    let row = new_row(stored, idempotency_key, false);
    Ok(tx.execute(&sql, &row).await? == 1)
}

/// Writes a payment that was lost. Another one of its order may be live.
pub async fn insert_adopted(tx: &mut Tx, stored: &Stored) -> Result<()> {
    tx.execute_later(INSERT, &new_row(stored, None, true)).await
}

/// Brings the row to the payment's state.
pub async fn update(tx: &mut Tx, stored: &Stored) -> Result<()> {
    let Stored { payment, version } = stored;
    let State {
        reference,
        action_url,
        failure_code,
    } = State::of(payment);
    let now = tx.now();
    tx.execute_later(
        "update payments set status = $2, decision = $3, reference = $4, action_url = $5, \
         failure_code = $6, version = $7, changed_at = $8 where id = $1",
        params![
            payment.id,
            status_word(payment.status()),
            decision_word(payment.decision),
            reference,
            action_url,
            failure_code,
            version,
            now,
        ],
    )
    .await
}

/// The payment with this id.
pub async fn find(tx: &mut Tx, id: PaymentId) -> Result<Option<Stored>> {
    let sql = format!("select {COLUMNS} from payments where id = $1");
    let row = tx.query_opt(&sql, params![id]).await?;
    whole(tx, row).await
}

/// The payment that the provider knows under this key.
pub async fn with_provider_key(tx: &mut Tx, key: &str) -> Result<Option<Stored>> {
    let sql = format!("select {COLUMNS} from payments where provider_key = $1");
    let row = tx.query_opt(&sql, params![key]).await?;
    whole(tx, row).await
}

/// The payment that a request with this idempotency key has begun.
pub async fn with_key(tx: &mut Tx, order_id: OrderId, key: &str) -> Result<Option<Stored>> {
    let sql =
        format!("select {COLUMNS} from payments where order_id = $1 and idempotency_key = $2");
    let row = tx.query_opt(&sql, params![order_id, key]).await?;
    whole(tx, row).await
}

/// The payments of an order that have not come to nothing: one, or more if one was lost and adopted,
/// oldest first.
pub async fn live(tx: &mut Tx, order_id: OrderId) -> Result<Vec<Stored>> {
    let sql = format!(
        "select {COLUMNS} from payments \
         where order_id = $1 and status in ('started', 'authorized', 'captured') order by id"
    );
    let rows = tx.query(&sql, params![order_id]).await?;
    all(tx, rows).await
}

/// The newest payments of an order, oldest first, at most `limit`.
pub async fn of_order(tx: &mut Tx, order_id: OrderId, limit: i64) -> Result<Vec<Stored>> {
    let sql = format!(
        "select {COLUMNS} from payments where order_id = $1 \
         order by created_at desc, id desc limit $2"
    );
    let mut rows = tx.query(&sql, params![order_id, limit]).await?;
    rows.reverse();
    all(tx, rows).await
}

/// Payments whose outcome is open or that have work before them, after this id and not changed
/// since `before`: what the reconciler looks up.
pub async fn open(tx: &mut Tx, after: &str, before: Timestamp, limit: i64) -> Result<Vec<Stored>> {
    let sql = format!(
        "select {COLUMNS} from payments where id > $1 and changed_at <= $2 \
         and (status in ('started', 'authorized') or id in (select payment_id from work)) \
         order by id limit $3"
    );
    let rows = tx.query(&sql, params![after, before, limit]).await?;
    all(tx, rows).await
}

/// All payments after this id, in order of id: for audits.
pub async fn page(tx: &mut Tx, after: &str, limit: i64) -> Result<Vec<Stored>> {
    let sql = format!("select {COLUMNS} from payments where id > $1 order by id limit $2");
    let rows = tx.query(&sql, params![after, limit]).await?;
    all(tx, rows).await
}

/// What the rows after this id say, in order of id: for audits.
pub async fn current(tx: &mut Tx, after: &str, limit: i64) -> Result<Vec<Current<Aggregate>>> {
    let rows = page(tx, after, limit).await?;
    let current = |Stored { payment, version }| Current {
        subject: payment.id.to_string(),
        version: Some(version),
        state: payment.public(),
    };
    Ok(rows.into_iter().map(current).collect())
}

async fn whole(tx: &mut Tx, row: Option<Row>) -> Result<Option<Stored>> {
    let Some(row) = row else { return Ok(None) };
    let id: PaymentId = row.get(0)?;
    let refunds = refunds::of(tx, id).await?;
    read(&row, refunds).map(Some)
}

async fn all(tx: &mut Tx, rows: Vec<Row>) -> Result<Vec<Stored>> {
    let mut payments = Vec::with_capacity(rows.len());
    for row in rows {
        payments.extend(whole(tx, Some(row)).await?);
    }
    Ok(payments)
}
