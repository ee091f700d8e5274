//! Giving a ticket back.

use axum::body::Body;
use axum::http::Request;
use contracts::events::orders::{CancelReason, OrderFact, OrderStatus};
use contracts::events::payments::PaymentFact;

use crate::market::{Market, path};

#[tokio::test]
async fn a_buyer_gives_a_ticket_back_once() {
    let market = Market::open().await;
    let seller = market.person();
    let (buyer, other) = (market.person(), market.person());
    let ticket = market.listed(&seller).await;
    let order = market.held(&buyer, &ticket).await;
    assert_eq!(market.delete(&other, &path(&order)).await.status, 403);
    assert_eq!(market.delete(&seller, &path(&order)).await.status, 403);
    let nobody = market
        .world
        .call("DELETE", &path(&order), None, None)
        .await
        .unwrap();
    assert_eq!(nobody.status, 401);
    let answered = market.delete(&buyer, &path(&order)).await;
    assert_eq!(
        (answered.status.as_u16(), answered.body.as_str()),
        (204, "")
    );
    assert_eq!(market.delete(&buyer, &path(&order)).await.status, 204);
    let reason = CancelReason::Buyer;
    let story = [
        OrderFact::Created,
        OrderFact::AwaitingPayment,
        OrderFact::Cancelled { reason },
    ];
    assert_eq!(market.story(order.id).await, story);
    market.reserve(&other, ticket.id).await;
    market.close().await;
}

#[tokio::test]
async fn an_order_that_is_paid_or_being_paid_stays() {
    let market = Market::open().await;
    let buyer = market.person();
    let order = market
        .held(&buyer, &market.listed(&market.person()).await)
        .await;
    let payment = market.payment(&order);
    market
        .publish_payment(&payment, PaymentFact::Authorized)
        .await;
    market.heard(order.id, OrderStatus::Capturing).await;
    let answered = market.delete(&buyer, &path(&order)).await;
    assert_eq!(
        (answered.status.as_u16(), answered.code().as_str()),
        (409, "order_paying")
    );
    assert_eq!(
        market.get(&buyer, &path(&order)).await.json()["status"],
        "paying"
    );
    market
        .publish_payment(&payment, PaymentFact::Captured)
        .await;
    market.heard(order.id, OrderStatus::Complete).await;
    let answered = market.delete(&buyer, &path(&order)).await;
    assert_eq!(
        (answered.status.as_u16(), answered.code().as_str()),
        (409, "order_paid")
    );
    market.close().await;
}

#[tokio::test]
async fn an_order_that_has_changed_is_not_cancelled_blindly() {
    let market = Market::open().await;
    let buyer = market.person();
    let order = market
        .held(&buyer, &market.listed(&market.person()).await)
        .await;
    let delete = async |etag: &str| {
        let request = Request::delete(path(&order))
            .header("cookie", &buyer.cookie)
            .header("if-match", etag);
        market
            .world
            .send(request.body(Body::empty()).unwrap())
            .await
            .unwrap()
            .status
            .as_u16()
    };
    assert_eq!(delete("\"1\"").await, 412);
    assert_eq!(
        market.get(&buyer, &path(&order)).await.json()["status"],
        "awaiting:payment"
    );
    assert_eq!(delete("\"2\"").await, 204);
    assert_eq!(delete("\"2\"").await, 204, "a repeat finds what it wanted");
    market.close().await;
}
