//! A world of toy services, and what must hold in it.

use std::time::Duration;

use contracts::{Aggregate, Envelope};
use platform::db::params;
use platform::gate::Gate;
use platform::gate::audit::Waiting;
use platform::gate::store::Cursor;
use platform::log::source;
use platform::{Service, Tx};
use testing::{Crashed, Faults, World};

use crate::toys::{
    Counter, CounterState, Label, LabelFact, LabelState, Moods, add, archive, board, counters,
    digest, labels,
};

/// How far the clock is moved each time that something is waited for.
const STEP: Duration = Duration::from_millis(250);

/// The same where each statement is a journey to a server: what has a time limit must have it.
const STEP_SHARED: Duration = Duration::from_millis(40);

/// How often a wait is begun anew there.
const WAITS_SHARED: usize = 6;

/// Whether the databases are files of this process: true unless the run is told to use PostgreSQL.
pub fn keeps_files() -> bool {
    std::env::var_os(testing::postgres::DATABASE).is_none()
}

/// Whether a test that spoils, copies or takes away the databases' files may go on; says so if not.
pub fn needs_files() -> bool {
    if !keeps_files() {
        println!(
            "NOT RUN: it needs the databases' files, and this run keeps its data in PostgreSQL"
        );
    }
    keeps_files()
}

/// A world and how its handlers feel.
pub struct Stage {
    pub world: World,
    pub moods: Moods,
}

/// All toys.
pub fn all(moods: &Moods) -> Vec<Service> {
    vec![counters(), labels(), board(moods), archive()]
}

impl Stage {
    /// All toys, on new databases.
    pub async fn start() -> Self {
        let moods = Moods::default();
        let world = World::start(all(&moods)).await.unwrap();
        Self { world, moods }
    }

    /// Crashes and starts all toys on what is left.
    pub async fn restart(self) -> Self {
        let (crashed, moods) = self.crash().await;
        Self::start_again(crashed, moods).await
    }

    pub async fn crash(self) -> (Crashed, Moods) {
        (self.world.crash().await.unwrap(), self.moods)
    }

    pub async fn start_again(crashed: Crashed, moods: Moods) -> Self {
        Self {
            world: crashed.start(all(&moods)).await.unwrap(),
            moods,
        }
    }

    /// Adds to a counter; says which version that made.
    pub async fn add(&self, id: &str, amount: i64) -> i64 {
        let id = id.to_owned();
        let db = self.world.db("counters").unwrap();
        db.write(async move |tx: &mut Tx| add(tx, &id, amount).await)
            .await
            .unwrap()
    }

    /// Adds 1, 2, 3 … to several counters, in one transaction.
    pub async fn add_together(&self, ids: &[&str], times: i64) {
        let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
        let work = async move |tx: &mut Tx| {
            for id in &ids {
                for amount in 1..=times {
                    add(tx, id, amount).await?;
                }
            }
            Ok(())
        };
        self.world
            .db("counters")
            .unwrap()
            .write(work)
            .await
            .unwrap();
    }

    /// Adds 1, 2, 3 … to a counter, one after the other.
    pub async fn add_times(&self, id: &str, times: i64) {
        for amount in 1..=times {
            self.add(id, amount).await;
        }
    }

    /// Writes a counter's label.
    pub async fn label(&self, id: &str, text: &str) {
        let (id, text) = (id.to_owned(), text.to_owned());
        let work = async move |tx: &mut Tx| {
            let head = tx.head::<Label>(&id).await?;
            tx.append::<Label>(
                &id,
                head,
                &LabelFact::Written,
                &LabelState { text: text.clone() },
            )
            .await
        };
        self.world.db("labels").unwrap().write(work).await.unwrap();
    }

    /// Begins to lose events, and nothing else.
    pub fn lose_events(&self) {
        self.world.bus.set(Faults {
            lost: 100,
            ..Faults::default()
        });
    }

    /// Begins to lose everything.
    pub fn cut_wires(&self) {
        self.world.bus.set(Faults {
            lost: 100,
            unheard: 100,
            unanswered: 100,
            ..Faults::default()
        });
    }

    pub fn mend_wires(&self) {
        self.world.bus.set(Faults::default());
    }

    /// Waits, with the clock moved on all the while.
    pub async fn until<T>(&self, look: impl AsyncFn() -> Option<T>) -> T {
        let mut gates = self.world.gates.values();
        let shared = gates.any(|gate| gate.context.db.is_shared());
        let (step, waits) = if shared {
            (STEP_SHARED, WAITS_SHARED)
        } else {
            (STEP, 1)
        };
        let waited = async || {
            self.world.clock.advance(step);
            Ok(look().await)
        };
        for _ in 1..waits {
            if let Ok(found) = self.world.until(&waited).await {
                return found;
            }
        }
        self.world.until(waited).await.unwrap()
    }

    pub fn gate(&self, service: &str) -> &Gate {
        &self.world.gates[service]
    }

