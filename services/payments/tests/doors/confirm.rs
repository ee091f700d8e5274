//! Cards whose owner has to confirm (3-D Secure).

use std::time::Duration;

use contracts::events::orders::{CancelReason, OrderFact, OrderState, OrderStatus};
use contracts::events::payments::PaymentFact;
use contracts::ids::PaymentId;

use crate::desk::{Desk, header, id_in};

async fn confirming(desk: &mut Desk) -> (OrderState, PaymentId, String) {
    let order = desk.order().await;
    let answered = desk.pay(&order, "tok_threeDSecureRequired").await;
    assert_eq!(answered.status, 201, "{}", answered.body);
    let view = answered.json();
    assert_eq!(view["status"], "started");
    let url = view["actionUrl"].as_str().unwrap().to_owned();
    (order, id_in(&view), url)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmed_payment_is_authorised_at_once() {
    let mut desk = Desk::open().await;
    let (order, id, url) = confirming(&mut desk).await;
    let page = desk.world.call("GET", &url, None, None).await.unwrap();
    assert_eq!(page.status, 200);
    assert!(
        page.body.contains("$20.00") && page.body.contains("Approve"),
        "{}",
        page.body
    );
    assert!(header(&page.headers, "content-security-policy").starts_with("default-src 'none'"));
    let answered = desk.confirm(&url, "approve").await;
    assert_eq!(answered.status, 303);
    assert_eq!(
        header(&answered.headers, "location"),
        format!("/orders/{}", order.id)
    );
    let view = desk
        .get(desk.buyer, &format!("/api/payments/{id}"))
        .await
        .json();
    assert_eq!(
        (view["status"].as_str(), view.get("actionUrl")),
        (Some("authorized"), None)
    );
    desk.heard(id, &PaymentFact::Authorized).await;
    let late = desk.confirm(&url, "decline").await;
    assert_eq!(late.status, 303);
    let page = desk.world.call("GET", &url, None, None).await.unwrap();
    assert!(page.body.contains("nothing to confirm"), "{}", page.body);
    assert_eq!(desk.kinds(id), ["started", "authorized"]);
    desk.world.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_is_not_confirmed_fails() {
    let mut desk = Desk::open().await;
    let (_, id, url) = confirming(&mut desk).await;
    assert_eq!(desk.confirm(&url, "decline").await.status, 303);
    desk.heard(
        id,
        &PaymentFact::Failed {
            code: "authentication_required".to_owned(),
        },
    )
    .await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmation_that_nobody_told_us_of_is_seen() {
    let mut desk = Desk::open().await;
    let (_, id, url) = confirming(&mut desk).await;
    let reference = url.rsplit('/').next().unwrap().to_owned();
    desk.sandbox.confirm(&reference, true).await.unwrap();
    desk.advance(Duration::from_secs(31));
    desk.heard(id, &PaymentFact::Authorized).await;
    desk.world.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_order_needs_no_confirmation() {
    let mut desk = Desk::open().await;
    let (order, id, url) = confirming(&mut desk).await;
    let reason = CancelReason::Expired;
    desk.say(
        OrderFact::Cancelled { reason },
        &order,
        OrderStatus::Cancelled,
    )
    .await;
    desk.heard(id, &PaymentFact::Voided).await;
    assert_eq!(desk.confirm(&url, "approve").await.status, 303);
    assert_eq!(desk.kinds(id), ["started", "voided"]);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_at_the_page_is_refused() {
    let mut desk = Desk::open().await;
    let (_, _, url) = confirming(&mut desk).await;
    assert_eq!(desk.confirm(&url, "perhaps").await.status, 400);
    assert_eq!(
        desk.confirm("/sandbox/actions/ch_%00", "approve")
            .await
            .status,
        404,
        "a character that no database text has"
    );
    assert_eq!(
        desk.confirm("/sandbox/actions/ch_nothing", "approve")
            .await
            .status,
        404
    );
    let page = desk
        .world
        .call("GET", "/sandbox/actions/ch_nothing", None, None)
        .await
        .unwrap();
    assert_eq!(page.status, 404);
    assert_eq!(desk.confirm(&url, "decline").await.status, 303);
    desk.close().await;
}
