//! The copy of orders; written by the consumer of `order` alone.

use contracts::events::orders::{CancelReason, OrderState, OrderStatus};
use contracts::ids::OrderId;
use contracts::money::Money;
use platform::{Result, Tx, params};

use super::unknown;
use crate::domain::order::Order;

/// Brings the copy to this state.
pub async fn put(tx: &mut Tx, state: &OrderState) -> Result<()> {
    tx.put_row_later(
        1,
        "insert into order_copies (id, buyer_id, seller_id, amount_minor, currency, expires_at, \
         status, cancel_reason, payment_id) values ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
         on conflict (id) do update set buyer_id = excluded.buyer_id, \
         seller_id = excluded.seller_id, amount_minor = excluded.amount_minor, \
         currency = excluded.currency, expires_at = excluded.expires_at, \
         status = excluded.status, cancel_reason = excluded.cancel_reason, \
         payment_id = excluded.payment_id",
        params![
            state.id,
            state.buyer_id,
            state.seller_id,
            state.price_minor,
            state.currency,
            state.expires_at,
            status_word(state.status),
            state.cancel_reason.map(reason_word),
            state.payment_id,
        ],
    )
    .await
}

/// Forgets an order that its owner lost.
pub async fn remove(tx: &mut Tx, id: &str) -> Result<()> {
    tx.execute_later("delete from order_copies where id = $1", params![id])
        .await
}

/// The order as it is known here.
pub async fn find(tx: &mut Tx, id: OrderId) -> Result<Option<Order>> {
    let row = tx
        .query_opt(
            "select buyer_id, seller_id, amount_minor, currency, expires_at, status, \
             cancel_reason, payment_id from order_copies where id = $1",
            params![id],
        )
        .await?;
    let Some(row) = row else { return Ok(None) };
    let reason: Option<String> = row.get(6)?;
    Ok(Some(Order {
        id,
        buyer_id: row.get(0)?,
        seller_id: row.get(1)?,
        amount: Money {
            minor: row.get(2)?,
            currency: row.get(3)?,
        },
        expires_at: row.get(4)?,
        status: status(&row.get::<String>(5)?)?,
        cancel_reason: reason.as_deref().map(cancel_reason).transpose()?,
        payment_id: row.get(7)?,
    }))
}

fn status_word(status: OrderStatus) -> &'static str {
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

fn status(word: &str) -> Result<OrderStatus> {
    Ok(match word {
        "created" => OrderStatus::Created,
        "awaiting_payment" => OrderStatus::AwaitingPayment,
        "capturing" => OrderStatus::Capturing,
        "complete" => OrderStatus::Complete,
        "refunding" => OrderStatus::Refunding,
        "refunded" => OrderStatus::Refunded,
        "cancelled" => OrderStatus::Cancelled,
        other => return Err(unknown("order status", other)),
    })
}

fn reason_word(reason: CancelReason) -> &'static str {
    match reason {
        CancelReason::Buyer => "buyer",
        CancelReason::Expired => "expired",
        CancelReason::PaymentFailed => "payment_failed",
        CancelReason::TicketWithdrawn => "ticket_withdrawn",
        CancelReason::TicketSold => "ticket_sold",
        CancelReason::OfferChanged => "offer_changed",
    }
}

fn cancel_reason(word: &str) -> Result<CancelReason> {
    Ok(match word {
        "buyer" => CancelReason::Buyer,
        "expired" => CancelReason::Expired,
        "payment_failed" => CancelReason::PaymentFailed,
        "ticket_withdrawn" => CancelReason::TicketWithdrawn,
        "ticket_sold" => CancelReason::TicketSold,
        "offer_changed" => CancelReason::OfferChanged,
        other => return Err(unknown("cancel reason", other)),
    })
}
