//! What orders decided about a payment is kept with it; the provider is asked later.

use contracts::ids::{OrderId, PaymentId};
use platform::{Refused, Result, Tx};

use super::adopt::may_be_lost;
use super::record::{earned, record};
use crate::domain::payment::{Payment, State};
use crate::domain::refusal::Refusal;
use crate::store::payments::{self, Stored};

/// The order was cancelled.
///
/// # Errors
/// When the database does not answer.
pub async fn cancel(tx: &mut Tx, order_id: OrderId) -> Result<()> {
    change_live(tx, order_id, Payment::order_closed).await
}

/// The order chose this payment: it is to be captured.
///
/// # Errors
/// When there is no such payment, or it has come to its end.
pub async fn choose(tx: &mut Tx, order_id: OrderId, payment_id: PaymentId) -> Result<()> {
    let stored = of_order(tx, order_id, payment_id).await?;
    let payment = stored.payment.clone().choose()?;
    record(tx, stored, payment, &[]).await?;
    leave_others(tx, order_id, payment_id).await
}

/// The order has no place for this payment: it is to be voided or given back.
///
/// # Errors
/// When there is no such payment.
pub async fn reject(tx: &mut Tx, order_id: OrderId, payment_id: PaymentId) -> Result<()> {
    let stored = of_order(tx, order_id, payment_id).await?;
    let payment = stored.payment.clone().reject();
    record(tx, stored, payment, &[]).await.map(drop)
}

/// Money of this payment is to be given back, under the provider's key `key`.
///
/// # Errors
/// When there is no such payment, or the amount is not there.
pub async fn refund(
    tx: &mut Tx,
    (order_id, payment_id): (OrderId, PaymentId),
    key: &str,
    amount_minor: i64,
) -> Result<()> {
    let stored = of_order(tx, order_id, payment_id).await?;
    let payment = stored.payment.clone().request_refund(key, amount_minor)?;
    record(tx, stored, payment, &[]).await.map(drop)
}

/// The order is complete: the buyer's money is the seller's.
///
/// # Errors
/// When there is no such payment, or its money was not taken.
pub async fn earn(tx: &mut Tx, order_id: OrderId, payment_id: PaymentId) -> Result<()> {
    let stored = of_order(tx, order_id, payment_id).await?;
    leave_others(tx, order_id, payment_id).await?;
    match stored.payment.state {
        State::Captured { .. } => earned(tx, &stored.payment).await,
        // What became of it was lost with an older backup. It is the seller's once it is captured again;
        // and chosen, also where a provider that can't hold money left nothing to choose.
        State::Started { .. } | State::Authorized { .. } if may_be_lost(tx, payment_id.uuid()) => {
            match stored.payment.clone().choose() {
                Ok(chosen) => record(tx, stored, chosen, &[]).await.map(drop),
                Err(_) => Ok(()),
            }
        }
        State::Refunded if may_be_lost(tx, payment_id.uuid()) => Ok(()),
        _ => Err(Refusal::NotCaptured.into()),
    }
}

/// The order was lost with an older backup of orders: nobody will ever choose or reject its payment, so
/// that is voided or given back.
///
/// # Errors
/// When the database does not answer.
pub async fn forsake(tx: &mut Tx, order_id: OrderId) -> Result<()> {
    change_live(tx, order_id, Payment::reject).await
}

/// The order is paid by this payment. One that was taken on again beside it, and may wait for its customer
/// for ever, it does not need any more; else an order has one that is live.
async fn leave_others(tx: &mut Tx, order_id: OrderId, payment_id: PaymentId) -> Result<()> {
    if !may_be_lost(tx, order_id.uuid()) {
        return Ok(());
    }
    let leave = |payment: Payment| match payment.id == payment_id {
        true => payment,
        false => payment.order_closed(),
    };
    change_live(tx, order_id, leave).await
}

/// Decides about the payments of an order that have not come to nothing.
async fn change_live(
    tx: &mut Tx,
    order_id: OrderId,
    decide: impl Fn(Payment) -> Payment,
) -> Result<()> {
    payments::lock(tx, order_id).await?;
    for stored in payments::live(tx, order_id).await? {
        let payment = decide(stored.payment.clone());
        if payment != stored.payment {
            record(tx, stored, payment, &[]).await?;
        }
    }
    Ok(())
}

async fn of_order(tx: &mut Tx, order_id: OrderId, payment_id: PaymentId) -> Result<Stored> {
    payments::lock(tx, order_id).await?;
    let stored = payments::find(tx, payment_id).await?;
    let ours = stored.filter(|stored| stored.payment.order_id == order_id);
    ours.ok_or_else(|| {
        Refused::conflict(
            "no_such_payment",
            "the order has no payment with this id here",
        )
        .into()
    })
}
