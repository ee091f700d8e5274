//! The database's server, or the bus, is away for seconds: people are told, and nothing is restarted.

use std::collections::BTreeMap;

use e2e::{Client, Cluster, Composition, Marketplace};
use http::StatusCode;
use serde_json::json;

use super::{WITH_DATABASE, nothing_is_held_up, page, says_come_again, says_what_is_away};
use crate::people::{pay, person, reserve, until};

/// The processes of ours, by name.
fn processes(cluster: &Cluster) -> BTreeMap<String, Option<u32>> {
    let members = cluster.all().unwrap().into_iter();
    members
        .filter(|member| member.address.is_some())
        .map(|member| (member.name, member.pid))
        .collect()
}

async fn buys(buyer: &mut Client, order: &str) {
    assert_eq!(pay(buyer, order, "tok_visa").await, StatusCode::CREATED);
    let path = format!("/api/orders/{order}");
    until(buyer, &path, "status", "complete").await;
}

#[tokio::test]
async fn while_the_database_is_away_people_are_told_to_come_again() {
    let marketplace = Marketplace::start(Composition::Apart, &[]).await.unwrap();
    let cluster = Cluster::of(&marketplace);
    let mut seller = person(&marketplace, "seller").await;
    let mut buyer = person(&marketplace, "buyer").await;
    let ticket = seller.list_ticket("Before").await.unwrap();
    let order = reserve(&mut buyer, &ticket).await;
    let before = processes(&cluster);

    cluster.hold("postgres").await.unwrap();
    for service in WITH_DATABASE {
        let check = format!("database of {service}");
        cluster.wait_until_unready(service, &check).await.unwrap();
    }
    let wish = json!({"title": "Meanwhile", "price": 20});
    says_come_again(&seller.post("/api/tickets", &wish).await.unwrap());
    says_come_again(&buyer.get("/api/tickets").await.unwrap());
    says_come_again(&buyer.get(&format!("/api/orders/{order}")).await.unwrap());
    let wish = json!({"ticketId": ticket});
    says_come_again(&buyer.post("/api/orders", &wish).await.unwrap());
    let card = json!({"orderId": order, "token": "tok_visa"});
    says_come_again(&buyer.post("/api/payments", &card).await.unwrap());
    let home = buyer.get("/").await.unwrap();
    says_what_is_away(&home, "Listings are not answering");

    cluster.release("postgres").await.unwrap();
    page(&mut buyer, "/", StatusCode::OK).await;
    buys(&mut buyer, &order).await;
    assert_eq!(processes(&cluster), before, "nothing was restarted");
    marketplace.come_to_rest().await.unwrap();
    nothing_is_held_up(&marketplace).await;
    marketplace.audit_and_stop().await.unwrap();
}

#[tokio::test]
async fn while_the_bus_is_away_requests_are_answered_and_events_follow() {
    let marketplace = Marketplace::start(Composition::Apart, &[]).await.unwrap();
    let cluster = Cluster::of(&marketplace);
    let mut seller = person(&marketplace, "seller").await;
    let mut buyer = person(&marketplace, "buyer").await;
    let ticket = seller.list_ticket("Before").await.unwrap();
    let path = format!("/api/tickets/{ticket}");
    until(&mut buyer, &path, "status", "listed").await;
    // Orders knows it: it was held once.
    let first = format!("/api/orders/{}", reserve(&mut buyer, &ticket).await);
    until(&mut buyer, &first, "status", "awaiting:payment").await;
    let cancelled = buyer.call("DELETE", &first, None, &[]).await.unwrap();
    assert_eq!(cancelled.status, StatusCode::NO_CONTENT);
    until(&mut buyer, &path, "status", "listed").await;
    let before = processes(&cluster);

    cluster.hold("nats").await.unwrap();
    for service in WITH_DATABASE {
        cluster.wait_until_unready(service, "bus").await.unwrap();
    }
    page(&mut buyer, "/", StatusCode::OK).await;
    let meanwhile = seller.list_ticket("Meanwhile").await.unwrap();
    let order = reserve(&mut buyer, &ticket).await;
    let answer = buyer.get(&format!("/api/orders/{order}")).await.unwrap();
    assert_eq!(answer.json()["status"], "created");

    cluster.release("nats").await.unwrap();
    let path = format!("/api/orders/{order}");
    until(&mut buyer, &path, "status", "awaiting:payment").await;
    buys(&mut buyer, &order).await;
    let other = reserve(&mut buyer, &meanwhile).await;
    buys(&mut buyer, &other).await;
    assert_eq!(processes(&cluster), before, "nothing was restarted");
    marketplace.come_to_rest().await.unwrap();
    nothing_is_held_up(&marketplace).await;
    marketplace.audit_and_stop().await.unwrap();
}
