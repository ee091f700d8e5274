//! The table `order_copies`: what timers need to know of orders.

use contracts::events::orders::{OrderState, OrderStatus};
use platform::{Result, Tx, params};

/// The copy is as this state.
///
/// # Errors
/// When the database does not answer.
pub async fn put(tx: &mut Tx, order: &OrderState) -> Result<()> {
    tx.put_row_later(
        1,
        "insert into order_copies (order_id, status, expires_at) values ($1, $2, $3) \
         on conflict (order_id) do update \
         set status = excluded.status, expires_at = excluded.expires_at",
        params![order.id, text_of(order.status), order.expires_at],
    )
    .await
}

/// There is no copy.
///
/// # Errors
/// When the database does not answer.
pub async fn remove(tx: &mut Tx, order_id: &str) -> Result<()> {
    tx.execute_later(
        "delete from order_copies where order_id = $1",
        params![order_id],
    )
    .await
}

fn text_of(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::Created => "created",
        OrderStatus::AwaitingPayment => "awaiting_payment",
        OrderStatus::Capturing => "capturing",
        OrderStatus::Complete => "complete",
        OrderStatus::Refunding => "refunding",
        OrderStatus::Refunded => "refunded",
        OrderStatus::Cancelled => "cancelled",
    }
}
