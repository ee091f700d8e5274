//! People buy and sell while one part after the other of a replicated system is killed, stopped, or away.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use e2e::{Cluster, Marketplace};
use futures::future::join_all;

use super::{PATIENCE, nothing_is_held_up};
use crate::crash::history::History;
use crate::crash::life::Life;
use crate::crash::{SETTINGS, connected, verdict};
use crate::people::person;

/// How many people are at it.
const PEOPLE: usize = 6;

/// Where their choices begin.
const SEED: u64 = 11;

/// How much must be acknowledged after a fault before the next one comes, a payment among it.
const PROGRESS: usize = 10;

/// How long something stands still, or is held down: longer than a hold, and than a lease.
const AWAY: Duration = Duration::from_secs(8);

/// How long a server of the bus stays away: until the consumers whose place it kept have another.
const AWAY_FOR_GOOD: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_part_fails_in_turn_and_nothing_is_lost_or_done_twice() {
    let marketplace = Marketplace::start_replicated(SETTINGS).await.unwrap();
    let cluster = Cluster::of(&marketplace);
    lived_through(marketplace, (PEOPLE, SEED), async |_, history| {
        all_faults(&cluster, history).await;
    })
    .await;
}

/// So many people, whose choices begin there, buy and sell while it goes as is told; then all is as they
/// were told.
pub async fn lived_through(
    marketplace: Marketplace,
    (people, seed): (usize, u64),
    goes_wrong: impl AsyncFnOnce(&Marketplace, &History),
) {
    let mut cookies = Vec::new();
    for who in 0..people {
        cookies.push(person(&marketplace, &format!("person{who}")).await.cookie);
    }
    let (history, over) = (History::patient(), AtomicBool::new(false));
    let clients = connected(&marketplace, &cookies).await;
    let lives = clients.into_iter().enumerate().map(|(who, client)| {
        Life::new(&history, who, client, seed + who as u64).live_through(&over)
    });
    let faults = async {
        goes_wrong(&marketplace, &history).await;
        over.store(true, Ordering::Relaxed);
    };
    tokio::join!(faults, join_all(lives));
    println!("at the end {history}");
    let cluster = Cluster::of(&marketplace);
    cluster.wait_until_ready().await.unwrap();
    let mut clients = connected(&marketplace, &cookies).await;
    verdict::ask_again(&history, &mut clients).await;
    verdict::acknowledged_is_there(&history, &mut clients).await;
    verdict::come_to_rest(&marketplace, &history, &mut clients).await;
    nothing_is_held_up(&marketplace).await;
    verdict::all_was_kept(&marketplace, &history, &cookies).await;
    marketplace.audit_and_stop().await.unwrap();
}

async fn all_faults(cluster: &Cluster, history: &History) {
    for name in [
        "auth-1",
        "tickets-1",
        "orders-1",
        "expiration-1",
        "payments-1",
        "notifications-1",
        "web-1",
        "gateway",
        // One of the three leads the stream of orders.
        "nats-1",
        "nats-2",
        "nats-3",
        "postgres",
    ] {
        history.goes_on(name, PROGRESS, PATIENCE).await;
        cluster.kill(name).await.unwrap();
        cluster.wait_until_ready().await.unwrap();
    }
    history
        .goes_on("two that stand still", PROGRESS, PATIENCE)
        .await;
    for name in ["orders-2", "payments-2"] {
        cluster.pause(name).await.unwrap();
    }
    tokio::time::sleep(AWAY).await;
    for name in ["orders-2", "payments-2"] {
        cluster.resume(name).await.unwrap();
    }
    for (name, away) in [
        ("notifications", AWAY),
        ("expiration", AWAY),
        ("nats-2", AWAY_FOR_GOOD),
    ] {
        history.goes_on(name, PROGRESS, PATIENCE).await;
        cluster.hold(name).await.unwrap();
        tokio::time::sleep(away).await;
        cluster.release(name).await.unwrap();
    }
    history.goes_on("the end", PROGRESS, PATIENCE).await;
}
