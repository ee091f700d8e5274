//! The disk of a server fills up under load, apart: what needs it waits or is refused, the rest goes on,
//! and nothing that was acknowledged is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use e2e::{Cluster, Composition, Marketplace, SmallDisk};
use futures::future::join_all;
use http::StatusCode;

use super::{PATIENCE, nothing_is_held_up, page};
use crate::crash::disk::it_is_full;
use crate::crash::history::History;
use crate::crash::life::Life;
use crate::crash::{connected, verdict};
use crate::people::person;

/// How many people are at it.
const PEOPLE: usize = 4;

/// Where their choices begin.
const SEED: u64 = 31;

/// How much must be acknowledged before something goes wrong, a payment among it.
const PROGRESS: usize = 10;

/// How often the disk fills up before its server is killed on it.
const ROUNDS: usize = 2;

/// How long the disk stays full: longer than a hold and a lease.
const FULL_FOR: Duration = Duration::from_secs(4);

/// Short holds, so that time runs out while the disk is full.
const SETTINGS: &[&str] = &[
    "--order-hold",
    "2s",
    "--payment-grace",
    "2s",
    "--unpaid-holds",
    "1000",
    "--log",
    "warn",
];

/// People buy and sell on a cluster of which one server's disk is small, while it goes as is told.
async fn lived_through(
    marketplace: Marketplace,
    goes_wrong: impl AsyncFnOnce(&Marketplace, &SmallDisk, &History),
) {
    let disk = Arc::clone(marketplace.disk().unwrap());
    let mut cookies = Vec::new();
    for who in 0..PEOPLE {
        cookies.push(person(&marketplace, &format!("person{who}")).await.cookie);
    }
    let (history, over) = (History::patient(), AtomicBool::new(false));
    let clients = connected(&marketplace, &cookies).await;
    let lives = clients.into_iter().enumerate().map(|(who, client)| {
        Life::new(&history, who, client, SEED + who as u64).live_through(&over)
    });
    let faults = async {
        goes_wrong(&marketplace, &disk, &history).await;
        history.goes_on("the end", PROGRESS, PATIENCE).await;
        over.store(true, Ordering::Relaxed);
    };
    tokio::join!(faults, join_all(lives));
    println!("at the end {history}");
    Cluster::of(&marketplace).wait_until_ready().await.unwrap();
    let mut clients = connected(&marketplace, &cookies).await;
    verdict::ask_again(&history, &mut clients).await;
    verdict::acknowledged_is_there(&history, &mut clients).await;
    marketplace.come_to_rest().await.unwrap();
    nothing_is_held_up(&marketplace).await;
    verdict::all_was_kept(&marketplace, &history, &cookies).await;
    marketplace.audit_and_stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_room_the_database_refuses_and_killed_on_a_full_disk_it_comes_back() {
    let start = Marketplace::start_on_small_disk(Composition::Apart, ("postgres", 512), SETTINGS);
    let marketplace = start.await.unwrap();
    lived_through(marketplace, async |marketplace, disk, history| {
        let cluster = Cluster::of(marketplace);
        let mut watcher = person(marketplace, "watcher").await;
        for round in 0..ROUNDS {
            history.goes_on("a full disk", PROGRESS, PATIENCE).await;
            disk.fill().unwrap();
            it_is_full(&mut watcher, &format!("round {round}")).await;
            tokio::time::sleep(FULL_FOR).await;
            disk.make_room().unwrap();
        }
        history.goes_on("a crash on it", PROGRESS, PATIENCE).await;
        disk.fill().unwrap();
        it_is_full(&mut watcher, "the last time").await;
        cluster.kill("postgres").await.unwrap();
        tokio::time::sleep(FULL_FOR).await;
        disk.make_room().unwrap();
        cluster.wait_until_ready().await.unwrap();
    })
    .await;
}

/// Waits until a service says anew that the bus does not take its events.
async fn until_events_wait(marketplace: &Marketplace) {
    let said = || {
        marketplace
            .log()
            .unwrap()
            .matches("the relay waits")
            .count()
    };
    let before = said();
    let waits = async {
        while said() == before {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let waits = tokio::time::timeout(PATIENCE, waits).await;
    assert!(waits.is_ok(), "the bus has room");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_room_the_bus_stops_and_what_it_did_not_take_comes_later() {
    let start = Marketplace::start_on_small_disk(Composition::Apart, ("nats-1", 24), SETTINGS);
    let marketplace = start.await.unwrap();
    lived_through(marketplace, async |marketplace, disk, history| {
        let cluster = Cluster::of(marketplace);
        let mut watcher = person(marketplace, "watcher").await;
        for is_killed_on_it in [false, true] {
            history.goes_on("a full disk", PROGRESS, PATIENCE).await;
            disk.fill().unwrap();
            until_events_wait(marketplace).await;
            // Each service has its own data, and goes on.
            watcher.list_ticket("Listed meanwhile").await.unwrap();
            page(&mut watcher, "/", StatusCode::OK).await;
            if is_killed_on_it {
                cluster.kill("nats-1").await.unwrap();
            }
            tokio::time::sleep(FULL_FOR).await;
            disk.make_room().unwrap();
            // Once this server (2.9) had no room it stands still for good, also with room.
            cluster.kill("nats-1").await.unwrap();
            cluster.wait_until_ready().await.unwrap();
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_one_of_three_out_of_room_the_bus_goes_on_once_it_is_stopped() {
    let start = Marketplace::start_replicated_on_small_disk(("nats-1", 24), SETTINGS);
    let marketplace = start.await.unwrap();
    lived_through(marketplace, async |marketplace, disk, history| {
        let cluster = Cluster::of(marketplace);
        history.goes_on("a full disk", PROGRESS, PATIENCE).await;
        disk.fill().unwrap();
        // What this server (2.9) leads it goes on leading, and takes nothing: some events wait.
        until_events_wait(marketplace).await;
        cluster.hold("nats-1").await.unwrap();
        history.goes_on("room", PROGRESS, PATIENCE).await;
        disk.make_room().unwrap();
        cluster.release("nats-1").await.unwrap();
    })
    .await;
}
