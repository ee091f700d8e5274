//! The disk of a server fills up under load, apart: what needs it waits or is refused, the rest goes on,
//! and nothing that was acknowledged is lost.

use std::sync::Arc;
use std::time::Duration;

use e2e::{Cluster, Composition, Marketplace, SmallDisk};
use http::StatusCode;

use super::load::lived_through;
use super::{PATIENCE, page};
use crate::crash::SETTINGS;
use crate::crash::disk::it_is_full;
use crate::crash::history::History;
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

/// A cluster of which one server's disk is small, lived through while it goes as is told.
async fn lived_on_small_disk(
    marketplace: Marketplace,
    goes_wrong: impl AsyncFnOnce(&Marketplace, &SmallDisk, &History),
) {
    let disk = Arc::clone(marketplace.disk().unwrap());
    lived_through(marketplace, (PEOPLE, SEED), async |marketplace, history| {
        goes_wrong(marketplace, &disk, history).await;
        history.goes_on("the end", PROGRESS, PATIENCE).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_room_the_database_refuses_and_killed_on_a_full_disk_it_comes_back() {
    let start = Marketplace::start_on_small_disk(Composition::Apart, ("postgres", 512), SETTINGS);
    let marketplace = start.await.unwrap();
    lived_on_small_disk(marketplace, async |marketplace, disk, history| {
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
    lived_on_small_disk(marketplace, async |marketplace, disk, history| {
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
    lived_on_small_disk(marketplace, async |marketplace, disk, history| {
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
