//! The catalogue of `--demo` is made once, and wholly, whatever comes between.

use std::path::Path;
use std::time::Duration;

use e2e::{Client, Marketplace, command, program};
use http::StatusCode;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::people::see;

/// Whose listings they are.
const SELLERS: [&str; 4] = ["ada", "bruno", "chiara", "dmitri"];

/// How many listings the catalogue has.
const LISTED: usize = 36;

/// Starts the program with `--demo`, kills it after a while, and tells how many listings it had made.
async fn killed_after(data: &Path, delay: Duration) -> usize {
    let mut up = command(&program().unwrap(), &["up", "--demo"]);
    up.args(["--listen", "127.0.0.1:0", "--data-dir"]).arg(data);
    let mut child = up.kill_on_drop(true).spawn().unwrap();
    tokio::time::sleep(delay).await;
    child.kill().await.unwrap();
    tickets(data).await
}

/// How many listings a stopped marketplace has.
async fn tickets(data: &Path) -> usize {
    let mut check = command(&program().unwrap(), &["check", "--data-dir"]);
    let output = check.arg(data).output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let counted = said.split_once("checked ").and_then(|(_, rest)| {
        let number = rest.split(' ').next()?;
        number.parse().ok()
    });
    counted.unwrap_or_default()
}

#[tokio::test]
async fn a_demo_that_broke_off_is_completed() {
    let mut broken = None;
    for delay in (1..60).map(|step| Duration::from_millis(step * 50)) {
        let directory = tempfile::tempdir().unwrap();
        let made = killed_after(&directory.path().join("data"), delay).await;
        if made >= LISTED {
            break;
        }
        if made > 0 {
            broken = Some(directory);
            break;
        }
    }
    let directory = broken.expect("no kill came in the middle");
    started(directory).await;
}

/// A start on those data completes the catalogue; another changes nothing any more.
async fn started(directory: TempDir) {
    let marketplace = Marketplace::start_on(directory, &["--demo"]).await.unwrap();
    let whole = settled(&marketplace).await;
    assert_eq!(whole.len(), LISTED, "each is there once: {whole:?}");
    let marketplace = marketplace.restart().await.unwrap();
    assert_eq!(catalogue(&marketplace).await, whole);
    marketplace.audit_and_stop().await.unwrap();
}

/// The catalogue, once what was paid is sold.
async fn settled(marketplace: &Marketplace) -> Vec<(String, String)> {
    let mut seen = Vec::new();
    for _ in 0..100 {
        seen = catalogue(marketplace).await;
        let count = |status: &str| seen.iter().filter(|(_, now)| now == status).count();
        if (count("sold"), count("held"), count("withdrawn")) == (3, 2, 2) {
            return seen;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not what the catalogue says: {seen:?}")
}

/// Title and status of all listings, in the order of titles.
async fn catalogue(marketplace: &Marketplace) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut all = Vec::new();
    for seller in SELLERS {
        let mut seller = signed_in(marketplace, seller).await;
        let mine = see(&mut seller, "/api/tickets/mine?limit=200").await;
        let mine = mine.as_array().unwrap().iter();
        all.extend(mine.map(|ticket| (text(&ticket["title"]), text(&ticket["status"]))));
    }
    all.sort();
    all
}

async fn signed_in(marketplace: &Marketplace, name: &str) -> Client {
    let mut client = Client::connect(marketplace.address).await.unwrap();
    let email = format!("{name}@demo.example");
    let person = json!({"email": email, "password": "correct horse battery"});
    let answer = client.post("/api/users/signin", &person).await.unwrap();
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    client.cookie = answer.cookie;
    client
}
