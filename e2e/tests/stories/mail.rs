//! Messages at `/dev/mail`: each once, also after a crash.

use std::time::Duration;

use e2e::{Client, Composition, Marketplace};
use http::StatusCode;
use serde_json::json;

use crate::people::{pay, person, reserve, until};

/// `subject → recipient` of every message, sorted.
async fn messages(client: &mut Client) -> Vec<String> {
    let answer = client.get("/dev/mail").await.unwrap();
    assert_eq!(answer.status, StatusCode::OK);
    let page = String::from_utf8(answer.body.to_vec()).unwrap();
    let lines = page.lines().filter(|line| line.contains("<li>"));
    let told = |line: &str| {
        let parts: Vec<&str> = line
            .split("bdi>")
            .map(|part| part.trim_end_matches("</"))
            .collect();
        format!("{} → {}", parts[1], parts[3].split('@').next().unwrap())
    };
    let mut all: Vec<String> = lines.map(told).collect();
    all.sort();
    all
}

/// Waits for this many messages, and then whether more come.
async fn after(client: &mut Client, count: usize) -> Vec<String> {
    for _ in 0..100 {
        if messages(client).await.len() >= count {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    messages(client).await
}

#[tokio::test]
async fn each_message_is_sent_once() {
    let marketplace = Marketplace::start(Composition::told(), &[]).await.unwrap();
    let mut seller = person(&marketplace, "seller").await;
    let mut buyer = person(&marketplace, "buyer").await;
    let ticket = seller.list_ticket("Opera").await.unwrap();
    let cancelled = reserve(&mut buyer, &ticket).await;
    until(
        &mut buyer,
        &format!("/api/orders/{cancelled}"),
        "status",
        "awaiting:payment",
    )
    .await;
    buyer
        .call("DELETE", &format!("/api/orders/{cancelled}"), None, &[])
        .await
        .unwrap();
    let path = format!("/api/tickets/{ticket}");
    until(&mut buyer, &path, "status", "listed").await;
    let order = reserve(&mut buyer, &ticket).await;
    pay(&mut buyer, &order, "tok_chargeDeclined").await;
    assert_eq!(
        pay(&mut buyer, &order, "tok_visa").await,
        StatusCode::CREATED
    );
    until(&mut buyer, &path, "status", "sold").await;
    let refund = format!("/api/orders/{order}/refund");
    seller.post(&refund, &json!({"amount": 5})).await.unwrap();
    until(
        &mut buyer,
        &format!("/api/orders/{order}"),
        "status",
        "complete",
    )
    .await;
    for _ in 0..100 {
        let answer = seller.post(&refund, &json!({})).await.unwrap();
        if answer.status == StatusCode::ACCEPTED {
            break;
        }
        assert_eq!(answer.code(), "order_refunding");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    until(&mut buyer, &path, "status", "withdrawn").await;
    let expected = [
        "Held for you: Opera → buyer",
        "Held for you: Opera → buyer",
        "Money returned: Opera → buyer",
        "Money returned: Opera → buyer",
        "Order cancelled: Opera → buyer",
        "Sale refunded: Opera → seller",
        "Sale refunded: Opera → seller",
        "Sold: Opera → seller",
        "Your receipt: Opera → buyer",
    ];
    assert_eq!(after(&mut buyer, expected.len()).await, expected);
    let marketplace = marketplace.kill_and_restart(&[]).await.unwrap();
    let mut anybody = Client::connect(marketplace.address).await.unwrap();
    assert_eq!(after(&mut anybody, expected.len()).await, expected);
    if Composition::told() == Composition::Embedded {
        let log = marketplace.log().unwrap();
        assert!(log.contains("the last run did not end cleanly"), "{log}");
    }
    marketplace.audit_and_stop().await.unwrap();
}
