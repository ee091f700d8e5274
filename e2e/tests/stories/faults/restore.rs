//! A service's database is put back to a backup, by the database's own tools and the operator's
//! command: whoever has copies goes back with it.

use e2e::{Client, Cluster, Composition, Marketplace};
use http::StatusCode;
use serde_json::json;
use servers::postgres::{PASSWORD_OF_CLUSTERS, Reached};

use super::{CONSUMERS, all_have_handled, nothing_is_held_up};
use crate::people::{pay, person, reserve, see, until};

/// The server of a cluster's databases.
fn server(cluster: &Cluster) -> Reached {
    let url = cluster.database_url("tickets").unwrap();
    let address = url.rsplit('@').next().unwrap();
    let port = address.split([':', '/']).nth(1).unwrap().parse().unwrap();
    Reached::with_password(port, PASSWORD_OF_CLUSTERS).unwrap()
}

/// The seller asks another price; answers the version that made.
async fn asks(seller: &mut Client, ticket: &str, price: i64) -> i64 {
    let path = format!("/api/tickets/{ticket}");
    let (shown, wish) = (
        see(seller, &path).await,
        json!({"title": "Kept", "price": price}),
    );
    let version = format!("\"{}\"", shown["version"]);
    let unchanged = [("if-match", &*version)];
    let put = seller.call("PUT", &path, Some(&wish), &unchanged).await;
    assert_eq!(put.unwrap().status, StatusCode::OK, "{shown}");
    see(seller, &path).await["version"].as_i64().unwrap()
}

#[tokio::test]
async fn a_service_that_was_put_back_begins_a_new_life_and_the_others_follow() {
    let marketplace = Marketplace::start(Composition::Apart, &[]).await.unwrap();
    let (cluster, directory) = (Cluster::of(&marketplace), tempfile::tempdir().unwrap());
    let (server, backup) = (server(&cluster), directory.path().join("tickets.sql"));
    let mut seller = person(&marketplace, "seller").await;
    let mut buyer = person(&marketplace, "buyer").await;
    let kept = seller.list_ticket("Kept").await.unwrap();
    server.dump("tickets", &backup).unwrap();
    // What the backup does not know.
    let version = asks(&mut seller, &kept, 30).await;
    all_have_handled(&marketplace, &kept, version).await;
    let lost = seller.list_ticket("Lost").await.unwrap();
    all_have_handled(&marketplace, &lost, 1).await;

    cluster.hold("tickets").await.unwrap();
    server.restore("tickets", &backup).unwrap();
    let order = ["migrate", "tickets", "--restored"];
    let migrated = marketplace.command(&order).await.unwrap();
    assert!(migrated.status.success(), "{migrated:?}");
    cluster.release("tickets").await.unwrap();
    // The same number, and another event.
    assert_eq!(asks(&mut seller, &kept, 7).await, version);
    // What is not there any more is found by a comparison: each minute, and at each start.
    for consumer in CONSUMERS {
        cluster.kill(&format!("{consumer}-1")).await.unwrap();
    }
    cluster.wait_until_ready().await.unwrap();
    marketplace.come_to_rest().await.unwrap();

    let order = reserve(&mut buyer, &kept).await;
    let path = format!("/api/orders/{order}");
    until(&mut buyer, &path, "status", "awaiting:payment").await;
    assert_eq!(see(&mut buyer, &path).await["ticket"]["price"], 7);
    assert_eq!(
        pay(&mut buyer, &order, "tok_visa").await,
        StatusCode::CREATED
    );
    until(&mut buyer, &path, "status", "complete").await;
    let wish = json!({"ticketId": lost});
    let forgotten = buyer.post("/api/orders", &wish).await.unwrap();
    assert_eq!(
        forgotten.status,
        StatusCode::NOT_FOUND,
        "{:?}",
        forgotten.body
    );
    marketplace.come_to_rest().await.unwrap();
    nothing_is_held_up(&marketplace).await;
    marketplace.audit_and_stop().await.unwrap();
}
