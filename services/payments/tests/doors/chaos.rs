//! Everything at once: a bus that loses and doubles, a provider that loses answers, and a crash.

use std::time::Duration;

use contracts::events::orders::{CancelReason, OrderFact, OrderStatus};
use contracts::events::payments::PaymentStatus;
use payments::domain::ledger::Account;
use payments::provider::sandbox::behaviour::Behaviour;
use testing::Faults;

use crate::desk::{Desk, id_in};

/// How far the clocks move at each look: what is lost is found as time goes by.
const STEP: Duration = Duration::from_millis(500);

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_taken_twice_and_nothing_is_left_behind() {
    let mut desk = Desk::open_with(|settings| {
        settings.answer_within = Duration::from_millis(20);
    })
    .await;
    let latency = Duration::from_millis(2);
    desk.behave(Behaviour {
        latency,
        lose_answers: 40,
        ..Behaviour::default()
    });
    let mut paid = Vec::new();
    for _ in 0..24 {
        let order = desk.order().await;
        desk.known(&order, OrderStatus::AwaitingPayment).await;
        paid.push((id_in(&desk.pay(&order, "tok_visa").await.json()), order));
    }
    let mut desk = desk.crash().await;
    settled(&desk, |status| status == PaymentStatus::Authorized).await;
    desk.world.bus.set(Faults {
        lost: 20,
        doubled: 20,
        delayed: 30,
        ..Faults::default()
    });
    desk.behave(Behaviour {
        latency,
        lose_answers: 20,
        ..Behaviour::default()
    });
    for (number, (payment_id, order)) in paid.iter().enumerate() {
        let payment_id = *payment_id;
        if number % 3 == 0 {
            let reason = CancelReason::Expired;
            let fact = OrderFact::Cancelled { reason };
            let gone = desk.say(fact, order, OrderStatus::Cancelled).await;
            let fact = OrderFact::PaymentRejected { payment_id };
            desk.say(fact, &gone, OrderStatus::Cancelled).await;
        } else {
            let fact = OrderFact::Capturing { payment_id };
            desk.say(fact, order, OrderStatus::Capturing).await;
        }
    }
    let mut desk = desk.crash().await;
    settled(&desk, |status| {
        matches!(status, PaymentStatus::Captured | PaymentStatus::Voided)
    })
    .await;
    for (number, (payment_id, order)) in paid.iter().enumerate() {
        if number % 3 != 0 {
            let fact = OrderFact::Completed {
                payment_id: *payment_id,
            };
            desk.say(fact, order, OrderStatus::Complete).await;
        }
    }
    earned(&desk, -16 * 2000).await;
    assert_eq!(desk.charges().await.len(), 24);
    desk.close().await;
}

/// Waits, with the clock running fast, until the seller has earned so much.
async fn earned(desk: &Desk, minor: i64) {
    let look = async || {
        desk.advance(STEP);
        let balance = desk.balance(Account::Seller(desk.seller)).await;
        Ok((balance == minor).then_some(()))
    };
    desk.world.until(look).await.unwrap();
}

/// Waits, with the clock running fast, until all payments stand there.
async fn settled(desk: &Desk, there: impl Fn(PaymentStatus) -> bool) {
    let look = async || {
        desk.advance(STEP);
        let payments = desk.payments().await;
        let all = payments
            .iter()
            .all(|audited| there(audited.payment.status()));
        Ok((all && payments.len() == 24).then_some(()))
    };
    let outcome = desk.world.until(look).await;
    let stand: Vec<_> = desk.payments().await;
    let stand: Vec<_> = stand.iter().map(|one| one.payment.status()).collect();
    assert!(outcome.is_ok(), "{outcome:?}: {stand:?}");
}
