//! Several replicas of payments, and of its provider, on the same databases.

use std::time::Duration;

use axum::body::Body;
use contracts::events::orders::{CancelReason, Order, OrderFact, OrderState, OrderStatus};
use contracts::events::payments::PaymentFact;
use contracts::ids::PaymentId;
use contracts::money::{Currency, Money};
use futures::future::join_all;
use http::Request;
use payments::domain::charge::Standing;
use payments::provider::Provider;
use payments::store;
use platform::clock::later;
use platform::{Tx, params};
use serde_json::json;
use testing::{Answered, Replica};

use crate::desk::{Desk, id_in};

async fn pay_at(desk: &Desk, replica: &Replica, order: &OrderState) -> Answered {
    let body = json!({"orderId": order.id, "token": "tok_visa"});
    let request = Request::post("/api/payments")
        .header("cookie", desk.world.cookie_of(desk.buyer).unwrap())
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()));
    replica.send(request.unwrap()).await.unwrap()
}

fn hundred() -> Money {
    Money {
        minor: 100,
        currency: Currency::USD,
    }
}

fn row_of(payment_id: PaymentId) -> String {
    format!("select 1 from payments where id = '{payment_id}' for update")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_never_undoes_what_the_provider_has_shown_meanwhile() {
    let mut desk = Desk::open_shared().await;
    let order = desk.order().await;
    let answered = desk.pay(&order, "tok_threeDSecureRequired").await.json();
    let payment_id = id_in(&answered);
    let url = answered["actionUrl"].as_str().unwrap().to_owned();
    let (db, row) = (desk.db(), row_of(payment_id));
    let held = desk.world.hold(&db, row).await.unwrap();
    let gone = {
        let world = &desk.world;
        let waiting = async |count| world.until_waiting(&db, count).await.unwrap();
        let confirm = desk.confirm(&url, "approve");
        let cancel = async {
            // The confirmation has read the payment, and waits to write it.
            waiting(1).await;
            let gone = OrderState {
                status: OrderStatus::Cancelled,
                cancel_reason: Some(CancelReason::Buyer),
                ..order.clone()
            };
            let reason = CancelReason::Buyer;
            desk.orders
                .publish::<Order>(
                    &order.id.to_string(),
                    &OrderFact::Cancelled { reason },
                    &gone,
                )
                .await
                .unwrap();
            waiting(2).await;
            held.release().await.unwrap();
            gone
        };
        let (confirmed, gone) = tokio::join!(confirm, cancel);
        assert_eq!(confirmed.status, 303, "{}", confirmed.body);
        gone
    };
    let fact = OrderFact::PaymentRejected { payment_id };
    desk.say(fact, &gone, OrderStatus::Cancelled).await;
    desk.heard(payment_id, &PaymentFact::Voided).await;
    assert_eq!(desk.kinds(payment_id), ["started", "authorized", "voided"]);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_paid_once_however_many_replicas_are_asked() {
    let mut desk = Desk::open_shared().await;
    let other = desk.replica().await;
    for _ in 0..5 {
        let order = desk.order().await;
        desk.known(&order, OrderStatus::AwaitingPayment).await;
        let asked = (0..6).map(async |number| match number % 2 {
            0 => desk.pay(&order, "tok_visa").await,
            _ => pay_at(&desk, &other, &order).await,
        });
        let answers = join_all(asked).await;
        let begun = answers.iter().filter(|answer| answer.status == 201).count();
        assert_eq!(begun, 1, "{answers:?}");
        assert!(answers.iter().all(|answer| answer.status.is_success()));
    }
    desk.until_no_work().await;
    assert_eq!(desk.charges().await.len(), 5);
    desk.world.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_settle_each_payment_once() {
    let mut desk = Desk::open_shared().await;
    let other = desk.replica().await;
    let mut chosen = Vec::new();
    for number in 0..16 {
        let order = desk.order().await;
        let answered = match number % 2 {
            0 => desk.pay(&order, "tok_visa").await,
            _ => pay_at(&desk, &other, &order).await,
        };
        assert_eq!(answered.status, 201, "{}", answered.body);
        chosen.push((order, id_in(&answered.json())));
    }
    for (order, payment_id) in &chosen {
        let payment_id = *payment_id;
        let fact = OrderFact::Capturing { payment_id };
        desk.say(fact, order, OrderStatus::Capturing).await;
    }
    for (order, payment_id) in &chosen {
        let payment_id = *payment_id;
        desk.heard(payment_id, &PaymentFact::Captured).await;
        let fact = OrderFact::Completed { payment_id };
        desk.say(fact, order, OrderStatus::Complete).await;
    }
    desk.world.settle().await.unwrap();
    for (_, payment_id) in &chosen {
        assert_eq!(
            desk.kinds(*payment_id),
            ["started", "authorized", "captured"]
        );
    }
    desk.close().await;
}

/// A payment whose act this replica has taken: the attempt is under way, for a minute at most.
async fn taken_by(desk: &mut Desk, replica: &str) -> PaymentId {
    let order = desk.order().await;
    let payment_id = id_in(&desk.pay(&order, "tok_threeDSecureRequired").await.json());
    let ends = later(desk.world.now(), Duration::from_secs(60));
    let replica = replica.to_owned();
    let take = async move |tx: &mut Tx| {
        let sql = "update work set next_try_at = $2, holder = $3, attempts = 40 \
                   where payment_id = $1";
        tx.execute(sql, params![payment_id, ends, replica]).await
    };
    assert_eq!(desk.db().write(take).await.unwrap(), 1);
    payment_id
}

async fn attempts_of(desk: &Desk, payment_id: PaymentId) -> i64 {
    let look = async move |tx: &mut Tx| store::work::find(tx, payment_id).await;
    desk.db().read(look).await.unwrap().unwrap().attempts
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_replica_keeps_its_attempt_when_another_starts_or_looks() {
    let mut desk = Desk::open_shared().await;
    let other = desk.replica().await;
    let replica = other.gates["payments"].context.replica.to_string();
    let payment_id = taken_by(&mut desk, &replica).await;
    let _third = desk.replica().await;
    let (_, witness) = desk.complete().await;
    assert_eq!(desk.kinds(witness), ["started", "authorized", "captured"]);
    assert_eq!(attempts_of(&desk, payment_id).await, 40);
    desk.world.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_replica_was_at_when_it_died_is_taken_over_at_once() {
    let mut desk = Desk::open_shared().await;
    let payment_id = taken_by(&mut desk, "has died").await;
    let until = later(desk.world.now(), Duration::from_secs(10));
    let taken = async || Ok((attempts_of(&desk, payment_id).await > 40).then_some(()));
    desk.world.until(taken).await.unwrap();
    assert!(desk.world.now() < until, "its time had run out");
    desk.world.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_is_taken_or_let_go_and_never_both() {
    let desk = Desk::open_shared().await;
    let charge = desk.sandbox.authorize("k", hundred(), "tok_visa").await;
    let reference = charge.unwrap().reference;
    let row = format!("select 1 from charges where reference = '{reference}' for update");
    let held = desk.world.hold(&desk.sandbox_db, row).await.unwrap();
    let release = async {
        desk.world.until_waiting(&desk.sandbox_db, 2).await.unwrap();
        held.release().await.unwrap();
    };
    let (taken, let_go, ()) = tokio::join!(
        desk.sandbox.capture(&reference, "c"),
        desk.sandbox.void(&reference, "v"),
        release
    );
    assert_eq!(taken, let_go);
    let standing = taken.unwrap().standing;
    assert_ne!(standing, Standing::Authorized);
    desk.world.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn refunds_at_once_give_back_no_more_than_was_taken() {
    let desk = Desk::open_shared().await;
    let charge = desk.sandbox.authorize("k", hundred(), "tok_visa").await;
    let reference = charge.unwrap().reference;
    desk.sandbox.capture(&reference, "c").await.unwrap();
    let lock = "lock table refunds in exclusive mode".to_owned();
    let held = desk.world.hold(&desk.sandbox_db, lock).await.unwrap();
    let asked = (0..4).map(async |number| {
        let key = format!("r{number}");
        desk.sandbox.refund(&reference, 60, &key).await
    });
    let release = async {
        // All have come as far as they can.
        desk.world.until_waiting(&desk.sandbox_db, 4).await.unwrap();
        held.release().await.unwrap();
    };
    let (given, ()) = tokio::join!(join_all(asked), release);
    assert_eq!(
        given.iter().filter(|given| given.is_ok()).count(),
        1,
        "{given:?}"
    );
    let charge = desk.sandbox.charge(&reference).await.unwrap().unwrap();
    assert_eq!(charge.held_minor(), 40);
    desk.world.end().await.unwrap();
}
