//! Money that comes when time runs out: it completes the order or goes back, never neither or both.

use std::time::Duration;

use e2e::{Client, Composition, Marketplace};
use http::StatusCode;
use serde_json::{Value, json};

use crate::people::{person, reserve, see};

/// Begins a payment that its customer has to confirm; answers its id and where that is done.
async fn begin(buyer: &mut Client, order: &str) -> (String, String) {
    let body = json!({"orderId": order, "token": "tok_threeDSecureRequired"});
    let started = buyer.post("/api/payments", &body).await.unwrap();
    assert_eq!(started.status, StatusCode::CREATED, "{:?}", started.body);
    (
        started.text("id").unwrap(),
        started.text("actionUrl").unwrap(),
    )
}

/// Confirms, and does not follow the way back to this site; answers where that leads.
async fn confirm(buyer: &mut Client, url: &str) -> String {
    let form = b"answer=approve".to_vec();
    let answer = buyer
        .raw(url, "application/x-www-form-urlencoded", form)
        .await
        .unwrap();
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{:?}", answer.body);
    answer.headers["location"].to_str().unwrap().to_owned()
}

/// Confirms, and comes back.
async fn approve(buyer: &mut Client, url: &str) -> StatusCode {
    let back = confirm(buyer, url).await;
    buyer.get(&back).await.unwrap().status
}

/// Waits until neither moves any more; answers what the order and the payment have become.
async fn ends(buyer: &mut Client, order: &str, payment: &str) -> (Value, Value) {
    let mut seen = (Value::Null, Value::Null);
    for _ in 0..200 {
        let order = see(buyer, &format!("/api/orders/{order}")).await;
        let payment = see(buyer, &format!("/api/payments/{payment}")).await;
        seen = (order["status"].clone(), payment["status"].clone());
        let moving = [
            "created",
            "awaiting:payment",
            "paying",
            "started",
            "authorized",
        ];
        let still = |value: &Value| !moving.contains(&value.as_str().unwrap_or_default());
        if still(&seen.0) && still(&seen.1) && (seen.0 == "complete") == (seen.1 == "captured") {
            return seen;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("order {order} and payment {payment} never came to rest: {seen:?}");
}

#[tokio::test]
async fn a_confirmation_in_time_completes_the_order() {
    let marketplace = Marketplace::start(Composition::told(), &[]).await.unwrap();
    let mut seller = person(&marketplace, "seller").await;
    let mut buyer = person(&marketplace, "buyer").await;
    let ticket = seller.list_ticket("Confirmed").await.unwrap();
    let order = reserve(&mut buyer, &ticket).await;
    let (payment, url) = begin(&mut buyer, &order).await;
    assert_eq!(approve(&mut buyer, &url).await, StatusCode::SEE_OTHER);
    let (order, payment) = ends(&mut buyer, &order, &payment).await;
    assert_eq!((order, payment), (json!("complete"), json!("captured")));
    marketplace.audit_and_stop().await.unwrap();
}

#[tokio::test]
async fn who_confirms_and_never_comes_back_has_paid_within_moments() {
    let marketplace = Marketplace::start(Composition::told(), &[]).await.unwrap();
    let mut seller = person(&marketplace, "seller").await;
    let mut buyer = person(&marketplace, "buyer").await;
    let ticket = seller.list_ticket("Told by the bank").await.unwrap();
    let order = reserve(&mut buyer, &ticket).await;
    let (payment, url) = begin(&mut buyer, &order).await;
    // By then payments asks by itself only every eight seconds, and less and less.
    tokio::time::sleep(Duration::from_secs(8)).await;
    confirm(&mut buyer, &url).await;
    let told = ends(&mut buyer, &order, &payment);
    let (order, payment) = tokio::time::timeout(Duration::from_secs(5), told)
        .await
        .expect("the provider's notice is heard");
    assert_eq!((order, payment), (json!("complete"), json!("captured")));
    marketplace.audit_and_stop().await.unwrap();
}

#[tokio::test]
async fn a_confirmation_after_the_order_expired_takes_no_money() {
    let settings = ["--order-hold", "1s", "--payment-grace", "1s"];
    let marketplace = Marketplace::start(Composition::told(), &settings)
        .await
        .unwrap();
    let mut seller = person(&marketplace, "seller").await;
    let mut buyer = person(&marketplace, "buyer").await;
    let ticket = seller.list_ticket("Too late").await.unwrap();
    let order = reserve(&mut buyer, &ticket).await;
    let (payment, url) = begin(&mut buyer, &order).await;
    crate::people::until(
        &mut buyer,
        &format!("/api/orders/{order}"),
        "status",
        "cancelled",
    )
    .await;
    approve(&mut buyer, &url).await;
    let (order, payment) = ends(&mut buyer, &order, &payment).await;
    assert_eq!((order, payment), (json!("cancelled"), json!("voided")));
    marketplace.audit_and_stop().await.unwrap();
}

/// One order, confirmed a little before or after the moment at which it expires.
async fn at_the_last_moment(mut buyer: Client, ticket: String, early: Duration) -> (Value, Value) {
    let order = reserve(&mut buyer, &ticket).await;
    let (payment, url) = begin(&mut buyer, &order).await;
    // The hold ends a second after the payment began.
    tokio::time::sleep(Duration::from_secs(1).saturating_sub(early)).await;
    approve(&mut buyer, &url).await;
    ends(&mut buyer, &order, &payment).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_confirmation_at_the_last_moment_is_in_time_or_goes_back() {
    // Apart, an order and its payment take longer to begin.
    let hold = match Composition::told() {
        Composition::Embedded => "1s",
        Composition::Apart => "4s",
    };
    let settings = [
        "--order-hold",
        hold,
        "--payment-grace",
        "1s",
        "--unpaid-holds",
        "100",
    ];
    let marketplace = Marketplace::start(Composition::told(), &settings)
        .await
        .unwrap();
    let mut seller = person(&marketplace, "seller").await;
    let buyer = person(&marketplace, "buyer").await;
    let mut confirmed = Vec::new();
    for number in 0..24 {
        let ticket = seller
            .list_ticket(&format!("Last moment {number}"))
            .await
            .unwrap();
        let early = Duration::from_millis(5 * number);
        confirmed.push(at_the_last_moment(
            buyer.again().await.unwrap(),
            ticket,
            early,
        ));
    }
    let ends = futures::future::join_all(confirmed).await;
    let paid = ends.iter().filter(|(order, _)| order == "complete").count();
    println!("{paid} of {} were in time", ends.len());
    for (order, payment) in ends {
        let fine = match order.as_str() {
            Some("complete") => payment == "captured",
            _ => payment == "voided" || payment == "refunded",
        };
        assert!(fine, "{order} {payment}");
    }
    marketplace.audit_and_stop().await.unwrap();
}
