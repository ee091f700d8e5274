//! `kill -9` in a loop under load: what was acknowledged stays, what was not happens at most once.

pub mod disk;
pub mod history;
pub mod life;
pub mod verdict;

use std::time::Duration;

use e2e::{Client, Composition, Marketplace};
use futures::future::join_all;
use testing::random::Seeded;

use crate::people::person;
use history::History;
use life::Life;

/// How often it is killed, unless `TICKETING_CRASH_ROUNDS` says otherwise.
const ROUNDS: u64 = 6;
/// Where all choices begin, unless `TICKETING_CRASH_SEED` says otherwise.
const SEED: u64 = 7;
/// How many people are at it.
const PEOPLE: usize = 6;

/// Short holds, so that time runs out in every round.
pub const SETTINGS: &[&str] = &[
    "--order-hold",
    "2s",
    "--payment-grace",
    "2s",
    "--unpaid-holds",
    "1000",
    "--log",
    "warn",
];

fn number(variable: &str, otherwise: u64) -> u64 {
    let text = std::env::var(variable);
    text.map_or(otherwise, |text| text.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_under_load_it_loses_nothing_and_does_nothing_twice() {
    let rounds = number("TICKETING_CRASH_ROUNDS", ROUNDS);
    let seed = number("TICKETING_CRASH_SEED", SEED);
    println!("seed {seed}, {rounds} rounds");
    let start = Marketplace::start(Composition::told(), SETTINGS);
    let mut marketplace = start.await.unwrap();
    let mut cookies = Vec::new();
    for who in 0..PEOPLE {
        cookies.push(person(&marketplace, &format!("person{who}")).await.cookie);
    }
    let (history, moments) = (history(), Seeded::new(seed));
    for round in 0..rounds {
        let clients = connected(&marketplace, &cookies).await;
        let lives = clients.into_iter().enumerate().map(|(who, client)| {
            let drawn = seed.wrapping_mul(1_000_003) + round * 1_000 + who as u64;
            Life::new(&history, who, client, drawn).live()
        });
        let moment = Duration::from_millis(300 + moments.below(900));
        let starts = killed_starts(&moments);
        let end = async {
            tokio::time::sleep(moment).await;
            if round % 4 == 3 {
                // In order, but under load: this too loses nothing.
                return marketplace.restart().await.unwrap();
            }
            marketplace.kill_and_restart(&starts).await.unwrap()
        };
        (marketplace, _) = tokio::join!(end, join_all(lives));
        println!("round {round}: ended after {moment:?}, at starts after {starts:?}; {history}");
        let mut clients = connected(&marketplace, &cookies).await;
        verdict::ask_again(&history, &mut clients).await;
        verdict::acknowledged_is_there(&history, &mut clients).await;
    }
    let mut clients = connected(&marketplace, &cookies).await;
    verdict::come_to_rest(&marketplace, &history, &mut clients).await;
    verdict::all_was_kept(&marketplace, &history, &cookies).await;
    assert!(
        history.read().created.len() > 100,
        "the load was no load: {history}"
    );
    marketplace.audit_and_stop().await.unwrap();
}

/// Apart, the bus elects its leaders after each start, and news of a new listing comes later than
/// an order may wait for it.
fn history() -> History {
    match Composition::told() {
        Composition::Embedded => History::default(),
        Composition::Apart => History::patient(),
    }
}

/// After how long some starts are killed too: in every third round one or two.
fn killed_starts(moments: &Seeded) -> Vec<Duration> {
    let count = if moments.below(3) == 0 {
        1 + moments.below(2)
    } else {
        0
    };
    (0..count)
        .map(|_| Duration::from_millis(10 + moments.below(250)))
        .collect()
}

pub async fn connected(marketplace: &Marketplace, cookies: &[Option<String>]) -> Vec<Client> {
    let mut clients = Vec::new();
    for cookie in cookies {
        let mut client = Client::connect(marketplace.address).await.unwrap();
        client.cookie.clone_from(cookie);
        clients.push(client);
    }
    clients
}
