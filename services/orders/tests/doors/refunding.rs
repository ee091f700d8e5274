//! Giving money back.

use contracts::events::orders::{OrderFact, OrderStatus, TicketFate};
use contracts::events::payments::{PaymentFact, PaymentState};
use serde_json::json;

use crate::market::{Market, path};

#[tokio::test]
async fn a_part_given_back_leaves_the_order_complete() {
    let market = Market::open().await;
    let (seller, buyer) = (market.person(), market.person());
    let (order, payment) = market.paid(&buyer, &market.listed(&seller).await).await;
    let refund = format!("{}/refund", path(&order));

    let part = json!({ "amount": 9.99, "relist": true });
    let answered = market.post(&seller, &refund, part).await;
    assert_eq!(answered.status, 202, "{}", answered.body);
    assert_eq!(answered.headers["etag"], "\"6\"");
    assert_eq!(answered.json()["status"], "complete");
    assert_eq!(answered.json()["refunding"], true);
    let again = market.post(&seller, &refund, json!({})).await;
    assert_eq!(again.code(), "order_refunding");
    assert_eq!(
        market.delete(&buyer, &path(&order)).await.code(),
        "order_paid"
    );

    give_back(&market, &payment, 999, 999).await;
    let shown = market.get(&buyer, &path(&order)).await.json();
    assert_eq!(
        (&shown["refunding"], &shown["refunded"]),
        (&json!(false), &json!(9.99))
    );
    let too_much = market
        .post(&seller, &refund, json!({ "amount": 10.01 }))
        .await;
    assert_eq!(too_much.status, 400);
    assert_eq!(market.post(&seller, &refund, json!({})).await.status, 202);
    give_back(&market, &payment, 1999, 1000).await;

    let payment_id = payment.id;
    let (relist, withdraw) = (TicketFate::Relist, TicketFate::Withdraw);
    let story = [
        OrderFact::RefundRequested {
            payment_id,
            amount_minor: 999,
            fate: relist,
        },
        OrderFact::Refunded {
            payment_id,
            amount_minor: 999,
            fate: relist,
        },
        OrderFact::RefundRequested {
            payment_id,
            amount_minor: 1000,
            fate: withdraw,
        },
        OrderFact::Refunded {
            payment_id,
            amount_minor: 1000,
            fate: withdraw,
        },
    ];
    assert_eq!(market.story(order.id).await[5..], story);
    let state = market.heard(order.id, OrderStatus::Refunded).await;
    assert_eq!(state.refunded_minor, 1999);
    market.close().await;
}

#[tokio::test]
async fn the_whole_given_back_ends_the_order_and_frees_the_ticket() {
    let market = Market::open().await;
    let (seller, buyer) = (market.person(), market.person());
    let ticket = market.listed(&seller).await;
    let (order, payment) = market.paid(&buyer, &ticket).await;
    let refund = format!("{}/refund", path(&order));
    assert_eq!(market.post(&seller, &refund, json!({})).await.status, 202);
    assert_eq!(
        market.ask(&market.person(), ticket.id).await.code(),
        "ticket_reserved"
    );
    give_back(&market, &payment, 1999, 1999).await;
    let shown = market.get(&buyer, &path(&order)).await.json();
    assert_eq!(
        (&shown["status"], &shown["refunded"]),
        (&json!("refunded"), &json!(19.99))
    );
    assert_eq!(
        market.post(&seller, &refund, json!({})).await.code(),
        "order_refunded"
    );
    assert_eq!(
        market.delete(&buyer, &path(&order)).await.code(),
        "order_paid"
    );
    market.reserve(&market.person(), ticket.id).await;
    market.close().await;
}

async fn give_back(
    market: &Market,
    payment: &PaymentState,
    refunded_minor: i64,
    amount_minor: i64,
) {
    let state = PaymentState {
        refunded_minor,
        ..payment.clone()
    };
    let event = market
        .publish_payment(&state, PaymentFact::Refunded { amount_minor })
        .await;
    market.dealt_with(&event).await;
}

#[tokio::test]
async fn only_the_seller_of_a_paid_order_can_give_money_back() {
    let market = Market::open().await;
    let (seller, buyer) = (market.person(), market.person());
    let unpaid = market.held(&buyer, &market.listed(&seller).await).await;
    let refund = format!("{}/refund", path(&unpaid));
    let answered = market.post(&seller, &refund, json!({})).await;
    assert_eq!(answered.status, 409);
    assert_eq!(answered.code(), "order_not_complete");
    assert_eq!(market.post(&buyer, &refund, json!({})).await.status, 403);
    assert_eq!(
        market
            .post(&market.person(), &refund, json!({}))
            .await
            .status,
        403
    );
    let nobody = market
        .world
        .call("POST", &refund, None, Some(json!({})))
        .await
        .unwrap();
    assert_eq!(nobody.status, 401);
    market.close().await;
}

#[tokio::test]
async fn an_amount_that_can_not_be_given_back_is_named() {
    let market = Market::open().await;
    let seller = market.person();
    let (order, _) = market
        .paid(&market.person(), &market.listed(&seller).await)
        .await;
    let refund = format!("{}/refund", path(&order));
    for amount in [
        json!(0),
        json!(-1),
        json!(20),
        json!(0.001),
        json!("1,99"),
        json!([]),
    ] {
        let answered = market
            .post(&seller, &refund, json!({ "amount": amount }))
            .await;
        assert_eq!(answered.status, 400, "{amount}");
        assert_eq!(answered.json()["errors"][0]["field"], "amount");
    }
    let answered = market
        .post(&seller, &refund, json!({ "amount": "x", "relist": 1 }))
        .await;
    assert_eq!(answered.json()["errors"].as_array().unwrap().len(), 2);
    let answered = market
        .post(&seller, &refund, json!({ "amount": "19.99" }))
        .await;
    assert_eq!(answered.status, 202, "{}", answered.body);
    market.close().await;
}

#[tokio::test]
async fn a_refund_needs_no_body() {
    let market = Market::open().await;
    let (seller, buyer) = (market.person(), market.person());
    let (order, payment) = market.paid(&buyer, &market.listed(&seller).await).await;
    let refund = format!("{}/refund", path(&order));
    let world = &market.world;
    let asked = world.call("POST", &refund, Some(&seller.cookie), None);
    let answered = asked.await.unwrap();
    assert_eq!(answered.status, 202, "{}", answered.body);
    give_back(&market, &payment, 1999, 1999).await;
    let shown = market.get(&buyer, &path(&order)).await.json();
    assert_eq!(shown["status"], "refunded");
    market.close().await;
}
