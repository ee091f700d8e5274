//! One story for each way in which an order can end.

use std::time::Duration;

use e2e::{Client, Composition, Marketplace};
use http::StatusCode;
use serde_json::{Value, json};

use crate::people::{mailed, pay, person, reserve, see, until};

struct Stage {
    marketplace: Marketplace,
    seller: Client,
    buyer: Client,
    ticket: String,
}

async fn stage(settings: &[&str]) -> Stage {
    let marketplace = Marketplace::start(Composition::told(), settings)
        .await
        .unwrap();
    let mut seller = person(&marketplace, "seller").await;
    let buyer = person(&marketplace, "buyer").await;
    let ticket = seller.list_ticket("Concert, row 3").await.unwrap();
    Stage {
        marketplace,
        seller,
        buyer,
        ticket,
    }
}

impl Stage {
    fn ticket_path(&self) -> String {
        format!("/api/tickets/{}", self.ticket)
    }

    async fn ends_for_sale_again(mut self) {
        let path = self.ticket_path();
        until(&mut self.seller, &path, "status", "listed").await;
        let mut other = person(&self.marketplace, "other").await;
        let order = reserve(&mut other, &self.ticket).await;
        assert_eq!(
            pay(&mut other, &order, "tok_visa").await,
            StatusCode::CREATED
        );
        until(
            &mut other,
            &format!("/api/orders/{order}"),
            "status",
            "complete",
        )
        .await;
        until(&mut other, &path, "status", "sold").await;
        self.marketplace.audit_and_stop().await.unwrap();
    }
}

#[tokio::test]
async fn paid() {
    let mut stage = stage(&[]).await;
    let order = reserve(&mut stage.buyer, &stage.ticket).await;
    assert_eq!(
        pay(&mut stage.buyer, &order, "tok_visa").await,
        StatusCode::CREATED
    );
    until(
        &mut stage.buyer,
        &format!("/api/orders/{order}"),
        "status",
        "complete",
    )
    .await;
    let path = stage.ticket_path();
    until(&mut stage.buyer, &path, "status", "sold").await;
    let payments = see(&mut stage.buyer, &format!("/api/payments?orderId={order}")).await;
    assert_eq!(payments.as_array().map(Vec::len), Some(1));
    assert_eq!(payments[0]["status"], "captured");
    stage.marketplace.audit_and_stop().await.unwrap();
}

#[tokio::test]
async fn cancelled_by_the_buyer() {
    let mut stage = stage(&[]).await;
    let order = reserve(&mut stage.buyer, &stage.ticket).await;
    let path = format!("/api/orders/{order}");
    for _ in 0..2 {
        let answer = stage.buyer.call("DELETE", &path, None, &[]).await.unwrap();
        assert_eq!(answer.status, StatusCode::NO_CONTENT);
    }
    assert_eq!(see(&mut stage.buyer, &path).await["cancelReason"], "buyer");
    stage.ends_for_sale_again().await;
}

#[tokio::test]
async fn expired() {
    let mut stage = stage(&["--order-hold", "1s"]).await;
    let order = reserve(&mut stage.buyer, &stage.ticket).await;
    let path = format!("/api/orders/{order}");
    until(&mut stage.buyer, &path, "status", "cancelled").await;
    assert_eq!(
        see(&mut stage.buyer, &path).await["cancelReason"],
        "expired"
    );
    assert_eq!(
        pay(&mut stage.buyer, &order, "tok_visa").await,
        StatusCode::CONFLICT
    );
    stage.ends_for_sale_again().await;
}

#[tokio::test]
async fn declined_then_paid_with_another_card() {
    let mut stage = stage(&[]).await;
    let order = reserve(&mut stage.buyer, &stage.ticket).await;
    let declined = pay(&mut stage.buyer, &order, "tok_chargeDeclined").await;
    assert_eq!(declined, StatusCode::PAYMENT_REQUIRED);
    assert_eq!(
        pay(&mut stage.buyer, &order, "tok_mastercard").await,
        StatusCode::CREATED
    );
    until(
        &mut stage.buyer,
        &format!("/api/orders/{order}"),
        "status",
        "complete",
    )
    .await;
    stage.marketplace.audit_and_stop().await.unwrap();
}

