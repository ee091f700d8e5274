//! How long a consumer waits for more events before it handles those that are there.
//!
//! A transaction on another machine's database costs journeys and a sync, however much is in it. While
//! events come now and then each is handled at once; when they come fast, a short wait lets many share
//! one transaction, and all of them are handled sooner for it.

use std::time::Duration;

/// The rate is that of about so long a time.
const SPAN: Duration = Duration::from_millis(250);

/// From this many events a second on some are waited for. One buyer who clicks through a purchase, or
/// two, stay below.
const BUSY_PER_SECOND: f64 = 150.0;

/// How many are waited for, and the longest wait.
const WORTH_IT: f64 = 8.0;
const LONGEST: Duration = Duration::from_millis(20);

/// The rate at which a consumer's events come.
#[derive(Debug, Default)]
pub(super) struct Pace {
    per_second: f64,
    noted_at: Duration,
}

impl Pace {
    /// Notes `count` events at a time of the clock that never goes back.
    pub(super) fn note(&mut self, count: usize, now: Duration) {
        let passed = now.saturating_sub(self.noted_at).as_secs_f64();
        let count = f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        let fades = (-passed / SPAN.as_secs_f64()).exp();
        self.per_second = self.per_second * fades + count / SPAN.as_secs_f64();
        self.noted_at = now;
    }

    /// How long to wait for more.
    pub(super) fn wait(&self) -> Duration {
        if self.per_second < BUSY_PER_SECOND {
            return Duration::ZERO;
        }
        LONGEST.min(Duration::from_secs_f64(WORTH_IT / self.per_second))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(count: u64, every: Duration) -> Duration {
        let mut pace = Pace::default();
        for number in 0..count {
            pace.note(1, every * u32::try_from(number).unwrap());
        }
        pace.wait()
    }

    #[test]
    fn now_and_then_nothing_is_waited_for() {
        assert_eq!(Pace::default().wait(), Duration::ZERO);
        assert_eq!(after(1, Duration::from_millis(1)), Duration::ZERO);
        assert_eq!(after(1000, Duration::from_millis(10)), Duration::ZERO);
        assert_eq!(after(20, Duration::from_millis(1)), Duration::ZERO);
    }

    #[test]
    fn the_faster_they_come_the_less_is_waited_for_as_many() {
        assert_eq!(after(1000, Duration::from_millis(4)), LONGEST);
        let wait = after(2000, Duration::from_millis(1));
        assert!(
            wait > Duration::from_millis(7) && wait < Duration::from_millis(9),
            "{wait:?}"
        );
    }

    #[test]
    fn a_rush_is_soon_forgotten() {
        let mut pace = Pace::default();
        pace.note(500, Duration::ZERO);
        assert!(pace.wait() > Duration::ZERO);
        pace.note(1, Duration::from_secs(1));
        assert_eq!(pace.wait(), Duration::ZERO);
    }
}
