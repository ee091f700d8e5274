//! Two versions side by side, as while replicas are replaced one after the other: the newer one adds a
//! column, a field and a type of event, and the others work with all of it.

mod newer;

use e2e::{Client, Cluster, Composition, Marketplace};
use futures::future::join_all;
use http::StatusCode;
use serde_json::json;

use super::{CONSUMERS, all_have_handled, nothing_is_held_up};
use crate::people::{pay, person, reserve, see, until};
use newer::NewerTickets;

/// Buys a ticket that is on sale; answers what was paid.
async fn buys(buyer: &mut Client, ticket: &str) -> i64 {
    let order = reserve(buyer, ticket).await;
    is_paid(buyer, &order, ticket).await
}

async fn is_paid(buyer: &mut Client, order: &str, ticket: &str) -> i64 {
    let path = format!("/api/orders/{order}");
    until(buyer, &path, "status", "awaiting:payment").await;
    assert_eq!(pay(buyer, order, "tok_visa").await, StatusCode::CREATED);
    until(buyer, &path, "status", "complete").await;
    let sold = format!("/api/tickets/{ticket}");
    until(buyer, &sold, "status", "sold").await;
    see(buyer, &path).await["ticket"]["price"].as_i64().unwrap()
}

/// Whoever bought what the newer version changes, while it does.
async fn trades(seller: &mut Client, buyer: &mut Client) {
    for title in ["Meanwhile", "And again"] {
        let ticket = seller.list_ticket(title).await.unwrap();
        buys(buyer, &ticket).await;
    }
}

#[tokio::test]
async fn a_newer_version_of_an_owner_runs_beside_the_present_one() {
    let marketplace = Marketplace::start(Composition::Apart, &[]).await.unwrap();
    let cluster = Cluster::of(&marketplace);
    let mut seller = person(&marketplace, "seller").await;
    let mut buyer = person(&marketplace, "buyer").await;
    let mut tickets = Vec::new();
    for title in ["Held", "Seated", "Offered", "Edited", "Alone"] {
        tickets.push(seller.list_ticket(title).await.unwrap());
    }
    let [held, seated, offered, edited, alone] = tickets.try_into().unwrap();
    let order = reserve(&mut buyer, &held).await;
    let path = format!("/api/orders/{order}");
    until(&mut buyer, &path, "status", "awaiting:payment").await;

    let newer = NewerTickets::start(&cluster).await;
    newer.until_shared_by(2).await;
    let changes = async {
        let unknown = [&held, &seated, &edited].map(|ticket| newer.seat(ticket, "A 1"));
        let mut versions = join_all(unknown).await;
        versions.push(newer.offer(&offered, "B 2", 3500).await);
        versions
    };
    let ((), versions) = tokio::join!(trades(&mut seller, &mut buyer), changes);
    for (ticket, version) in [&held, &seated, &edited, &offered]
        .into_iter()
        .zip(versions)
    {
        all_have_handled(&marketplace, ticket, version).await;
    }

    // What it wrote is sold, changed and taken back by the present version.
    is_paid(&mut buyer, &order, &held).await;
    buys(&mut buyer, &seated).await;
    let paid = buys(&mut buyer, &offered).await;
    assert_eq!(paid, 35, "the newer version's price");
    let listing = format!("/api/tickets/{edited}");
    let (shown, wish) = (
        see(&mut seller, &listing).await,
        json!({"title": "Edited", "price": 7}),
    );
    let version = format!("\"{}\"", shown["version"]);
    let unchanged = [("if-match", &*version)];
    let put = seller.call("PUT", &listing, Some(&wish), &unchanged).await;
    assert_eq!(put.unwrap().status, StatusCode::OK, "{shown}");
    // The row keeps what the present version does not know; its events can't tell it.
    let (row, event) = newer.seats(&edited).await;
    assert_eq!((row.as_deref(), event), (Some("A 1"), None));

    // The present version goes away and comes back, on a database that it does not know all of.
    cluster.hold("tickets").await.unwrap();
    newer.until_shared_by(1).await;
    let version = newer.seat(&alone, "C 3").await;
    all_have_handled(&marketplace, &alone, version).await;
    cluster.kill("orders-1").await.unwrap();
    cluster.release("tickets").await.unwrap();
    buys(&mut buyer, &alone).await;

    marketplace.come_to_rest().await.unwrap();
    nothing_is_held_up(&marketplace).await;
    newer.end().await;
    for service in CONSUMERS {
        let order = ["events", "rebuild", service];
        let rebuilt = marketplace.command(&order).await.unwrap();
        assert!(rebuilt.status.success(), "{service}: {rebuilt:?}");
    }
    buys(&mut buyer, &edited).await;
    marketplace.audit_and_stop().await.unwrap();
}
