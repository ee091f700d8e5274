//! Two processes with the same services on the same databases: the invariants hold between them, and
//! each goes on when the other dies.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use contracts::{Aggregate, Timestamp};
use futures::StreamExt;
use platform::bus::Bus;
use platform::bus::jetstream::{self, Settings};
use platform::clock::later;
use platform::db::params;
use platform::gate::inbox::Arrival;
use platform::log::PARTITIONS;
use platform::shares;
use platform::tasks::Tasks;
use platform::{Failure, Tx};
use testing::nats::Server;
use testing::{Faults, World};

use crate::stage::{Stage, all};
use crate::toys::{Counter, Moods};

/// Two replicas of all toys, and the broker that they share.
struct Pair {
    one: Stage,
    two: Stage,
    _broker: Server,
}

async fn connected(broker: &Server) -> Arc<dyn Bus> {
    let (settings, tasks) = (Settings::new(broker.url()), Tasks::default());
    Arc::new(jetstream::connect(&settings, &tasks).await.unwrap())
}

/// One replica of all toys, which others can join.
async fn alone(broker: &Server) -> Stage {
    let moods = Moods::default();
    let world = World::start_shared_over(connected(broker).await, all(&moods));
    Stage {
        world: world.await.unwrap(),
        moods,
    }
}

impl Pair {
    async fn start() -> Self {
        let broker = testing::nats::single().unwrap();
        let one = alone(&broker).await;
        let another = one.world.beside(connected(&broker).await, all(&one.moods));
        let two = Stage {
            world: another.await.unwrap(),
            moods: one.moods.clone(),
        };
        Self {
            one,
            two,
            _broker: broker,
        }
    }

    /// Adds by both replicas at once, to all of these counters.
    async fn add(&self, ids: &[&str], times: i64) {
        let adding = ids.iter().map(|id| async move {
            tokio::join!(self.one.add_times(id, times), self.two.add_times(id, times))
        });
        futures::future::join_all(adding).await;
    }

    /// Waits until both publish a fair share.
    async fn until_shared(&self) {
        let fair = async || {
            let holders = holders(&self.one).await;
            let shares: Vec<i64> = holders.into_iter().map(|(_, count)| count).collect();
            (shares == [PARTITIONS / 2; 2]).then_some(())
        };
        self.one.until(fair).await;
    }

    async fn end(self, ids: &[&str]) {
        self.one.rest().await;
        self.two.check(ids).await;
        self.two.world.end().await.unwrap();
        self.one.end(ids).await;
    }
}

/// Who publishes how many partitions of the counters' events.
async fn holders(stage: &Stage) -> Vec<(String, i64)> {
    let look = async |tx: &mut Tx| {
        let sql = "select holder, count(*) from leases where name like 'relay/%' \
                   and name not like 'relay/replica/%' group by holder order by holder";
        let rows = tx.query(sql, params![]).await?;
        let read = rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?)));
        read.collect()
    };
    let db = stage.world.db("counters").unwrap();
    db.read(look).await.unwrap()
}

/// The counters whose events this replica has published.
fn published(stage: &Stage) -> BTreeSet<String> {
    let events = stage.world.events.lock();
    let events = events.unwrap_or_else(PoisonError::into_inner);
    let counters = events
        .iter()
        .filter(|event| event.aggregate == Counter::NAME);
    counters.map(|event| event.subject.clone()).collect()
}

