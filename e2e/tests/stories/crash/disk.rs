//! The disk fills up under load, the program stands still, it is killed on a full disk: what can't be
//! written is refused, nothing that was acknowledged is lost, and it goes on once there is room.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use e2e::{Client, Composition, Marketplace, SmallDisk};
use futures::future::join_all;
use http::StatusCode;
use serde_json::json;
use testing::random::Seeded;

use super::history::History;
use super::life::Life;
use super::{PEOPLE, SETTINGS, connected, verdict};
use crate::people::person;

/// How often the disk fills up before the program is killed on it.
const ROUNDS: u64 = 3;

/// How large the disk is, in MiB: there is room for all that the story writes.
const SIZE: u32 = 192;

/// Where all choices begin.
const SEED: u64 = 23;

/// How much must be acknowledged before something goes wrong, a payment among it.
const PROGRESS: usize = 20;

/// How long something that is to happen may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long the program stands still: longer than a hold and its grace.
const STILL: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_full_disk_it_keeps_its_word_and_goes_on_when_there_is_room() {
    let start = Marketplace::start_on_small_disk(Composition::Embedded, ("", SIZE), SETTINGS);
    let mut marketplace = start.await.unwrap();
    let disk = std::sync::Arc::clone(marketplace.disk().unwrap());
    let mut cookies = Vec::new();
    for who in 0..PEOPLE {
        cookies.push(person(&marketplace, &format!("person{who}")).await.cookie);
    }
    let (history, over) = (History::patient(), AtomicBool::new(false));
    let (moments, mut watcher) = (Seeded::new(SEED), person(&marketplace, "watcher").await);
    let clients = connected(&marketplace, &cookies).await;
    let lives = clients.into_iter().enumerate().map(|(who, client)| {
        Life::new(&history, who, client, SEED + who as u64).live_through(&over)
    });
    let faults = async {
        for round in 0..ROUNDS {
            history
                .goes_on("what goes wrong next", PROGRESS, PATIENCE)
                .await;
            disk.fill().unwrap();
            it_is_full(&mut watcher, &format!("round {round}")).await;
            tokio::time::sleep(Duration::from_millis(moments.below(3000))).await;
            disk.make_room().unwrap();
        }
        history
            .goes_on("what goes wrong next", PROGRESS, PATIENCE)
            .await;
        marketplace.pause().await.unwrap();
        tokio::time::sleep(STILL).await;
        marketplace.resume().await.unwrap();
        history
            .goes_on("what goes wrong next", PROGRESS, PATIENCE)
            .await;
        disk.fill().unwrap();
        it_is_full(&mut watcher, "the last time").await;
        over.store(true, Ordering::Relaxed);
    };
    tokio::join!(faults, join_all(lives));
    println!("before it is killed on a full disk {history}");
    marketplace = killed_when_full(marketplace, &disk).await;
    let mut clients = connected(&marketplace, &cookies).await;
    verdict::ask_again(&history, &mut clients).await;
    verdict::acknowledged_is_there(&history, &mut clients).await;
    verdict::come_to_rest(&marketplace, &history, &mut clients).await;
    verdict::all_was_kept(&marketplace, &history, &cookies).await;
    marketplace.audit_and_stop().await.unwrap();
}

/// What needs room is refused with a word of when to come again; what needs none is answered.
pub async fn it_is_full(watcher: &mut Client, when: &str) {
    let refused = async {
        for number in 0.. {
            let draft =
                json!({"title": format!("{when}: {number} {}", "x".repeat(100)), "price": 5});
            let answer = watcher.post("/api/tickets", &draft).await.unwrap();
            if answer.status == StatusCode::SERVICE_UNAVAILABLE {
                return answer;
            }
            // There was room left within the files.
            assert_eq!(answer.status, StatusCode::CREATED, "{:?}", answer.body);
        }
        unreachable!()
    };
    let refused = tokio::time::timeout(PATIENCE, refused).await.unwrap();
    assert_eq!(refused.headers["content-type"], "application/problem+json");
    assert!(refused.headers.contains_key("retry-after"));
    let shown = watcher.get("/api/tickets").await.unwrap();
    assert_eq!(shown.status, StatusCode::OK, "{:?}", shown.body);
}

/// It is killed; on the full disk it either serves what it can or says what is the matter, and with
/// room it runs.
async fn killed_when_full(marketplace: Marketplace, disk: &SmallDisk) -> Marketplace {
    let killed = marketplace.kill().await.unwrap();
    match killed.start().await {
        Ok(running) => {
            println!("it runs on the full disk");
            disk.make_room().unwrap();
            running
        }
        Err((killed, said)) => {
            println!("on the full disk it does not start: {said:#}");
            assert!(said.to_string().contains("full"), "{said:#}");
            disk.make_room().unwrap();
            killed.start().await.map_err(|(_, said)| said).unwrap()
        }
    }
}
