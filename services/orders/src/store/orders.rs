//! The orders, each with the version of its newest event.

mod columns;

use contracts::events::orders::Order as Aggregate;
use contracts::ids::{OrderId, TicketId, UserId};
use contracts::{Aggregate as _, Timestamp};
use platform::{Current, Failure, Result, Tx, params};

use crate::domain::order::Order;
use columns::{COLUMNS, Stored};

/// An order as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    /// The version of its newest event.
    pub version: i64,
    /// The order.
    pub order: Order,
}

/// Where a page of a buyer's list begins: behind this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// When that order was placed.
    pub created_at: Timestamp,
    /// Its id.
    pub id: OrderId,
}

/// Writes a new order of version 1, unless another holds the ticket or the buyer has
/// `unpaid_max` unpaid ones: then nothing is written, and the answer is false. Who calls it has locked
/// the buyer's orders: the count is of what is committed.
pub async fn insert(tx: &mut Tx, order: &Order, unpaid_max: i64) -> Result<bool> {
    let terms = &order.terms;
    let stored = Stored::of(&order.state);
    let inserted = tx
        .execute(
            "insert into orders (id, version, ticket_id, buyer_id, seller_id, title, price_minor, \
             currency, offer_version, epoch, created_at, hold_until, expires_at, status, \
             grace_spent, refunded_minor) \
             select $1, 1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0, 0 \
             where (select count(*) from orders where buyer_id = $3 \
             and status in ('created', 'awaiting_payment')) < $14 \
             on conflict do nothing",
            params![
                terms.id,
                terms.ticket_id,
                terms.buyer_id,
                terms.seller_id,
                terms.title,
                terms.price.minor,
                terms.price.currency,
                terms.offer_version,
                terms.epoch,
                terms.created_at,
                terms.hold_until,
                order.expires_at,
                stored.status,
                unpaid_max
            ],
        )
        .await?;
    Ok(inserted == 1)
}

/// Brings an order from the version it was read at to the next.
///
/// # Errors
/// [`Failure::Moved`] when another transaction was faster.
pub async fn update(tx: &mut Tx, order: &Order, version: i64) -> Result<()> {
    let stored = Stored::of(&order.state);
    let (aggregate, subject) = (Aggregate::NAME, order.terms.id.to_string());
    let moved = move || Failure::Moved {
        aggregate,
        subject: subject.clone(),
    };
    tx.change_one_later(
        "update orders set version = $2 + 1, expires_at = $3, status = $4, payment_id = $5, \
             grace_spent = $6, refunded_minor = $7, refund_minor = $8, refund_fate = $9, \
             cancel_reason = $10 where id = $1 and version = $2",
        params![
            order.terms.id,
            version,
            order.expires_at,
            stored.status,
            stored.payment_id,
            stored.grace_spent,
            stored.refunded_minor,
            stored.refund_minor,
            stored.refund_fate,
            stored.cancel_reason
        ],
        moved,
    )
    .await
}

/// The order of this id.
pub async fn load(tx: &mut Tx, id: OrderId) -> Result<Option<Saved>> {
    let sql = format!("select {COLUMNS} from orders where id = $1");
    let row = tx.query_opt(&sql, params![id]).await?;
    row.as_ref().map(columns::read).transpose()
}

/// What the rows after this id say, in order of id: for audits.
pub async fn current(tx: &mut Tx, after: &str, limit: i64) -> Result<Vec<Current<Aggregate>>> {
    let sql = format!("select {COLUMNS} from orders where id > $1 order by id limit $2");
    let rows = tx.query(&sql, params![after, limit]).await?;
    let current = |row| {
        let Saved { version, order } = columns::read(row)?;
        Ok(Current {
            subject: order.terms.id.to_string(),
            version: Some(version),
            state: order.public_state(),
        })
    };
    rows.iter().map(current).collect()
}

/// Whether a live order holds the ticket.
pub async fn is_held(tx: &mut Tx, ticket_id: TicketId) -> Result<bool> {
    let held = tx
        .query_opt(
            "select 1 from orders where ticket_id = $1 and status in \
             ('created', 'awaiting_payment', 'capturing', 'complete', 'refunding')",
            params![ticket_id],
        )
        .await?;
    Ok(held.is_some())
}

/// How many orders a buyer has that wait for money.
pub async fn unpaid(tx: &mut Tx, buyer_id: UserId) -> Result<i64> {
    let row = tx
        .query_one(
            "select count(*) from orders where buyer_id = $1 \
             and status in ('created', 'awaiting_payment')",
            params![buyer_id],
        )
        .await?;
    row.get(0)
}

/// A buyer's orders, newest first, at most `limit`, from behind `position` on.
pub async fn of_buyer(
    tx: &mut Tx,
    buyer_id: UserId,
    position: Option<Position>,
    limit: i64,
) -> Result<Vec<Saved>> {
    let rows = match position {
        None => {
            let sql = format!(
                "select {COLUMNS} from orders where buyer_id = $1 \
                 order by created_at desc, id desc limit $2"
            );
            tx.query(&sql, params![buyer_id, limit]).await?
        }
        Some(Position { created_at, id }) => {
            let sql = format!(
                "select {COLUMNS} from orders where buyer_id = $1 and (created_at, id) < ($3, $4) \
                 order by created_at desc, id desc limit $2"
            );
            tx.query(&sql, params![buyer_id, limit, created_at, id])
                .await?
        }
    };
    rows.iter().map(columns::read).collect()
}