fn many() -> Vec<String> {
    (0..24).map(|number| format!("counter-{number}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn i4_i5_replicas_have_each_effect_once_and_in_order() {
    let pair = Pair::start().await;
    let ids = ["a", "b", "c"];
    pair.add(&ids, 20).await;
    for stage in [&pair.one, &pair.two] {
        for id in ids {
            stage.until_at("board", id, 40).await;
        }
    }
    pair.end(&ids).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i4_i5_replicas_that_hear_late_twice_and_never_have_each_effect_once_and_in_order() {
    let pair = Pair::start().await;
    for (seed, stage) in [(1, &pair.one), (2, &pair.two)] {
        stage.world.bus.reseed(seed);
        stage.world.bus.set(Faults {
            lost: 20,
            doubled: 20,
            delayed: 40,
            unconfirmed: 10,
            unheard: 20,
            unanswered: 20,
        });
    }
    let ids = ["a", "b", "c"];
    pair.add(&ids, 20).await;
    pair.one.mend_wires();
    pair.two.mend_wires();
    pair.end(&ids).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn relays_share_the_work_and_each_key_has_one() {
    let pair = Pair::start().await;
    pair.until_shared().await;
    let ids = many();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    pair.add(&ids, 1).await;
    pair.one.until_published().await;
    let (by_one, by_two) = (published(&pair.one), published(&pair.two));
    assert!(!by_one.is_empty() && !by_two.is_empty());
    assert_eq!(by_one.len() + by_two.len(), ids.len(), "none by both");
    pair.end(&ids).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i7_the_share_of_a_replica_that_dies_is_published_by_the_other() {
    let pair = Pair::start().await;
    pair.until_shared().await;
    let ids = many();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    pair.add(&ids, 1).await;
    let Pair { one, two, _broker } = pair;
    two.crash().await;
    one.add_together(&ids, 3).await;
    one.until_published().await;
    let holders = holders(&one).await;
    assert!(matches!(&holders[..], [(_, PARTITIONS)]), "{holders:?}");
    one.end(&ids).await;
}

/// Everything that the board hears is another replica's, for so long; and the board hears of it.
async fn give_to_another(stage: &Stage, bus: &dyn Bus, until: Timestamp) {
    let give = async move |tx: &mut Tx| {
        let sql = "update leases set holder = 'another', until = $1 where name like 'hear/%'";
        tx.execute(sql, params![until]).await
    };
    let db = stage.world.db("board").unwrap();
    assert!(db.write(give).await.unwrap() > 0);
    bus.nudge("board", "shares/another").await.unwrap();
}

/// A replica dies with an event that it had fetched, and the owner does not answer who takes over until so
/// long after.
async fn taken_over_from_one_that_died(owner_answers_after: Duration) {
    let broker = testing::nats::single().unwrap();
    let stage = alone(&broker).await;
    stage.world.bus.set(NO_ANNOUNCEMENTS);
    let another = connected(&broker).await;
    let gone_at = later(stage.world.now(), shares::LAST);
    give_to_another(&stage, &*another, gone_at).await;
    let fetching = another.subscribe("board", "counters", Counter::NAME);
    let mut fetching = fetching.await.unwrap();
    let (fetched, version) = loop {
        stage.add("a", 1).await;
        let soon = Duration::from_millis(200);
        let Ok(Some(fetched)) = tokio::time::timeout(soon, fetching.next()).await else {
            continue;
        };
        let version = fetched.envelope.aggregateversion;
        // What was there when the board had just started, it may have read from the log.
        if stage.cursor("board", "a").await.version < version {
            break (fetched, version);
        }
        fetched.acknowledge();
    };

    if !owner_answers_after.is_zero() {
        stage.cut_wires();
        let answers_at = later(gone_at, owner_answers_after);
        let answers = async || (stage.world.now() >= answers_at).then_some(());
        stage.until(answers).await;
        stage.world.bus.set(NO_ANNOUNCEMENTS);
    }
    let long_before_the_next_comparison = later(gone_at, Duration::from_secs(40));
    stage.until_at("board", "a", version).await;
    assert!(stage.world.now() < long_before_the_next_comparison);
    drop((fetched, fetching));
    stage.end(&["a"]).await;
}

/// Who announces heads is gone too.
const NO_ANNOUNCEMENTS: Faults = Faults {
    unheard: 100,
    lost: 0,
    doubled: 0,
    delayed: 0,
    unconfirmed: 0,
    unanswered: 0,
};

#[tokio::test(flavor = "multi_thread")]
async fn i7_what_a_replica_had_fetched_when_it_died_is_asked_for_by_who_takes_over() {
    taken_over_from_one_that_died(Duration::ZERO).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i7_who_takes_over_asks_again_an_owner_that_did_not_answer() {
    taken_over_from_one_that_died(Duration::from_secs(12)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_by_one_replica_holds_the_other_back_and_is_ended_by_it_should_that_one_die() {
    let Pair { one, two, _broker } = Pair::start().await;
    one.add_together(&["a", "b"], 300).await;
    one.rest().await;
    // It empties the copies and then hears nothing from the owner.
    one.world.bus.set(Faults {
        unanswered: 100,
        ..Faults::default()
    });
    one.gate("board").rebuild().await.unwrap_err();
    assert!(two.gate("board").waiting().await.unwrap().rebuilding);
    assert_eq!(two.copy("board", "a").await, None, "emptied");
    two.add("a", 9).await;
    let event = two.log("a").await.remove(300);
    let consumer = two.gate("board").consumer(Counter::NAME).unwrap();
    let arrival = Arrival::by_bus(Arc::new(event), 1);
    let held_back = two.gate("board").take(consumer, vec![arrival]).await;
    assert!(
        matches!(held_back, Err(Failure::Unavailable(_))),
        "{held_back:?}"
    );
    let refused = two.gate("board").rebuild().await;
    assert!(
        matches!(refused, Err(Failure::Unavailable(_))),
        "{refused:?}"
    );
    one.crash().await;
    let ended = async || {
        let waiting = two.gate("board").waiting().await.unwrap();
        (!waiting.rebuilding).then_some(())
    };
    two.until(ended).await;
    two.until_at("board", "a", 301).await;
    two.end(&["a", "b"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_beside_busy_replicas_finds_nothing() {
    let pair = Pair::start().await;
    let busy = pair.add(&["a", "b"], 60);
    let audits = async {
        for stage in [&pair.one, &pair.two, &pair.one, &pair.two] {
            for service in ["board", "archive"] {
                let gate = stage.gate(service);
                assert_eq!(gate.copy_differences().await.unwrap(), Vec::<String>::new());
                let lags = gate.lags().await.unwrap();
                assert!(lags.iter().all(|lag| lag.cursor < lag.head), "{lags:?}");
            }
        }
    };
    tokio::join!(busy, audits);
    pair.end(&["a", "b"]).await;
}
