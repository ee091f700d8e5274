//! Payments: they extend an order, are chosen or rejected, complete it, and give money back.

use std::time::Duration;

use contracts::events::payments::{Payment, PaymentFact};
use platform::{Consumer, Event, Result, Tx};

use crate::commands::hear::hear;
use crate::domain::order::{Claim, Heard, Order};

/// Judges every payment; the first one that begins in time extends its order by `grace`.
#[must_use]
pub fn consumer(grace: Duration) -> Consumer {
    let react = async move |tx: &mut Tx, event: &Event<Payment>| react(tx, event, grace).await;
    Consumer::of::<Payment>().react(react).build()
}

async fn react(tx: &mut Tx, event: &Event<Payment>, grace: Duration) -> Result<()> {
    let Some(fact) = &event.fact else {
        return Ok(());
    };
    let now = tx.now();
    let id = event.state.id;
    let claim = Claim {
        payment_id: id,
        amount: event.state.amount(),
    };
    let step = |order: Order| -> Heard {
        match fact {
            PaymentFact::Started => order.payment_started(id, now, grace),
            PaymentFact::Authorized => order.payment_authorized(claim),
            PaymentFact::Captured => order.payment_captured(claim),
            PaymentFact::Failed { .. } => order.payment_failed(id, now),
            PaymentFact::Voided => order.payment_voided(id),
            PaymentFact::Refunded { .. } => order.payment_refunded(id, event.state.refunded_minor),
        }
    };
    hear(tx, event.state.order_id, step).await
}
