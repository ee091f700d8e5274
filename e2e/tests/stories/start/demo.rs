//! The catalogue of `--demo` is made once, and wholly, whatever comes between.

use std::path::Path;
use std::time::Duration;

use e2e::{Client, Marketplace, command, program};
use http::StatusCode;
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::people::see;

/// Whose listings they are.
const SELLERS: [&str; 4] = ["ada", "bruno", "chiara", "dmitri"];

/// How many listings the catalogue has.
const LISTED: i64 = 36;

/// How often a kill may come too late.
const TRIES: usize = 20;

/// Starts the program with `--demo`, and kills it once it has made some listings; tells how many.
async fn killed_in_the_middle(data: &Path) -> i64 {
    let mut up = command(&program().unwrap(), &["up", "--demo"]);
    up.args(["--listen", "127.0.0.1:0", "--data-dir"]).arg(data);
    let mut child = up.kill_on_drop(true).spawn().unwrap();
    while listed(data) == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    child.kill().await.unwrap();
    listed(data)
}

/// How many listings there are; none while there is no such table.
fn listed(data: &Path) -> i64 {
    let count = || {
        let file = data.join("tickets.db");
        let file = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        file.query_row("select count(*) from tickets", [], |row| row.get(0))
    };
    count().unwrap_or_default()
}

#[tokio::test]
async fn a_demo_that_broke_off_is_completed() {
    for _ in 0..TRIES {
        let directory = tempfile::tempdir().unwrap();
        let made = killed_in_the_middle(&directory.path().join("data")).await;
        if (1..LISTED).contains(&made) {
            return completed(directory).await;
        }
    }
    panic!("no kill came in the middle");
}

/// A start on those data completes the catalogue; another changes nothing any more.
async fn completed(directory: TempDir) {
    let marketplace = Marketplace::start_on(directory, &["--demo"]).await.unwrap();
    let whole = settled(&marketplace).await;
    assert_eq!(
        i64::try_from(whole.len()),
        Ok(LISTED),
        "each is there once: {whole:?}"
    );
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
