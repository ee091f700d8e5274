//! A cluster's worth of pods on one machine: pages reach the right people through the load balancer, an
//! upgrade is noticed by nobody, and the loss of a node costs nothing that was acknowledged.

mod visitors;
mod world;

use std::time::Duration;

use futures::future::join_all;

use visitors::{Log, Visitor};
use world::World;

/// How many people are at it.
const PEOPLE: usize = 4;

/// How much everybody has done before the next thing happens.
const PROGRESS: usize = 12;

/// How long after the loss of a node requests may fail: until everybody has heard of it.
const NOTICED_WITHIN: Duration = Duration::from_secs(8);

#[test]
fn an_upgrade_is_noticed_by_nobody_and_a_lost_node_costs_nothing() {
    World::with(|mut world| async move {
        let log = Log::default();
        let mut people = Vec::new();
        for who in 0..PEOPLE {
            people.push(Visitor::arrives(&world, &log, who).await);
        }
        for person in &mut people {
            person.is_greeted().await;
        }
        let lives = join_all(people.into_iter().map(Visitor::lives));
        let events = async {
            log.progress(PROGRESS).await;
            let before = log.count();
            let began = tokio::time::Instant::now();
            world.upgrade().await;
            let (during, took) = (log.count() - before, began.elapsed());
            log.progress(PROGRESS).await;
            println!("upgraded in {took:?} beside {during} requests; {log}");
            assert_eq!(log.failures(), [""; 0], "somebody noticed");
            assert!(during > 50, "only {during} requests meanwhile");

            world.lose_a_node().await;
            tokio::time::sleep(NOTICED_WITHIN).await;
            let noticed = log.failures();
            world.replace_what_was_lost().await;
            log.progress(PROGRESS).await;
            println!(
                "lost a node, which {} requests noticed; {log}",
                noticed.len()
            );
            assert_eq!(log.failures(), noticed, "somebody noticed for too long");
            log.end();
        };
        let (people, ()) = tokio::join!(lives, events);
        for mut person in people {
            person.finds_what_was_acknowledged().await;
        }
        world.comes_to_rest().await;
    });
}