    /// How far a service has come with a counter.
    pub async fn cursor(&self, service: &str, id: &str) -> Cursor {
        self.gate(service)
            .position(Counter::NAME, id)
            .await
            .unwrap()
    }

    /// Waits until a service has handled a counter's event.
    pub async fn until_at(&self, service: &str, id: &str, version: i64) {
        self.until(async || (self.cursor(service, id).await.version >= version).then_some(()))
            .await;
    }

    /// Waits until the bus has taken (or lost) all counters' events.
    pub async fn until_published(&self) {
        let gate = self.gate("counters");
        self.until(async || (gate.waiting().await.unwrap().unpublished == 0).then_some(()))
            .await;
    }

    /// Waits until a key of board's is stuck for this reason.
    pub async fn until_stuck(&self, id: &str, reason: &str) {
        self.until(async || {
            let keys = self.gate("board").stuck_keys().await.unwrap();
            keys.iter()
                .any(|key| key.subject == id && key.reason == reason)
                .then_some(())
        })
        .await;
    }

    /// A counter's events in its owner's log.
    pub async fn log(&self, id: &str) -> Vec<Envelope> {
        let db = self.world.db("counters").unwrap();
        let mut log: Vec<Envelope> = Vec::new();
        loop {
            let after = log.last().map_or(0, |event| event.aggregateversion);
            let page = source::events(db, Counter::NAME.to_owned(), id.to_owned(), after);
            let page = page.await.unwrap();
            if page.is_empty() {
                return log;
            }
            log.extend(page);
        }
    }

    /// The versions that board has reacted to, in the order in which it did.
    pub async fn reactions(&self, id: &str) -> Vec<i64> {
        self.versions("reactions", id).await
    }

    /// The versions that board fell back to for a counter, in order.
    pub async fn fall_backs(&self, id: &str) -> Vec<i64> {
        self.versions("fall_backs", id).await
    }

    async fn versions(&self, table: &str, id: &str) -> Vec<i64> {
        let sql = format!("select version from {table} where id = $1 order by position");
        let id = id.to_owned();
        let look = async move |tx: &mut Tx| {
            tx.query(&sql, params![id])
                .await?
                .iter()
                .map(|row| row.get(0))
                .collect()
        };
        self.world.db("board").unwrap().read(look).await.unwrap()
    }

    /// What a service's copy of a counter holds: value, version and digest; and its cursor.
    pub async fn copy(&self, service: &str, id: &str) -> Option<((i64, i64, i64), i64)> {
        let id = id.to_owned();
        let look = async move |tx: &mut Tx| {
            let sql = "select p.value, p.version, p.digest, c.version from counter_copies p \
                       join cursors c on c.subject = p.id and c.aggregate = 'counter' where p.id = $1";
            let row = tx.query_opt(sql, params![id]).await?;
            row.map(|row| Ok(((row.get(0)?, row.get(1)?, row.get(2)?), row.get(3)?)))
                .transpose()
        };
        self.world.db(service).unwrap().read(look).await.unwrap()
    }

    /// Waits until every queue is empty and every consumer at its owner's head.
    pub async fn rest(&self) {
        self.until(async || {
            for gate in self.world.gates.values() {
                let waiting = gate.waiting().await.unwrap();
                if waiting != Waiting::default() || !gate.lags().await.unwrap().is_empty() {
                    return None;
                }
            }
            Some(())
        })
        .await;
    }

    /// Rests, checks what must hold then, and ends the world.
    pub async fn end(self, ids: &[&str]) {
        self.rest().await;
        self.check(ids).await;
        self.world.end().await.unwrap();
    }

    /// No holes in the logs; copies that are folds of them; each event reacted to once and in order.
    pub async fn check(&self, ids: &[&str]) {
        for gate in self.world.gates.values() {
            assert_eq!(gate.holes().await.unwrap(), Vec::<String>::new());
            assert_eq!(gate.copy_differences().await.unwrap(), Vec::<String>::new());
        }
        for id in ids {
            let log = self.log(id).await;
            let versions: Vec<i64> = log.iter().map(|event| event.aggregateversion).collect();
            assert_eq!(self.reactions(id).await, versions, "reactions to {id}");
            for service in ["board", "archive"] {
                let copy = self.copy(service, id).await.map(|(copy, _)| copy);
                assert_eq!(copy, fold(&log), "{service}'s copy of {id}");
            }
        }
    }
}

/// What a copy must hold after these events.
pub fn fold(log: &[Envelope]) -> Option<(i64, i64, i64)> {
    let mut copy = None;
    for event in log {
        let state: CounterState = contracts::envelope::decode_state::<Counter>(event).unwrap();
        let before = copy.map_or(0, |(_, _, digest): (i64, i64, i64)| digest);
        let version = event.aggregateversion;
        copy = Some((state.value, version, digest(before, version, state.value)));
    }
    copy
}
