//! The supervisor of a cluster takes everything with it, however it ends.

use std::time::Duration;

use e2e::{Cluster, Composition, Marketplace};
use http::StatusCode;

use crate::people::{pay, person, reserve, until};

/// After a crash of the supervisor: the kernel ends its processes at once.
const SECONDS: Duration = Duration::from_secs(5);

/// Told to stop, everything finishes what runs.
const IN_ORDER: Duration = Duration::from_secs(15);

#[tokio::test]
async fn killed_or_told_to_stop_it_leaves_nothing_and_can_start_again() {
    let mut marketplace = Marketplace::start(Composition::Apart, &[]).await.unwrap();
    let mut seller = person(&marketplace, "seller").await;
    let mut buyer = person(&marketplace, "buyer").await;
    let ticket = seller.list_ticket("Kept").await.unwrap();
    let order = format!("/api/orders/{}", reserve(&mut buyer, &ticket).await);
    for (signal, limit) in [("KILL", SECONDS), ("TERM", IN_ORDER)] {
        let cluster = Cluster::of(&marketplace);
        let members = cluster.all().unwrap();
        assert!(members.len() > 8 && members.iter().all(|member| member.pid.is_some()));
        assert!(cluster.left().unwrap().len() > members.len());
        cluster.end(signal, limit).await.unwrap();
        marketplace = marketplace.kill_and_restart(&[]).await.unwrap();
        let cookie = buyer.cookie.clone();
        buyer = e2e::Client::connect(marketplace.address).await.unwrap();
        buyer.cookie = cookie;
        until(&mut buyer, &order, "status", "awaiting:payment").await;
        marketplace.come_to_rest().await.unwrap();
    }
    let id = order.rsplit('/').next().unwrap().to_owned();
    assert_eq!(pay(&mut buyer, &id, "tok_visa").await, StatusCode::CREATED);
    until(&mut buyer, &order, "status", "complete").await;
    marketplace.audit_and_stop().await.unwrap();
}
