//! The table `order_copies`: a copy of orders' orders.

use contracts::ids::OrderId;
use contracts::money::Money;
use platform::db::params;
use platform::{Result, Tx};

/// Brings an order's row to the present state.
///
/// # Errors
/// When the database does not answer.
pub async fn upsert(tx: &mut Tx, id: OrderId, price: Money) -> Result<()> {
    tx.put_row_later(
        1,
        "insert into order_copies (id, price_minor, currency) values ($1, $2, $3) \
         on conflict (id) do update set price_minor = excluded.price_minor, \
         currency = excluded.currency",
        params![id, price.minor, price.currency],
    )
    .await
}

/// The price of an order, if it is known here.
///
/// # Errors
/// When the database does not answer.
pub async fn price(tx: &mut Tx, id: OrderId) -> Result<Option<Money>> {
    let sql = "select price_minor, currency from order_copies where id = $1";
    let row = tx.query_opt(sql, params![id]).await?;
    row.map(|row| {
        Ok(Money {
            minor: row.get(0)?,
            currency: row.get(1)?,
        })
    })
    .transpose()
}

/// Forgets an order that orders has lost.
///
/// # Errors
/// When the database does not answer.
pub async fn delete(tx: &mut Tx, id: &str) -> Result<()> {
    tx.execute_later("delete from order_copies where id = $1", params![id])
        .await
}
