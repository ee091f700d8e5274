//! Writes what has become of a payment: row, events, ledger, and the work that follows.

use contracts::events::orders::OrderStatus;
use contracts::events::payments::{Payment as Event, PaymentFact};
use platform::{Result, Tx};

use super::adopt::may_be_lost;
use crate::domain::ledger::{Account, Posting};
use crate::domain::payment::{Happened, Payment};
use crate::jobs::settle::SETTLE;
use crate::store::payments::Stored;
use crate::store::{ledger, order_copies, payments, refunds, work};
use contracts::money::Money;

/// Brings a stored payment to its new state: one event for each public step.
pub(super) async fn record(
    tx: &mut Tx,
    before: Stored,
    payment: Payment,
    happened: &[Happened],
) -> Result<Stored> {
    let mut version = before.version;
    let subject = payment.id.to_string();
    for step in happened {
        version = tx
            .append::<Event>(&subject, version, &step.fact, &step.state)
            .await?;
        post(tx, &payment, version, &step.fact).await?;
        if step.fact == PaymentFact::Captured && may_be_lost(tx, payment.id.uuid()) {
            earn_again(tx, &before.payment).await?;
        }
    }
    let after = Stored { payment, version };
    if after == before {
        return Ok(after);
    }
    payments::update(tx, &after).await?;
    if after.payment.refunds != before.payment.refunds {
        refunds::put(tx, &before.payment, &after.payment).await?;
    }
    plan(tx, &before.payment, &after.payment).await?;
    Ok(after)
}

/// The work row always says what the payment's next act is.
async fn plan(tx: &mut Tx, before: &Payment, after: &Payment) -> Result<()> {
    let act = after.next_act();
    if act == before.next_act() {
        return Ok(());
    }
    match act {
        Some(act) => {
            work::replace(tx, after.id, act.name(), &after.key_of(&act)).await?;
            tx.wake(SETTLE);
            Ok(())
        }
        None => work::remove(tx, after.id).await,
    }
}

/// The money that is left is the seller's.
pub(super) async fn earned(tx: &mut Tx, payment: &Payment) -> Result<()> {
    let left = Money {
        minor: payment.amount.minor - payment.refunded_minor(),
        currency: payment.amount.currency,
    };
    let posting = Posting::earned(payment.buyer_id, payment.seller_id, left);
    ledger::post_earned(tx, payment.id, &posting).await
}

/// The order was complete before: that the money was taken was lost with an older backup.
async fn earn_again(tx: &mut Tx, payment: &Payment) -> Result<()> {
    let order = order_copies::find(tx, payment.order_id).await?;
    let is_paid = order.is_some_and(|order| {
        order.payment_id == Some(payment.id)
            && matches!(
                order.status,
                OrderStatus::Complete | OrderStatus::Refunding | OrderStatus::Refunded
            )
    });
    if is_paid {
        earned(tx, payment).await?;
    }
    Ok(())
}

async fn post(tx: &mut Tx, payment: &Payment, version: i64, fact: &PaymentFact) -> Result<()> {
    let posting = match fact {
        PaymentFact::Captured => Posting::captured(payment.buyer_id, payment.amount),
        PaymentFact::Refunded { amount_minor } => {
            let earned = ledger::is_earned(tx, payment.id).await?;
            let seller = Account::Seller(payment.seller_id);
            let from = if earned {
                seller
            } else {
                Account::Buyer(payment.buyer_id)
            };
            let amount = Money {
                minor: *amount_minor,
                currency: payment.amount.currency,
            };
            Posting::refunded(from, amount)
        }
        PaymentFact::Started
        | PaymentFact::Authorized
        | PaymentFact::Failed { .. }
        | PaymentFact::Voided => return Ok(()),
    };
    ledger::post_event(tx, payment.id, version, &posting).await
}
