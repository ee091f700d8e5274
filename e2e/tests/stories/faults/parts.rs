//! While a service is away the others go on; what was begun is finished when it is back, by itself.

use e2e::{Client, Cluster, Composition, Marketplace};
use http::StatusCode;
use serde_json::json;

use super::{nothing_is_held_up, page, says_come_again, says_what_is_away, sign_in, submit};
use crate::people::{pay, person, reserve, until};

/// Short enough that a hold runs out while something is away, long enough to be paid.
const HOLD: &[&str] = &["--order-hold", "6s", "--payment-grace", "6s"];

struct Stage {
    marketplace: Marketplace,
    cluster: Cluster,
    seller: Client,
    buyer: Client,
}

async fn stage(settings: &[&str]) -> Stage {
    let marketplace = Marketplace::start(Composition::Apart, settings)
        .await
        .unwrap();
    Stage {
        cluster: Cluster::of(&marketplace),
        seller: person(&marketplace, "seller").await,
        buyer: person(&marketplace, "buyer").await,
        marketplace,
    }
}

impl Stage {
    /// What needs nothing of what is away: looking, listing, signing in, reserving. Answers the order.
    async fn goes_on(&mut self) -> String {
        page(&mut self.buyer, "/", StatusCode::OK).await;
        let list = self.buyer.get("/api/tickets").await.unwrap();
        assert_eq!(list.status, StatusCode::OK, "{:?}", list.body);
        let ticket = self.seller.list_ticket("Listed meanwhile").await.unwrap();
        self.buyer = sign_in(&self.buyer, "buyer").await;
        let order = reserve(&mut self.buyer, &ticket).await;
        let path = format!("/api/orders/{order}");
        until(&mut self.buyer, &path, "status", "awaiting:payment").await;
        order
    }

    async fn ends(self) {
        self.marketplace.come_to_rest().await.unwrap();
        nothing_is_held_up(&self.marketplace).await;
        self.marketplace.audit_and_stop().await.unwrap();
    }
}

#[tokio::test]
async fn without_payments_the_rest_goes_on_and_what_was_begun_is_finished() {
    let mut stage = stage(&[]).await;
    // A payment that waits for its customer, of an order that is given up while payments is away.
    let ticket = stage.seller.list_ticket("Given up").await.unwrap();
    let given_up = reserve(&mut stage.buyer, &ticket).await;
    let body = json!({"orderId": given_up, "token": "tok_threeDSecureRequired"});
    let begun = stage.buyer.post("/api/payments", &body).await.unwrap();
    assert_eq!(begun.status, StatusCode::CREATED, "{:?}", begun.body);
    stage.cluster.hold("payments").await.unwrap();

    let order = stage.goes_on().await;
    let given_up = format!("/api/orders/{given_up}");
    let cancelled = stage.buyer.call("DELETE", &given_up, None, &[]).await;
    assert_eq!(cancelled.unwrap().status, StatusCode::NO_CONTENT);
    let card = json!({"orderId": order, "token": "tok_visa"});
    says_come_again(&stage.buyer.post("/api/payments", &card).await.unwrap());
    let shown = format!("/orders/{order}");
    let shown = page(&mut stage.buyer, &shown, StatusCode::OK).await;
    assert!(shown.contains("Payments are not answering"), "{shown}");
    let form = format!("/orders/{order}/payment");
    let refused = submit(&mut stage.buyer, &form, "token=tok_visa").await;
    says_what_is_away(&refused, "Payments are not answering");

    stage.cluster.release("payments").await.unwrap();
    let paid = submit(&mut stage.buyer, &form, "token=tok_visa").await;
    assert_eq!(paid.status, StatusCode::SEE_OTHER, "{:?}", paid.body);
    let order = format!("/api/orders/{order}");
    until(&mut stage.buyer, &order, "status", "complete").await;
    let payment = format!("/api/payments/{}", begun.text("id").unwrap());
    until(&mut stage.buyer, &payment, "status", "voided").await;
    stage.ends().await;
}

#[tokio::test]
async fn without_expiration_one_can_pay_and_time_runs_out_later() {
    let mut stage = stage(HOLD).await;
    stage.cluster.hold("expiration").await.unwrap();
    let paid = stage.goes_on().await;
    assert_eq!(
        pay(&mut stage.buyer, &paid, "tok_visa").await,
        StatusCode::CREATED
    );
    let path = format!("/api/orders/{paid}");
    until(&mut stage.buyer, &path, "status", "complete").await;
    let unpaid = format!("/api/orders/{}", stage.goes_on().await);
    let order = stage.buyer.get(&unpaid).await.unwrap().json();
    let ticket = order["ticket"]["id"].as_str().unwrap().to_owned();

    stage.cluster.release("expiration").await.unwrap();
    until(&mut stage.buyer, &unpaid, "status", "cancelled").await;
    let ticket = format!("/api/tickets/{ticket}");
    until(&mut stage.buyer, &ticket, "status", "listed").await;
    stage.ends().await;
}

#[tokio::test]
async fn without_notifications_one_can_buy_and_the_messages_come_later() {
    let mut stage = stage(&[]).await;
    stage.cluster.hold("notifications").await.unwrap();
    let order = stage.goes_on().await;
    assert_eq!(
        pay(&mut stage.buyer, &order, "tok_visa").await,
        StatusCode::CREATED
    );
    let path = format!("/api/orders/{order}");
    until(&mut stage.buyer, &path, "status", "complete").await;
    let away = stage.buyer.get("/dev/mail").await.unwrap();
    assert_eq!(away.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(!away.body.is_empty());

    stage.cluster.release("notifications").await.unwrap();
    stage.marketplace.come_to_rest().await.unwrap();
    let mail = page(&mut stage.buyer, "/dev/mail", StatusCode::OK).await;
    let sent = mail.lines().filter(|line| line.contains("<li>"));
    let to_both = ["buyer@bench.example", "seller@bench.example"];
    let sent: Vec<&str> = sent.collect();
    for person in to_both {
        assert!(
            sent.iter().any(|line| line.contains(person)),
            "nothing to {person}: {mail}"
        );
    }
    stage.ends().await;
}