#[tokio::test]
async fn authorised_and_then_not_to_be_captured() {
    let mut stage = stage(&[]).await;
    let order = reserve(&mut stage.buyer, &stage.ticket).await;
    assert_eq!(
        pay(&mut stage.buyer, &order, "tok_captureDeclined").await,
        StatusCode::CREATED
    );
    let path = format!("/api/orders/{order}");
    until(&mut stage.buyer, &path, "status", "cancelled").await;
    let seen = see(&mut stage.buyer, &path).await;
    assert_eq!(seen["cancelReason"], "payment_failed");
    let payments = see(&mut stage.buyer, &format!("/api/payments?orderId={order}")).await;
    assert_eq!(payments.as_array().map(Vec::len), Some(1));
    assert_eq!(
        (&payments[0]["status"], &payments[0]["failureCode"]),
        (&json!("failed"), &json!("card_declined"))
    );
    let page = stage.buyer.get(&format!("/orders/{order}")).await.unwrap();
    let page = String::from_utf8(page.body.to_vec()).unwrap();
    assert!(page.contains("The payment could not be taken"), "{page}");
    let mail = mailed(&mut stage.buyer, "Order cancelled: Concert, row 3").await;
    assert!(mail.contains("The payment could not be taken"), "{mail}");
    assert!(mail.contains("You have not been charged."), "{mail}");
    stage.ends_for_sale_again().await;
}

#[tokio::test]
async fn a_declined_card_buys_no_extra_time() {
    let mut stage = stage(&["--order-hold", "2s", "--payment-grace", "60s"]).await;
    let order = reserve(&mut stage.buyer, &stage.ticket).await;
    let declined = pay(&mut stage.buyer, &order, "tok_chargeDeclined").await;
    assert_eq!(declined, StatusCode::PAYMENT_REQUIRED);
    until(
        &mut stage.buyer,
        &format!("/api/orders/{order}"),
        "status",
        "cancelled",
    )
    .await;
    stage.ends_for_sale_again().await;
}

async fn sold(settings: &[&str]) -> (Stage, String) {
    let mut stage = stage(settings).await;
    let order = reserve(&mut stage.buyer, &stage.ticket).await;
    assert_eq!(
        pay(&mut stage.buyer, &order, "tok_visa").await,
        StatusCode::CREATED
    );
    let path = stage.ticket_path();
    until(&mut stage.buyer, &path, "status", "sold").await;
    (stage, order)
}

async fn refund(stage: &mut Stage, order: &str, body: &Value) {
    let path = format!("/api/orders/{order}/refund");
    let by_buyer = stage.buyer.post(&path, body).await.unwrap();
    assert_eq!(by_buyer.status, StatusCode::FORBIDDEN);
    let answer = stage.seller.post(&path, body).await.unwrap();
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{:?}", answer.body);
    assert_eq!(answer.json()["refunding"], true);
}

#[tokio::test]
async fn refunded_and_offered_again() {
    let (mut stage, order) = sold(&[]).await;
    refund(&mut stage, &order, &json!({"relist": true})).await;
    until(
        &mut stage.buyer,
        &format!("/api/orders/{order}"),
        "status",
        "refunded",
    )
    .await;
    stage.ends_for_sale_again().await;
}

#[tokio::test]
async fn refunded_and_withdrawn() {
    let (mut stage, order) = sold(&[]).await;
    refund(&mut stage, &order, &json!({})).await;
    until(
        &mut stage.buyer,
        &format!("/api/orders/{order}"),
        "status",
        "refunded",
    )
    .await;
    let path = stage.ticket_path();
    until(&mut stage.buyer, &path, "status", "withdrawn").await;
    stage.marketplace.audit_and_stop().await.unwrap();
}

#[tokio::test]
async fn refunded_in_part() {
    let (mut stage, order) = sold(&[]).await;
    refund(&mut stage, &order, &json!({"amount": 5.5})).await;
    let path = format!("/api/orders/{order}");
    for _ in 0..100 {
        let seen = see(&mut stage.buyer, &path).await;
        if seen["refunded"] == 5.5 && seen["refunding"] == false {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let seen = see(&mut stage.buyer, &path).await;
    assert_eq!(
        (seen["status"].as_str(), seen["refunded"].to_string()),
        (Some("complete"), "5.5".to_owned())
    );
    stage.marketplace.audit_and_stop().await.unwrap();
}

#[tokio::test]
async fn ones_own_ticket_is_refused() {
    let mut stage = stage(&[]).await;
    let body = json!({"ticketId": stage.ticket});
    let answer = stage.seller.post("/api/orders", &body).await.unwrap();
    assert_eq!(
        (answer.status, answer.code()),
        (StatusCode::CONFLICT, "own_ticket".to_owned())
    );
    stage.marketplace.audit_and_stop().await.unwrap();
}
