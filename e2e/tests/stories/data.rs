//! Care of the data: backup and restore, the operator's view, rebuilt copies.

use e2e::{Client, Composition, Marketplace};
use http::StatusCode;
use tokio::process::Command;

use crate::people::{pay, person, reserve, until};

async fn sell(seller: &mut Client, buyer: &mut Client, title: &str) -> String {
    let ticket = seller.list_ticket(title).await.unwrap();
    let order = reserve(buyer, &ticket).await;
    assert_eq!(pay(buyer, &order, "tok_visa").await, StatusCode::CREATED);
    until(buyer, &format!("/api/tickets/{ticket}"), "status", "sold").await;
    order
}

fn text(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[tokio::test]
async fn a_backup_of_the_running_marketplace_is_restored_and_sells_on() {
    let marketplace = Marketplace::start(Composition::Embedded, &[])
        .await
        .unwrap();
    let mut seller = person(&marketplace, "seller").await;
    let mut buyer = person(&marketplace, "buyer").await;
    let order = sell(&mut seller, &mut buyer, "Before").await;
    let kept = tempfile::tempdir().unwrap();
    let backup = kept.path().join("backup").display().to_string();
    let arguments = ["backup", backup.as_str()];
    let busy = async {
        for number in 0..20 {
            seller
                .list_ticket(&format!("Meanwhile {number}"))
                .await
                .unwrap();
        }
    };
    let (made, ()) = tokio::join!(marketplace.command(&arguments), busy);
    let made = made.unwrap();
    assert!(made.status.success(), "{}", text(&made));
    sell(&mut seller, &mut buyer, "After the backup").await;
    marketplace.audit_and_stop().await.unwrap();

    let restored = tempfile::tempdir().unwrap();
    let data = restored.path().join("data");
    let run = Command::new(e2e::program().unwrap())
        .args(["restore", &backup, "--data-dir"])
        .arg(&data)
        .output()
        .await
        .unwrap();
    assert!(run.status.success(), "{}", text(&run));
    let marketplace = Marketplace::start_on(restored, &[]).await.unwrap();
    let mut buyer = again(&marketplace, "buyer").await;
    let mut seller = again(&marketplace, "seller").await;
    until(
        &mut buyer,
        &format!("/api/orders/{order}"),
        "status",
        "complete",
    )
    .await;
    sell(&mut seller, &mut buyer, "In the new life").await;
    marketplace.audit_and_stop().await.unwrap();
}

async fn again(marketplace: &Marketplace, name: &str) -> Client {
    let mut client = Client::connect(marketplace.address).await.unwrap();
    let email = format!("{name}@bench.example");
    let body = serde_json::json!({"email": email, "password": "correct horse"});
    let answer = client.post("/api/users/signin", &body).await.unwrap();
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    client.cookie = answer.cookie;
    client
}

#[tokio::test]
async fn an_operator_sees_events_and_rebuilds_copies() {
    let marketplace = Marketplace::start(Composition::Embedded, &[])
        .await
        .unwrap();
    let mut seller = person(&marketplace, "seller").await;
    let mut buyer = person(&marketplace, "buyer").await;
    let order = sell(&mut seller, &mut buyer, "Seen").await;
    marketplace.come_to_rest().await.unwrap();
    let shown = text(
        &marketplace
            .command(&["events", "show", "order", &order])
            .await
            .unwrap(),
    );
    for expected in [
        "ticketing.order.created.v1",
        "ticketing.order.completed.v1",
        "payments has handled version",
    ] {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }
    for list in ["parked", "blocked"] {
        let said = text(&marketplace.command(&["events", list]).await.unwrap());
        assert_eq!(said.trim(), "none");
    }
    for service in [
        "tickets",
        "orders",
        "expiration",
        "payments",
        "notifications",
    ] {
        let rebuilt = marketplace
            .command(&["events", "rebuild", service])
            .await
            .unwrap();
        assert!(rebuilt.status.success(), "{}", text(&rebuilt));
    }
    marketplace.audit_and_stop().await.unwrap();
}
