//! The database's server, or the bus, is away for seconds: people are told, and nothing is restarted.

use std::collections::BTreeMap;

use e2e::{Client, Cluster, Composition, Marketplace};
use hmac::{Hmac, KeyInit, Mac};
use http::StatusCode;
use platform::Clock;
use platform::clock::SystemClock;
use serde_json::json;
use servers::postgres::WITH_DATA;
use sha2::Sha256;

use super::{nothing_is_held_up, page, says_come_again, says_what_is_away};
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

/// The payment provider tells of a charge that nobody here has asked for.
async fn tell(marketplace: &Marketplace, provider: &mut Client) -> e2e::Answer {
    let keys = std::fs::read_to_string(marketplace.data_dir().join("keys.env")).unwrap();
    let mut lines = keys.lines().filter_map(|line| line.split_once('='));
    let secrets = lines.find(|(name, _)| *name == "TICKETING_WEBHOOK_SECRETS");
    let secret = secrets.unwrap().1.as_bytes();
    let said = json!({
        "key": "another's", "reference": "ch_1", "amount_minor": 2000, "currency": "usd",
        "status": "authorized", "created_at": "2026-01-02T03:04:05Z"
    });
    let notice = json!({"id": "evt_1", "type": "charge.authorized", "data": said});
    let time = SystemClock::new().now().as_second();
    let mut signature = Hmac::<Sha256>::new_from_slice(secret).unwrap();
    signature.update(format!("{time}.{notice}").as_bytes());
    let signature = signature.finalize().into_bytes();
    let signature: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
    let headers = [("provider-signature", &*format!("t={time},v1={signature}"))];
    let answer = provider.call("POST", "/api/payments/webhooks", Some(&notice), &headers);
    answer.await.unwrap()
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
    for service in WITH_DATA {
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
    says_come_again(&tell(&marketplace, &mut seller).await);
    let home = buyer.get("/").await.unwrap();
    says_what_is_away(&home, "Listings are not answering");

    cluster.release("postgres").await.unwrap();
    assert_eq!(tell(&marketplace, &mut seller).await.status, StatusCode::OK);
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
    for service in WITH_DATA {
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
