//! Care of the data: backup and restore, the operator's view, rebuilt copies.

mod tampering;

use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use e2e::{Client, Composition, Marketplace, command, program};
use http::StatusCode;

use tokio::io::{AsyncBufReadExt, BufReader};

use crate::people::{pay, person, reserve, see, until};

async fn sell(seller: &mut Client, buyer: &mut Client, title: &str) -> String {
    let ticket = seller.list_ticket(title).await.unwrap();
    let order = reserve(buyer, &ticket).await;
    assert_eq!(pay(buyer, &order, "tok_visa").await, StatusCode::CREATED);
    until(buyer, &format!("/api/tickets/{ticket}"), "status", "sold").await;
    order
}

/// A marketplace at rest on which one ticket was sold, and its buyer.
async fn with_a_sale() -> (Marketplace, Client) {
    let marketplace = Marketplace::start(Composition::Embedded, &[]).await;
    let marketplace = marketplace.unwrap();
    let mut seller = person(&marketplace, "seller").await;
    let mut buyer = person(&marketplace, "buyer").await;
    sell(&mut seller, &mut buyer, "A good one").await;
    marketplace.come_to_rest().await.unwrap();
    (marketplace, buyer)
}

fn text(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// A new marketplace on the data of a backup.
async fn restored(backup: &str, settings: &[&str]) -> Marketplace {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data").display().to_string();
    let arguments = ["restore", backup, "--data-dir", &data];
    let run = command(&program().unwrap(), &arguments)
        .output()
        .await
        .unwrap();
    assert!(run.status.success(), "{}", text(&run));
    Marketplace::start_on(directory, settings).await.unwrap()
}

/// Sells until told to stop; answers the tickets whose sale was acknowledged.
async fn keep_selling(
    (mut seller, mut buyer): (Client, Client),
    name: usize,
    stop: &AtomicBool,
) -> Vec<String> {
    let mut paid = Vec::new();
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let ticket = seller
            .list_ticket(&format!("Meanwhile {name}-{number}"))
            .await
            .unwrap();
        let order = reserve(&mut buyer, &ticket).await;
        assert_eq!(
            pay(&mut buyer, &order, "tok_visa").await,
            StatusCode::CREATED
        );
        paid.push(order);
    }
    paid
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backups_under_load_are_of_one_moment_and_sell_on() {
    let settings = ["--order-hold", "3s", "--payment-grace", "2s"];
    let marketplace = Marketplace::start(Composition::Embedded, &settings)
        .await
        .unwrap();
    let seller = person(&marketplace, "seller").await;
    let buyer = person(&marketplace, "buyer").await;
    let stop = AtomicBool::new(false);
    let mut busy = Vec::new();
    for name in 0..4 {
        let people = (seller.again().await.unwrap(), buyer.again().await.unwrap());
        busy.push(keep_selling(people, name, &stop));
    }
    let kept = tempfile::tempdir().unwrap();
    let path = |number: usize| {
        kept.path()
            .join(format!("backup{number}"))
            .display()
            .to_string()
    };
    let backing_up = async {
        for number in 0..3 {
            tokio::time::sleep(Duration::from_millis(250)).await;
            let made = marketplace
                .command(&["backup", &path(number)])
                .await
                .unwrap();
            assert!(made.status.success(), "{}", text(&made));
        }
        stop.store(true, Ordering::Relaxed);
    };
    let (sold, ()) = tokio::join!(futures::future::join_all(busy), backing_up);
    assert!(
        sold.iter().map(Vec::len).sum::<usize>() > 10,
        "the load was no load"
    );
    let again = marketplace.command(&["backup", &path(0)]).await.unwrap();
    assert!(
        !again.status.success() && text(&again).contains("backup0"),
        "{}",
        text(&again)
    );
    marketplace.audit_and_stop().await.unwrap();
    for number in 0..3 {
        let marketplace = restored(&path(number), &settings).await;
        tokio::time::sleep(Duration::from_secs(4)).await; // what was held has run out
        marketplace.come_to_rest().await.unwrap();
        let (mut buyer, mut seller) = (
            again_in(&marketplace, "buyer").await,
            again_in(&marketplace, "seller").await,
        );
        let orders = see(&mut buyer, "/api/orders?limit=200").await;
        for order in orders.as_array().unwrap() {
            let status = order["status"].as_str().unwrap();
            assert!(["complete", "cancelled"].contains(&status), "{order}");
        }
        sell(&mut seller, &mut buyer, "In the new life").await;
        marketplace.audit_and_stop().await.unwrap();
    }
}

#[tokio::test]
async fn what_is_no_backup_and_what_is_not_empty_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let (none, full) = (
        directory.path().join("none"),
        directory.path().display().to_string(),
    );
    std::fs::create_dir(&none).unwrap();
    let none = none.display().to_string();
    let run = |arguments: Vec<String>| async move {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = command(&program().unwrap(), &arguments)
            .output()
            .await
            .unwrap();
        assert!(!output.status.success());
        text(&output)
    };
    let restore = ["restore", &none, "--data-dir", &full]
        .map(str::to_owned)
        .to_vec();
    assert!(run(restore).await.contains("this is no backup"));
    let check = ["check", "--data-dir", &none].map(str::to_owned).to_vec();
    assert!(run(check).await.contains("--data-dir"));
    let tail = ["events", "--data-dir", &none, "tail"]
        .map(str::to_owned)
        .to_vec();
    assert!(run(tail).await.contains("no marketplace is running there"));
}

