//! A provider that is slow, loses answers, answers late or not at all; and crashes in between.

use std::time::Duration;

use contracts::events::orders::{CancelReason, OrderFact, OrderStatus, TicketFate};
use contracts::events::payments::PaymentFact;
use payments::domain::charge::Standing;
use payments::provider::sandbox::behaviour::Behaviour;

use crate::desk::{Desk, id_in};

fn loses(lose_answers: u32) -> Behaviour {
    Behaviour {
        lose_answers,
        ..Behaviour::default()
    }
}

fn unavailable() -> Behaviour {
    Behaviour {
        unavailable: true,
        ..Behaviour::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_looked_up_and_nothing_is_sent_anew() {
    let mut desk = Desk::open().await;
    let order = desk.order().await;
    desk.behave(loses(2));
    let answered = desk.pay(&order, "tok_visa").await;
    assert_eq!(
        (answered.status.as_u16(), answered.json()["status"].as_str()),
        (201, Some("started"))
    );
    let payment_id = id_in(&answered.json());
    desk.heard(payment_id, &PaymentFact::Authorized).await;
    desk.behave(loses(1));
    desk.say(
        OrderFact::Capturing { payment_id },
        &order,
        OrderStatus::Capturing,
    )
    .await;
    desk.heard(payment_id, &PaymentFact::Captured).await;
    let order = desk
        .say(
            OrderFact::Completed { payment_id },
            &order,
            OrderStatus::Complete,
        )
        .await;
    desk.behave(loses(1));
    let (amount_minor, fate) = (2000, TicketFate::Relist);
    let fact = OrderFact::RefundRequested {
        payment_id,
        amount_minor,
        fate,
    };
    desk.say(fact, &order, OrderStatus::Refunding).await;
    desk.heard(payment_id, &PaymentFact::Refunded { amount_minor })
        .await;
    let fact = OrderFact::Refunded {
        payment_id,
        amount_minor,
        fate,
    };
    desk.say(fact, &order, OrderStatus::Refunded).await;
    let charges = desk.charges().await;
    assert_eq!((charges.len(), charges[0].refunds.len()), (1, 1));
    desk.world.settle().await.unwrap();
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_never_a_5xx_and_ends_in_a_payment() {
    let mut desk = Desk::open().await;
    let order = desk.order().await;
    desk.behave(unavailable());
    let answered = desk.pay(&order, "tok_visa").await;
    assert_eq!(
        (answered.status.as_u16(), answered.json()["status"].as_str()),
        (201, Some("started"))
    );
    let id = id_in(&answered.json());
    let again = desk.pay(&order, "tok_visa").await;
    assert_eq!((again.status.as_u16(), id_in(&again.json())), (200, id));
    desk.heard(id, &PaymentFact::Started).await;
    assert_eq!(desk.kinds(id), ["started"]);
    desk.behave(Behaviour::default());
    desk.advance(Duration::from_secs(31));
    desk.heard(id, &PaymentFact::Authorized).await;
    assert_eq!(desk.charges().await.len(), 1);
    desk.world.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_comes_too_late_for_the_buyer_still_counts() {
    let mut desk = Desk::open_with(|settings| {
        settings.answer_within = Duration::from_millis(100);
    })
    .await;
    let order = desk.order().await;
    desk.behave(Behaviour {
        answer_delay: Duration::from_millis(400),
        ..Behaviour::default()
    });
    let answered = desk.pay(&order, "tok_visa").await;
    assert_eq!(answered.status, 201);
    assert_eq!(answered.json()["status"], "started");
    let id = id_in(&answered.json());
    desk.heard(id, &PaymentFact::Authorized).await;
    assert_eq!(desk.kinds(id), ["started", "authorized"]);
    desk.world.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_cancelled_meanwhile_holds_no_money() {
    let mut desk = Desk::open().await;
    for capture_immediately in [false, true] {
        desk.behave(Behaviour {
            capture_immediately,
            lose_answers: 1,
            ..Behaviour::default()
        });
        let order = desk.order().await;
        let payment_id = id_in(&desk.pay(&order, "tok_visa").await.json());
        desk.behave(unavailable());
        let reason = CancelReason::Buyer;
        desk.say(
            OrderFact::Cancelled { reason },
            &order,
            OrderStatus::Cancelled,
        )
        .await;
        desk.known(&order, OrderStatus::Cancelled).await;
        assert_eq!(desk.kinds(payment_id), ["started"]);
        desk.behave(Behaviour::default());
        desk.advance(Duration::from_secs(31));
        let end = if capture_immediately {
            PaymentFact::Refunded { amount_minor: 2000 }
        } else {
            PaymentFact::Voided
        };
        desk.heard(payment_id, &end).await;
    }
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_never_arrived_is_not_sent_for_a_dead_order() {
    let mut desk = Desk::open().await;
    let order = desk.order().await;
    desk.behave(unavailable());
    let payment_id = id_in(&desk.pay(&order, "tok_visa").await.json());
    let reason = CancelReason::Expired;
    desk.say(
        OrderFact::Cancelled { reason },
        &order,
        OrderStatus::Cancelled,
    )
    .await;
    desk.known(&order, OrderStatus::Cancelled).await;
    desk.behave(Behaviour::default());
    desk.advance(Duration::from_secs(120));
    desk.heard(payment_id, &PaymentFact::Voided).await;
    assert_eq!(desk.charges().await, []);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_before_the_answer_is_mended_at_the_next_start() {
    let mut desk = Desk::open_with(|settings| {
        settings.answer_within = Duration::from_millis(50);
    })
    .await;
    let order = desk.order().await;
    desk.behave(Behaviour {
        answer_delay: Duration::from_secs(20),
        ..Behaviour::default()
    });
    let payment_id = id_in(&desk.pay(&order, "tok_visa").await.json());
    let mut desk = desk.crash().await;
    desk.behave(Behaviour::default());
    desk.heard(payment_id, &PaymentFact::Authorized).await;
    desk.behave(Behaviour {
        answer_delay: Duration::from_secs(20),
        ..Behaviour::default()
    });
    desk.say(
        OrderFact::Capturing { payment_id },
        &order,
        OrderStatus::Capturing,
    )
    .await;
    let taken = async || {
        let charges = desk.charges_now().await;
        Ok((charges[0].standing == Standing::Captured).then_some(()))
    };
    desk.world.until(taken).await.unwrap();
    let mut desk = desk.crash().await;
    desk.behave(Behaviour::default());
    desk.heard(payment_id, &PaymentFact::Captured).await;
    desk.say(
        OrderFact::Completed { payment_id },
        &order,
        OrderStatus::Complete,
    )
    .await;
    desk.world.settle().await.unwrap();
    assert_eq!(desk.charges().await.len(), 1);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn few_calls_at_a_time_still_settle_many_payments() {
    let mut desk = Desk::open_with(|settings| settings.in_flight_max = 2).await;
    desk.behave(Behaviour {
        latency: Duration::from_millis(5),
        ..Behaviour::default()
    });
    let mut chosen = Vec::new();
    for _ in 0..20 {
        let order = desk.order().await;
        let payment_id = desk.authorized(&order).await;
        chosen.push((order, payment_id));
    }
    for (order, payment_id) in &chosen {
        let payment_id = *payment_id;
        desk.say(
            OrderFact::Capturing { payment_id },
            order,
            OrderStatus::Capturing,
        )
        .await;
    }
    for (order, payment_id) in &chosen {
        let payment_id = *payment_id;
        desk.heard(payment_id, &PaymentFact::Captured).await;
        desk.say(
            OrderFact::Completed { payment_id },
            order,
            OrderStatus::Complete,
        )
        .await;
    }
    desk.world.settle().await.unwrap();
    desk.close().await;
}
