//! What stops the program at its start says which setting it is about; and how a stop goes.

mod collector;
mod demo;
mod stop;

use std::process::Output;

use e2e::{Client, Composition, Marketplace, command, program};
use http::StatusCode;
use serde_json::json;

use crate::people::person;

async fn up(args: &[&str], variable: Option<(&str, &str)>) -> Output {
    let directory = tempfile::tempdir().unwrap();
    let mut command = command(&program().unwrap(), &["up"]);
    command.current_dir(directory.path()).args(args);
    command.envs(variable);
    tokio::time::timeout(std::time::Duration::from_secs(20), command.output())
        .await
        .unwrap()
        .unwrap()
}

fn says(output: &Output, what: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && said.contains(what),
        "{what}: {said}"
    );
}

#[tokio::test]
async fn a_wrong_setting_is_named() {
    says(&up(&["--order-hold", "15"], None).await, "--order-hold");
    says(
        &up(&["--public-url", "tickets.example"], None).await,
        "--public-url",
    );
    says(&up(&["--no-such-setting"], None).await, "--no-such-setting");
    says(
        &up(&[], Some(("TICKETING_LISTN", "x"))).await,
        "TICKETING_LISTN",
    );
    says(
        &up(&[], Some(("TICKETING_LISTEN", "nowhere"))).await,
        "--listen",
    );
    says(&up(&["--smtp-url", "http://x"], None).await, "--smtp-url");
    let encrypted = ["--otlp-endpoint", "https://x"];
    says(&up(&encrypted, None).await, "--otlp-endpoint");
    says(&up(&["--drain-for", "15"], None).await, "--drain-for");
}

#[tokio::test]
async fn a_port_or_a_directory_in_use_is_named() {
    let marketplace = Marketplace::start(Composition::Embedded, &[])
        .await
        .unwrap();
    let address = marketplace.address.to_string();
    says(&up(&["--listen", &address], None).await, &address);
    let directory = marketplace.data_dir().display().to_string();
    let output = up(&["--listen", "127.0.0.1:0", "--data-dir", &directory], None).await;
    says(&output, "another process is using it");
    says(
        &up(
            &["--listen", "127.0.0.1:0", "--data-dir", "/proc/nowhere"],
            None,
        )
        .await,
        "--data-dir",
    );
    marketplace.audit_and_stop().await.unwrap();
}

#[tokio::test]
async fn the_data_directory_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let marketplace = Marketplace::start(Composition::Embedded, &[])
        .await
        .unwrap();
    let mode = std::fs::metadata(marketplace.data_dir())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
    marketplace.audit_and_stop().await.unwrap();
}

#[tokio::test]
async fn a_data_directory_that_is_a_file_or_closed_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "not a directory").unwrap();
    for path in [file.clone(), file.join("below")] {
        let path = path.display().to_string();
        let output = up(&["--listen", "127.0.0.1:0", "--data-dir", &path], None).await;
        says(&output, &format!("--data-dir {path}"));
    }
    assert_eq!(std::fs::read_to_string(file).unwrap(), "not a directory");
}

#[tokio::test]
async fn an_operator_reaches_a_marketplace_whose_directory_has_a_long_name() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("d".repeat(100)).join("e".repeat(100));
    let mut up = command(&program().unwrap(), &["up", "--listen", "127.0.0.1:0"]);
    up.arg("--data-dir").arg(&data).kill_on_drop(true);
    let mut running = up.spawn().unwrap();
    let lock_is_held = async || {
        let path = data.display().to_string();
        let output = self::up(&["--listen", "127.0.0.1:0", "--data-dir", &path], None).await;
        String::from_utf8_lossy(&output.stderr).contains("another process")
    };
    while !data.join("control.sock").exists() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(lock_is_held().await);
    let mut check = command(&program().unwrap(), &["check", "--at-rest", "--data-dir"]);
    let checked = check.arg(&data).output().await.unwrap();
    assert!(checked.status.success(), "{checked:?}");
    running.kill().await.unwrap();
}

#[tokio::test]
async fn limits_are_settings() {
    let settings = [
        ["--title-limit", "12"],
        ["--price-limit", "100"],
        ["--password-min", "10"],
        ["--body-limit", "4096"],
    ];
    let marketplace = Marketplace::start(Composition::Embedded, settings.as_flattened());
    let marketplace = marketplace.await.unwrap();
    let mut seller = person(&marketplace, "seller").await;
    let listed = async |seller: &mut Client, title: &str, price: &str| {
        let ticket = json!({"title": title, "price": price});
        let answer = seller.post("/api/tickets", &ticket).await.unwrap();
        (answer.status.as_u16(), answer.json()["errors"].to_string())
    };
    assert_eq!(listed(&mut seller, "Twelve chars", "100").await.0, 201);
    let (status, errors) = listed(&mut seller, "Thirteen char", "100.01").await;
    assert_eq!(status, 400);
    assert!(errors.contains("12") && errors.contains("100"), "{errors}");
    assert_eq!(listed(&mut seller, &"x".repeat(4096), "1").await.0, 413);
    let short = json!({"email": "a@example.com", "password": "ninechars"});
    let refused = seller.post("/api/users/signup", &short).await.unwrap();
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    let mut visitor = Client::connect(marketplace.address).await.unwrap();
    let page = visitor.get("/auth/signup").await.unwrap().body;
    let page = String::from_utf8_lossy(&page).into_owned();
    assert!(page.contains("10 to 128 characters"), "{page}");
    marketplace.audit_and_stop().await.unwrap();
}

#[tokio::test]
async fn who_asks_too_often_is_told_so_on_a_page() {
    let marketplace = Marketplace::start(Composition::Embedded, &["--request-limit", "1"]);
    let marketplace = marketplace.await.unwrap();
    let mut visitor = Client::connect(marketplace.address).await.unwrap();
    let mut refused = Vec::new();
    for (path, accept) in [("/", "text/html"), ("/api/tickets", "application/json")] {
        let headers = [("accept", accept)];
        let mut tries = 0;
        // A slow machine may leave a second between two of them.
        let answer = loop {
            let answer = visitor.call("GET", path, None, &headers).await.unwrap();
            tries += 1;
            if answer.status != StatusCode::OK || tries == 50 {
                break answer;
            }
        };
        assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "{path}");
        assert_eq!(answer.headers["retry-after"], "1", "{path}");
        refused.push(String::from_utf8_lossy(&answer.body).into_owned());
    }
    assert!(
        refused[0].contains("<h1>That was too often</h1>"),
        "{refused:?}"
    );
    assert!(refused[1].contains("too_many_requests"), "{refused:?}");
    // It is one's own requests that are counted, not the audit's.
    marketplace.audit_and_stop().await.unwrap();
}
