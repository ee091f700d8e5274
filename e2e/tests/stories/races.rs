//! Many at once: one ticket, one price, one key.

use e2e::{Client, Composition, Marketplace};
use futures::future::join_all;
use http::StatusCode;
use serde_json::json;

use crate::people::{person, reserve, see, until};

async fn start() -> Marketplace {
    Marketplace::start(Composition::told(), &[]).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_buyers_and_one_ticket() {
    let marketplace = start().await;
    let mut seller = person(&marketplace, "seller").await;
    let ticket = seller.list_ticket("The last one").await.unwrap();
    let mut buyers = Vec::new();
    for number in 0..200 {
        buyers.push(person(&marketplace, &format!("buyer{number}")).await);
    }
    // A connection that nobody has used for a while is closed; signing up takes that long.
    for buyer in &mut buyers {
        *buyer = buyer.again().await.unwrap();
    }
    let body = json!({"ticketId": ticket});
    let answers = join_all(
        buyers
            .iter_mut()
            .map(|buyer| buyer.post("/api/orders", &body)),
    )
    .await;
    let statuses: Vec<_> = answers
        .into_iter()
        .map(|answer| answer.unwrap().status)
        .collect();
    let got = statuses
        .iter()
        .filter(|status| **status == StatusCode::CREATED)
        .count();
    let lost = statuses
        .iter()
        .filter(|status| **status == StatusCode::CONFLICT)
        .count();
    assert_eq!((got, lost), (1, 199));
    marketplace.audit_and_stop().await.unwrap();
}

#[tokio::test]
async fn a_buyer_never_pays_another_price_than_the_one_that_was_seen() {
    let marketplace = start().await;
    let mut seller = person(&marketplace, "seller").await;
    let mut buyer = person(&marketplace, "buyer").await;
    for round in 0..8 {
        let ticket = seller.list_ticket(&format!("Round {round}")).await.unwrap();
        let (path, price) = (
            format!("/api/tickets/{ticket}"),
            json!({"title": "Dearer", "price": 99}),
        );
        let order = json!({"ticketId": ticket, "price": 20});
        let (edited, ordered) = tokio::join!(
            seller.call("PUT", &path, Some(&price), &[]),
            buyer.post("/api/orders", &order)
        );
        let (edited, ordered) = (edited.unwrap(), ordered.unwrap());
        if ordered.status == StatusCode::CREATED {
            let id = ordered.text("id").unwrap();
            assert_eq!(ordered.json()["ticket"]["price"], 20);
            // Tickets may still refuse the lock, because the offer changed meanwhile.
            let seen = see(&mut buyer, &format!("/api/orders/{id}")).await;
            assert_eq!(seen["ticket"]["price"], 20);
            buyer
                .call("DELETE", &format!("/api/orders/{id}"), None, &[])
                .await
                .unwrap();
        } else {
            assert_eq!(ordered.status, StatusCode::CONFLICT, "{:?}", ordered.body);
            assert_eq!(edited.status, StatusCode::OK);
        }
    }
    marketplace.audit_and_stop().await.unwrap();
}

#[tokio::test]
async fn the_same_key_has_one_effect() {
    let marketplace = start().await;
    let mut seller = person(&marketplace, "seller").await;
    let mut buyer = person(&marketplace, "buyer").await;
    let mut again = buyer.again().await.unwrap();
    let ticket = seller.list_ticket("Once").await.unwrap();
    let (body, key) = (
        json!({"ticketId": ticket}),
        [("idempotency-key", "one-and-the-same")],
    );
    let (first, second) = tokio::join!(
        buyer.call("POST", "/api/orders", Some(&body), &key),
        again.call("POST", "/api/orders", Some(&body), &key)
    );
    let (first, second) = (first.unwrap(), second.unwrap());
    let third = buyer
        .call("POST", "/api/orders", Some(&body), &key)
        .await
        .unwrap();
    let created: Vec<_> = [&first, &second, &third]
        .into_iter()
        .filter(|answer| answer.status == StatusCode::CREATED)
        .map(|answer| answer.text("id").unwrap())
        .collect();
    assert!(
        created.len() >= 2 && created.windows(2).all(|pair| pair[0] == pair[1]),
        "{created:?}"
    );
    let other = json!({"ticketId": ticket, "price": 20});
    let reused = buyer
        .call("POST", "/api/orders", Some(&other), &key)
        .await
        .unwrap();
    assert_eq!(reused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let orders = see(&mut buyer, "/api/orders").await;
    assert_eq!(orders.as_array().map(Vec::len), Some(1));
    marketplace.audit_and_stop().await.unwrap();
}

#[tokio::test]
async fn two_payments_at_once_charge_once() {
    let marketplace = start().await;
    let mut seller = person(&marketplace, "seller").await;
    let mut buyer = person(&marketplace, "buyer").await;
    let mut again = buyer.again().await.unwrap();
    let ticket = seller.list_ticket("Paid once").await.unwrap();
    let order = reserve(&mut buyer, &ticket).await;
    let body = json!({"orderId": order, "token": "tok_visa"});
    let (first, second) = tokio::join!(
        buyer.post("/api/payments", &body),
        again.post("/api/payments", &body)
    );
    for answer in [first.unwrap(), second.unwrap()] {
        let fine = [StatusCode::CREATED, StatusCode::OK, StatusCode::CONFLICT];
        assert!(
            fine.contains(&answer.status),
            "{} {:?}",
            answer.status,
            answer.body
        );
    }
    until(
        &mut buyer,
        &format!("/api/orders/{order}"),
        "status",
        "complete",
    )
    .await;
    let payments = see(&mut buyer, &format!("/api/payments?orderId={order}")).await;
    assert_eq!(payments.as_array().map(Vec::len), Some(1));
    marketplace.audit_and_stop().await.unwrap();
}

#[tokio::test]
async fn signing_out_is_heard_everywhere_within_a_second() {
    let marketplace = start().await;
    let mut somebody = person(&marketplace, "somebody").await;
    let paths = ["/api/tickets/mine", "/api/orders", "/api/users/sessions"];
    for path in paths {
        assert_eq!(somebody.get(path).await.unwrap().status, StatusCode::OK);
    }
    let cookie = somebody.cookie.clone();
    somebody
        .post("/api/users/signout", &json!({}))
        .await
        .unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let mut thief = Client::connect(marketplace.address).await.unwrap();
    thief.cookie = cookie;
    for path in paths {
        assert_eq!(
            thief.get(path).await.unwrap().status,
            StatusCode::UNAUTHORIZED,
            "{path}"
        );
    }
    marketplace.audit_and_stop().await.unwrap();
}
