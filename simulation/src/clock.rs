//! The clock of one process: the simulation's time, and how far this machine's is off.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use contracts::Timestamp;
use platform::Clock;

use crate::executor::Executor;

/// When every simulation begins: an hour that is far from any edge of a calendar.
const BEGINNING: i64 = 1_900_000_000_000_000;

/// A process's clock.
pub struct Machine {
    executor: Executor,
    /// Microseconds that it is ahead.
    ahead: AtomicI64,
    /// Microseconds that it gains in a second.
    gain: AtomicI64,
}

impl Machine {
    /// A clock that is right.
    #[must_use]
    pub fn new(executor: &Executor) -> Arc<Self> {
        Arc::new(Self {
            executor: executor.clone(),
            ahead: AtomicI64::new(0),
            gain: AtomicI64::new(0),
        })
    }

    /// Jumps.
    pub fn jump(&self, micros: i64) {
        self.ahead.fetch_add(micros, Ordering::Relaxed);
    }

    /// Gains (or loses) so many microseconds in each second from the beginning on.
    pub fn run_off(&self, micros: i64) {
        self.gain.store(micros, Ordering::Relaxed);
    }

    /// Is right again.
    pub fn set_right(&self) {
        self.ahead.store(0, Ordering::Relaxed);
        self.gain.store(0, Ordering::Relaxed);
    }
}

#[async_trait]
impl Clock for Machine {
    fn now(&self) -> Timestamp {
        let elapsed = i64::try_from(self.elapsed().as_micros()).unwrap_or(i64::MAX);
        let gained = elapsed / 1_000_000 * self.gain.load(Ordering::Relaxed);
        let ahead = self.ahead.load(Ordering::Relaxed) + gained;
        Timestamp::from_microsecond(BEGINNING + elapsed + ahead).unwrap_or(Timestamp::MAX)
    }

    fn elapsed(&self) -> Duration {
        self.executor.now()
    }

    async fn sleep(&self, duration: Duration) {
        self.executor.sleep(duration).await;
    }
}
