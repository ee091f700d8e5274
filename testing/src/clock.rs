//! A clock that runs with the machine's and can be moved forward.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use contracts::Timestamp;
use platform::Clock;
use platform::clock::{SystemClock, later};
use tokio::sync::watch;

/// A clock that runs with the machine's, plus what it was moved forward. Whoever sleeps on it wakes
/// when it is moved past the end of the sleep.
#[derive(Debug)]
pub struct TestClock {
    machine: SystemClock,
    moved: watch::Sender<Duration>,
}

impl TestClock {
    /// A clock that shows the machine's time until it is moved.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            machine: SystemClock::new(),
            moved: watch::channel(Duration::ZERO).0,
        })
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.moved.send_modify(|moved| *moved += by);
    }
}

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        later(self.machine.now(), *self.moved.borrow())
    }

    fn elapsed(&self) -> Duration {
        self.machine.elapsed() + *self.moved.borrow()
    }

    async fn sleep(&self, duration: Duration) {
        let end = self.elapsed() + duration;
        let mut moves = self.moved.subscribe();
        loop {
            let left = end.saturating_sub(self.elapsed());
            if left.is_zero() {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(left) => {}
                moved = moves.changed() => {
                    if moved.is_err() {
                        return;
                    }
                }
            }
        }
    }
}
