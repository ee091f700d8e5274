//! A context for the tests of this folder: a new database, and a clock that can be set.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use contracts::Timestamp;

use crate::bus::in_process::InProcessBus;
use crate::clock::{Clock, SystemClock, later};
use crate::context::Context;
use crate::db::{Db, Surroundings, Wakers};
use crate::http::idempotency::InFlight;
use crate::random::SystemRandom;
use crate::session::Sessions;
use crate::tasks::Tasks;

/// A clock whose time of day is set by the test.
pub(crate) struct SetClock {
    now: Mutex<Timestamp>,
    real: SystemClock,
}

impl SetClock {
    pub(crate) fn new() -> Arc<Self> {
        let now = Mutex::new("2026-01-02T03:04:05Z".parse().unwrap());
        Arc::new(Self {
            now,
            real: SystemClock::new(),
        })
    }

    pub(crate) fn advance(&self, by: Duration) {
        let mut now = self.now.lock().unwrap();
        *now = later(*now, by);
    }
}

#[async_trait]
impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }

    fn elapsed(&self) -> Duration {
        self.real.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        self.real.sleep(duration).await;
    }
}

/// A context of its own, its clock, and the directory that its database lives in.
pub(crate) fn context(sessions: Sessions) -> (Context, Arc<SetClock>, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let clock = SetClock::new();
    let (random, wakers, tasks) = (Arc::new(SystemRandom), Wakers::default(), Tasks::default());
    let surroundings = Surroundings {
        clock: clock.clone(),
        random: random.clone(),
        wakers: wakers.clone(),
    };
    let path = directory.path().join("things.db");
    let db = Db::open_sqlite(&path, "things", &[], surroundings).unwrap();
    let context = Context {
        service: "things",
        replica: "one".into(),
        db,
        clock: clock.clone(),
        random,
        bus: Arc::new(InProcessBus::new(clock.clone(), tasks.clone())),
        sessions,
        wakers,
        tasks,
        in_flight: InFlight::default(),
        public_url: None,
        left: crate::shares::Left::default(),
    };
    (context, clock, directory)
}
