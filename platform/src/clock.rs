//! The clock, handed in so that a test or a simulation can hold it.

use std::time::Duration;

use async_trait::async_trait;
use contracts::Timestamp;

/// Tells the time and waits for it to pass.
#[async_trait]
pub trait Clock: Send + Sync + 'static {
    /// The time of day, in whole microseconds (what the databases store).
    fn now(&self) -> Timestamp;

    /// Time since some fixed moment; never goes back. For measuring and for time-outs.
    fn elapsed(&self) -> Duration;

    /// Returns once `duration` has passed.
    async fn sleep(&self, duration: Duration);
}

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock {
    started: std::time::Instant,
}

impl SystemClock {
    /// The machine's clock; `elapsed` counts from here.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the platform clock")]
    pub fn new() -> Self {
        Self {
            started: std::time::Instant::now(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the platform clock")]
    fn now(&self) -> Timestamp {
        truncate(Timestamp::now())
    }

    #[expect(clippy::disallowed_methods, reason = "this is the platform clock")]
    fn elapsed(&self) -> Duration {
        std::time::Instant::now().saturating_duration_since(self.started)
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// Cuts a time to whole microseconds.
#[must_use]
pub fn truncate(time: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time)
}

/// `time` later by `duration` (or the end of time).
#[must_use]
pub fn later(time: Timestamp, duration: Duration) -> Timestamp {
    time.checked_add(duration).map_or(Timestamp::MAX, truncate)
}

/// `time` earlier by `duration` (or the beginning of time).
#[must_use]
pub fn earlier(time: Timestamp, duration: Duration) -> Timestamp {
    time.checked_sub(duration).unwrap_or(Timestamp::MIN)
}

/// How long from `from` until `to`; nothing if that has passed.
#[must_use]
pub fn until(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or(Duration::ZERO)
}
