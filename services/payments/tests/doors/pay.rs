//! Paying: what is refused, what is declined, and what happens once for one key.

use std::time::Duration;

use contracts::events::orders::{CancelReason, OrderFact, OrderStatus};
use contracts::events::payments::PaymentFact;
use payments::domain::charge::Standing;
use payments::provider::sandbox::cards;
use serde_json::json;

use crate::desk::{Desk, header, id_in, unknown_order};

#[tokio::test(flavor = "multi_thread")]
async fn every_good_card_is_authorised() {
    let mut desk = Desk::open().await;
    for token in cards::GOOD {
        let order = desk.order().await;
        let answered = desk.pay(&order, token).await;
        assert_eq!(answered.status, 201, "{token}: {}", answered.body);
        let view = answered.json();
        assert_eq!(view["status"], "authorized", "{token}");
        assert_eq!(view["orderId"], json!(order.id));
        assert_eq!(
            (&view["amount"], &view["currency"]),
            (&json!(20), &json!("usd"))
        );
        assert!(!answered.body.contains("tok_"), "the token stays a secret");
        let id = id_in(&view);
        assert_eq!(
            header(&answered.headers, "location"),
            format!("/api/payments/{id}")
        );
        desk.heard(id, &PaymentFact::Authorized).await;
        assert_eq!(desk.kinds(id), ["started", "authorized"]);
    }
    desk.world.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declined_card_is_a_402_and_another_card_may_follow() {
    let mut desk = Desk::open().await;
    let order = desk.order().await;
    for (token, code) in cards::DECLINED {
        let answered = desk.pay(&order, token).await;
        assert_eq!(
            (answered.status.as_u16(), answered.code()),
            (402, code.to_owned()),
            "{token}"
        );
        assert!(
            answered.json()["errors"][0]["message"]
                .as_str()
                .unwrap()
                .len()
                > 10
        );
    }
    let id = desk.authorized(&order).await;
    let listed = desk
        .get(desk.buyer, &format!("/api/payments?orderId={}", order.id))
        .await
        .json();
    let listed = listed.as_array().unwrap();
    assert_eq!(listed.len(), cards::DECLINED.len() + 1);
    assert_eq!(listed[0]["failureCode"], "card_declined");
    assert_eq!(listed.last().unwrap()["id"], json!(id));
    let events = desk.world.events.lock().unwrap().clone();
    assert!(
        events
            .iter()
            .all(|event| !event.data.get().contains("tok_"))
    );
    desk.world.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_names_every_bad_field() {
    let mut desk = Desk::open().await;
    let order = desk.order().await;
    let long = "x".repeat(201);
    for token in [
        json!(null),
        json!(1),
        json!([]),
        json!(""),
        json!("a b"),
        json!("\u{0}"),
        json!(long),
    ] {
        let body = json!({"orderId": order.id, "token": token});
        let answered = desk.post(desk.buyer, None, &body).await;
        assert_eq!(
            (answered.status.as_u16(), answered.code().as_str()),
            (400, "invalid_input")
        );
        assert_eq!(
            answered.json()["errors"][0]["field"],
            "token",
            "{}",
            answered.body
        );
    }
    let answered = desk.post(desk.buyer, None, &json!({"orderId": "x"})).await;
    let fields: Vec<_> = answered.json()["errors"].as_array().unwrap().clone();
    assert_eq!((answered.status.as_u16(), fields.len()), (400, 2));
    let answered = desk.pay(&order, "tok_nobody").await;
    assert_eq!(
        (answered.status.as_u16(), answered.code().as_str()),
        (400, "invalid_token")
    );
    assert_eq!(answered.json()["errors"][0]["field"], "token");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_buyer_pays_and_sees() {
    let mut desk = Desk::open().await;
    let order = desk.order().await;
    let stranger = desk.world.new_id();
    let body = json!({"orderId": order.id, "token": "tok_visa"});
    let answered = desk.post(stranger, None, &body).await;
    assert_eq!(
        (answered.status.as_u16(), answered.code().as_str()),
        (403, "not_your_order")
    );
    let id = desk.authorized(&order).await;
    let one = format!("/api/payments/{id}");
    let all = format!("/api/payments?orderId={}", order.id);
    for path in [&one, &all] {
        assert_eq!(desk.get(stranger, path).await.status, 403, "{path}");
        assert_eq!(desk.get(desk.buyer, path).await.status, 200, "{path}");
        assert_eq!(
            desk.world
                .call("GET", path, None, None)
                .await
                .unwrap()
                .status,
            401
        );
    }
    let shown = desk.get(desk.buyer, &one).await;
    assert_eq!(header(&shown.headers, "etag"), "\"2\"");
    assert_eq!(
        desk.get(desk.buyer, "/api/payments/nonsense").await.status,
        404
    );
    assert_eq!(
        desk.get(desk.buyer, "/api/payments?orderId=nonsense")
            .await
            .status,
        404
    );
    assert_eq!(desk.get(desk.buyer, "/api/payments").await.status, 400);
    let answered = desk
        .world
        .call("POST", "/api/payments", None, Some(body))
        .await
        .unwrap();
    assert_eq!(answered.status, 401);
    desk.world.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_on_its_way_is_waited_for() {
    let mut desk = Desk::open().await;
    let order = desk.created_order().await;
    let answered = desk.pay(&order, "tok_visa").await;
    assert_eq!(
        (answered.status.as_u16(), answered.code().as_str()),
        (409, "not_ready")
    );
    assert_eq!(header(&answered.headers, "retry-after"), "1");
    let late = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        desk.orders
            .publish::<contracts::events::orders::Order>(
                &order.id.to_string(),
                &OrderFact::AwaitingPayment,
                &contracts::events::orders::OrderState {
                    status: OrderStatus::AwaitingPayment,
                    ..order.clone()
                },
            )
            .await
            .unwrap();
    };
    let (answered, ()) = tokio::join!(desk.pay(&order, "tok_visa"), late);
    assert_eq!(answered.status, 201, "{}", answered.body);
    desk.world.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_order_is_waited_for_only_while_its_id_is_fresh() {
    let desk = Desk::open().await;
    let old = unknown_order(&desk);
    desk.advance(Duration::from_secs(6));
    let began = tokio::time::Instant::now();
    let body = json!({"orderId": old, "token": "tok_visa"});
    assert_eq!(desk.post(desk.buyer, None, &body).await.status, 404);
    assert!(began.elapsed() < Duration::from_secs(1));
    let body = json!({"orderId": unknown_order(&desk), "token": "tok_visa"});
    let began = tokio::time::Instant::now();
    assert_eq!(desk.post(desk.buyer, None, &body).await.status, 404);
    assert!(began.elapsed() >= Duration::from_secs(2));
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_can_not_be_paid_says_why() {
    let mut desk = Desk::open().await;
    let cancelled = |reason| OrderFact::Cancelled { reason };
    let payment_id = desk.world.new_id();
    let cases = [
        (
            cancelled(CancelReason::Buyer),
            OrderStatus::Cancelled,
            "order_cancelled",
        ),
        (
            cancelled(CancelReason::Expired),
            OrderStatus::Cancelled,
            "order_expired",
        ),
        (
            OrderFact::Completed { payment_id },
            OrderStatus::Complete,
            "order_paid",
        ),
    ];
    for (fact, status, code) in cases {
        let order = desk.order().await;
        let gone = desk.say(fact, &order, status).await;
        desk.known(&gone, status).await;
        let answered = desk.pay(&gone, "tok_visa").await;
        assert_eq!(
            (answered.status.as_u16(), answered.code().as_str()),
            (409, code)
        );
    }
    let order = desk.order().await;
    desk.known(&order, OrderStatus::AwaitingPayment).await;
    desk.advance(Duration::from_secs(901));
    let late = desk.pay(&order, "tok_visa").await;
    assert_eq!(
        (late.status.as_u16(), late.code().as_str()),
        (409, "order_expired")
    );
    desk.world.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_payment_gets_the_first_one() {
    let mut desk = Desk::open().await;
    let order = desk.order().await;
    let (first, second) = tokio::join!(desk.pay(&order, "tok_visa"), desk.pay(&order, "tok_amex"));
    let mut statuses = [first.status.as_u16(), second.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 201]);
    assert_eq!(id_in(&first.json()), id_in(&second.json()));
    let charges = desk.charges().await;
    assert_eq!(charges.len(), 1);
    assert_eq!(charges[0].standing, Standing::Authorized);
    desk.world.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_has_one_effect_also_across_a_crash() {
    let mut desk = Desk::open().await;
    let (good, bad) = (desk.order().await, desk.order().await);
    let first = desk.pay_with_key(&good, "tok_visa", "k1").await;
    let declined = desk.pay_with_key(&bad, "tok_chargeDeclined", "k2").await;
    assert_eq!(
        (first.status.as_u16(), declined.status.as_u16()),
        (201, 402)
    );
    let reused = desk.pay_with_key(&good, "tok_amex", "k1").await;
    assert_eq!(reused.status, 422);
    let forget =
        async |tx: &mut platform::Tx| tx.execute("delete from idempotency_keys", &[]).await;
    desk.db().write(forget).await.unwrap();
    let desk = desk.crash().await;
    let again = desk.pay_with_key(&good, "tok_visa", "k1").await;
    assert_eq!(
        (again.status, id_in(&again.json())),
        (first.status, id_in(&first.json()))
    );
    let declined_again = desk.pay_with_key(&bad, "tok_chargeDeclined", "k2").await;
    assert_eq!(
        (declined_again.status, declined_again.code()),
        (declined.status, declined.code())
    );
    assert_eq!(desk.charges().await.len(), 2);
    desk.world.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_finds_a_row_that_was_changed_without_an_event() {
    let mut desk = Desk::open().await;
    let order = desk.order().await;
    desk.authorized(&order).await;
    let (change, undo) = (
        "update payments set amount_minor = amount_minor + 1",
        "update payments set amount_minor = amount_minor - 1",
    );
    let found = desk.world.found_after("payments", change, undo).await;
    let found = found.unwrap();
    let told = "the row is not what version 2, the last of its log, says";
    assert!(found.len() == 1 && found[0].ends_with(told), "{found:?}");
    desk.close().await;
}