#[tokio::test]
async fn an_operator_follows_events_and_hears_of_wrong_names() {
    let marketplace = Marketplace::start(Composition::Embedded, &[])
        .await
        .unwrap();
    let mut seller = person(&marketplace, "seller").await;
    let data = marketplace.data_dir().display().to_string();
    let mut tail = command(
        marketplace.program(),
        &["events", "tail", "--data-dir", &data],
    )
    .stdout(Stdio::piped())
    .kill_on_drop(true)
    .spawn()
    .unwrap();
    let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    let listing = async {
        // The first ones may come before it follows.
        for number in 0..100 {
            seller
                .list_ticket(&format!("Followed {number}"))
                .await
                .unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let line = tokio::select! {
        line = lines.next_line() => line.unwrap().unwrap(),
        () = listing => panic!("no event was seen"),
    };
    assert!(line.contains("ticketing.ticket.listed.v1"), "{line}");
    tail.kill().await.unwrap();
    for (arguments, named) in [
        (["events", "rebuild", "nothing", ""], "no service nothing"),
        (["events", "show", "order", "nonsense"], "nonsense"),
        (["events", "show", "nothing", "x"], "nothing"),
    ] {
        let arguments: Vec<&str> = arguments
            .into_iter()
            .filter(|word| !word.is_empty())
            .collect();
        let output = marketplace.command(&arguments).await.unwrap();
        assert!(
            !output.status.success() && text(&output).contains(named),
            "{}",
            text(&output)
        );
    }
    marketplace.audit_and_stop().await.unwrap();
}

async fn again_in(marketplace: &Marketplace, name: &str) -> Client {
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn figures_say_what_was_handled_and_what_waits() {
    let (marketplace, mut buyer) = with_a_sale().await;
    let text = buyer.get("/metrics").await.unwrap().body;
    let text = String::from_utf8(text.to_vec()).unwrap();
    let value = |figure: &str| {
        let line = text.lines().find(|line| line.starts_with(figure));
        let number = line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        number.unwrap_or_else(|| panic!("no {figure} in {text}"))
    };
    let of_orders = r#"{service="payments",aggregate="order"}"#;
    assert!(value(&format!("ticketing_events_handled_total{of_orders}")) >= 3.0);
    assert!(value(&format!("ticketing_event_delay_seconds_count{of_orders}")) >= 3.0);
    assert!(value(r#"ticketing_events_published_total{service="tickets"}"#) >= 3.0);
    assert!(value(r#"ticketing_database_writes_running{service="orders"}"#) >= 0.0);
    // Counted at the start, and again after a while.
    for quiet in [
        r#"ticketing_events_parked{service="orders"}"#,
        r#"ticketing_events_unpublished{service="orders"}"#,
        r#"ticketing_keys_blocked{service="orders"}"#,
    ] {
        assert!(value(quiet).abs() < f64::EPSILON, "{quiet}");
    }
    marketplace.audit_and_stop().await.unwrap();
}
