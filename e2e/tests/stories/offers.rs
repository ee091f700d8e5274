//! Sellers who change their minds while somebody buys: one of the two comes first, never both.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use e2e::{Client, Composition, Marketplace};
use http::StatusCode;
use serde_json::{Value, json};

use crate::people::{person, see, until};

/// Whether the ticket went to the buyer, or why it did not.
async fn outcome(buyer: &mut Client, order: &str) -> String {
    for _ in 0..200 {
        let seen = see(buyer, &format!("/api/orders/{order}")).await;
        match seen["status"].as_str() {
            Some("awaiting:payment") => return "held".to_owned(),
            Some("cancelled") => return seen["cancelReason"].as_str().unwrap().to_owned(),
            _ => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
    panic!("order {order} was neither held nor cancelled");
}

/// Orders and changes the ticket at nearly the same time, now this first and now that; answers the
/// status of the change and what came of the order, if there was one.
async fn race(
    (seller, buyer): (&mut Client, &mut Client),
    round: u64,
    change: (&str, Option<Value>),
) -> (StatusCode, Result<String, String>) {
    let ticket = seller.list_ticket(&format!("Round {round}")).await.unwrap();
    let path = format!("/api/tickets/{ticket}");
    // A price that was seen some time ago, when the copies had long arrived.
    buyer.get(&path).await.unwrap();
    tokio::time::sleep(Duration::from_millis(5 * (round % 3))).await;
    let wish = json!({"ticketId": ticket, "price": 20});
    let changing = async {
        tokio::time::sleep(Duration::from_micros(500 * (round % 5))).await;
        seller
            .call(change.0, &path, change.1.as_ref(), &[])
            .await
            .unwrap()
            .status
    };
    let ordering = async {
        tokio::time::sleep(Duration::from_micros(500 * (round % 4))).await;
        buyer.post("/api/orders", &wish).await.unwrap()
    };
    let (changed, ordered) = tokio::join!(changing, ordering);
    if ordered.status != StatusCode::CREATED {
        assert_eq!(ordered.status, StatusCode::CONFLICT, "{:?}", ordered.body);
        return (changed, Err(ordered.code()));
    }
    assert_eq!(ordered.json()["ticket"]["price"], 20);
    let order = ordered.text("id").unwrap();
    let outcome = outcome(buyer, &order).await;
    buyer
        .call("DELETE", &format!("/api/orders/{order}"), None, &[])
        .await
        .unwrap();
    (changed, Ok(outcome))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offer_that_changes_while_it_is_ordered() {
    let marketplace = Marketplace::start(Composition::told(), &[]).await.unwrap();
    let mut seller = person(&marketplace, "seller").await;
    let mut buyer = person(&marketplace, "buyer").await;
    for round in 0..30 {
        let dearer = json!({"title": "Dearer", "price": 99});
        let people = (&mut seller, &mut buyer);
        match race(people, round, ("PUT", Some(dearer))).await {
            (StatusCode::CONFLICT, Ok(outcome)) => assert_eq!(outcome, "held"),
            (StatusCode::OK, Ok(outcome)) => assert_eq!(outcome, "offer_changed"),
            (StatusCode::OK, Err(code)) => assert_eq!(code, "price_changed"),
            other => panic!("round {round}: {other:?}"),
        }
    }
    marketplace.audit_and_stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_that_is_withdrawn_while_it_is_ordered() {
    let marketplace = Marketplace::start(Composition::told(), &[]).await.unwrap();
    let mut seller = person(&marketplace, "seller").await;
    let mut buyer = person(&marketplace, "buyer").await;
    for round in 0..30 {
        let people = (&mut seller, &mut buyer);
        match race(people, round, ("DELETE", None)).await {
            (StatusCode::CONFLICT, Ok(outcome)) => assert_eq!(outcome, "held"),
            (StatusCode::NO_CONTENT, Ok(outcome)) => assert_eq!(outcome, "ticket_withdrawn"),
            (StatusCode::NO_CONTENT, Err(code)) => assert_eq!(code, "ticket_withdrawn"),
            other => panic!("round {round}: {other:?}"),
        }
    }
    marketplace.audit_and_stop().await.unwrap();
}

/// What a buyer who looks and orders at once meets: orders that stand at the price that was seen. The
/// last one comes when the price no longer changes.
async fn buy_what_is_seen(mut buyer: Client, path: &str, over: &AtomicBool) -> usize {
    let (mut held, mut is_last) = (0, false);
    while !is_last {
        is_last = over.load(Ordering::Relaxed);
        let seen = see(&mut buyer, path).await;
        let wish = json!({"ticketId": seen["id"], "price": seen["price"]});
        let answer = buyer.post("/api/orders", &wish).await.unwrap();
        if answer.status != StatusCode::CREATED {
            let refused = ["price_changed", "ticket_reserved", "offer_changed"];
            assert!(
                refused.contains(&answer.code().as_str()),
                "{:?}",
                answer.body
            );
            is_last = false;
            continue;
        }
        let order = answer.text("id").unwrap();
        let outcome = outcome(&mut buyer, &order).await;
        let kept = see(&mut buyer, &format!("/api/orders/{order}")).await;
        assert_eq!(kept["ticket"]["price"], seen["price"]);
        assert!(
            ["held", "offer_changed"].contains(&outcome.as_str()),
            "{outcome}"
        );
        if outcome == "held" {
            held += 1;
            let ticket = see(&mut buyer, path).await;
            assert_eq!(
                (&ticket["price"], &ticket["orderId"]),
                (&seen["price"], &kept["id"])
            );
        }
        let gone = buyer
            .call("DELETE", &format!("/api/orders/{order}"), None, &[])
            .await;
        assert_eq!(gone.unwrap().status, StatusCode::NO_CONTENT);
    }
    held
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_holds_a_ticket_holds_it_at_the_price_that_was_seen() {
    let marketplace = Marketplace::start(Composition::told(), &[]).await.unwrap();
    let mut seller = person(&marketplace, "seller").await;
    let ticket = seller.list_ticket("Restless").await.unwrap();
    let path = format!("/api/tickets/{ticket}");
    let over = AtomicBool::new(false);
    let mut buyers = Vec::new();
    for number in 0..3 {
        let buyer = person(&marketplace, &format!("buyer{number}")).await;
        buyers.push(buy_what_is_seen(buyer, &path, &over));
    }
    // A change has to reach orders before the next, or nobody ever sees the present price.
    let pause = match Composition::told() {
        Composition::Embedded => Duration::from_millis(2),
        Composition::Apart => Duration::from_millis(40),
    };
    let changing = async {
        let mut changed = 0;
        for price in 0..150 {
            let draft = json!({"title": "Restless", "price": 20 + price % 7});
            let answer = seller.call("PUT", &path, Some(&draft), &[]).await.unwrap();
            match answer.status {
                StatusCode::OK => changed += 1,
                status => assert_eq!(status, StatusCode::CONFLICT, "{:?}", answer.body),
            }
            tokio::time::sleep(pause).await;
        }
        over.store(true, Ordering::Relaxed);
        changed
    };
    let (held, changed) = tokio::join!(futures::future::join_all(buyers), changing);
    assert!(
        held.iter().sum::<usize>() > 0 && changed > 0,
        "{held:?} {changed}"
    );
    until(&mut seller, &path, "status", "listed").await;
    marketplace.audit_and_stop().await.unwrap();
}
