//! Counts failures per key in a sliding window, in memory and with a bound on it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use platform::clock::Clock;
use sha2::{Digest, Sha256};

use crate::domain::refusal::Refusal;

/// How many keys are remembered, some 200 bytes each. More failures than that in a window can't be
/// produced: each costs a password hash.
const KEYS_MAX: usize = 65_536;

/// The beginning of a key's hash: no attacker finds two keys that share it, and no address is kept.
type Key = [u8; 16];

/// A limit on failures per key. Cheap to clone; clones share the count.
#[derive(Clone)]
pub struct Failures {
    clock: Arc<dyn Clock>,
    max: usize,
    window: Duration,
    seen: Arc<Mutex<HashMap<Key, VecDeque<Duration>>>>,
}

impl Failures {
    /// At most `max` failures per key within any `window`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, max: u32, window: Duration) -> Self {
        let max = usize::try_from(max.max(1)).unwrap_or(usize::MAX);
        Self {
            clock,
            max,
            window,
            seen: Arc::default(),
        }
    }

    /// Refuses when the key has failed too often of late.
    ///
    /// # Errors
    /// [`Refusal::TooManyFailures`] with the seconds until the oldest failure is forgotten.
    pub fn check(&self, key: &str) -> Result<(), Refusal> {
        let now = self.clock.elapsed();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(times) = seen.get_mut(&hashed(key)) else {
            return Ok(());
        };
        self.forget(times, now);
        match times.front() {
            Some(oldest) if times.len() >= self.max => {
                let left = (*oldest + self.window).saturating_sub(now);
                let retry_after = u32::try_from(left.as_secs())
                    .unwrap_or(u32::MAX)
                    .saturating_add(1);
                Err(Refusal::TooManyFailures { retry_after })
            }
            _ => Ok(()),
        }
    }

    /// Counts one more failure of the key.
    pub fn record(&self, key: &str) {
        let now = self.clock.elapsed();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= KEYS_MAX {
            seen.retain(|_, times| {
                self.forget(times, now);
                !times.is_empty()
            });
        }
        if seen.len() >= KEYS_MAX {
            // Full of fresh failures: the one that failed longest ago makes room.
            let oldest = seen
                .iter()
                .min_by_key(|(_, times)| times.back().copied())
                .map(|(key, _)| *key);
            oldest.and_then(|oldest| seen.remove(&oldest));
        }
        let times = seen.entry(hashed(key)).or_default();
        self.forget(times, now);
        if times.len() >= self.max {
            times.pop_front();
        }
        times.push_back(now);
    }

    fn forget(&self, times: &mut VecDeque<Duration>, now: Duration) {
        while times.front().is_some_and(|time| *time + self.window <= now) {
            times.pop_front();
        }
    }
}

fn hashed(key: &str) -> Key {
    let digest: [u8; 32] = Sha256::digest(key.as_bytes()).into();
    let mut key = [0; 16];
    key.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[derive(Default)]
    struct Hand(AtomicU64);

    #[async_trait::async_trait]
    impl Clock for Hand {
        fn now(&self) -> contracts::Timestamp {
            contracts::Timestamp::UNIX_EPOCH
        }

        fn elapsed(&self) -> Duration {
            Duration::from_secs(self.0.load(Ordering::Relaxed))
        }

        async fn sleep(&self, _: Duration) {}
    }

    fn failures(max: u32) -> (Arc<Hand>, Failures) {
        let hand = Arc::new(Hand::default());
        let clock: Arc<dyn Clock> = Arc::<Hand>::clone(&hand);
        (hand, Failures::new(clock, max, Duration::from_secs(60)))
    }

    #[test]
    fn the_window_slides() {
        let (hand, failures) = failures(3);
        for second in [0, 10, 20] {
            hand.0.store(second, Ordering::Relaxed);
            assert_eq!(failures.check("ada"), Ok(()));
            failures.record("ada");
        }
        assert_eq!(
            failures.check("ada"),
            Err(Refusal::TooManyFailures { retry_after: 41 })
        );
        assert_eq!(failures.check("eve"), Ok(()), "others are not concerned");
        hand.0.store(60, Ordering::Relaxed);
        assert_eq!(failures.check("ada"), Ok(()), "the first is forgotten");
        failures.record("ada");
        assert_eq!(
            failures.check("ada"),
            Err(Refusal::TooManyFailures { retry_after: 11 })
        );
    }

    #[test]
    fn failures_beyond_the_limit_take_no_room() {
        let (_, failures) = failures(2);
        for _ in 0..100 {
            failures.record("ada");
        }
        assert_eq!(
            failures
                .seen
                .lock()
                .unwrap()
                .values()
                .map(VecDeque::len)
                .sum::<usize>(),
            2
        );
    }

    #[test]
    fn memory_is_bounded() {
        let (hand, failures) = failures(2);
        failures.record("first");
        hand.0.store(1, Ordering::Relaxed);
        for number in 0..KEYS_MAX {
            failures.record(&number.to_string());
        }
        assert_eq!(failures.seen.lock().unwrap().len(), KEYS_MAX);
        assert!(!failures.seen.lock().unwrap().contains_key(&hashed("first")));
        hand.0.store(100, Ordering::Relaxed);
        failures.record("late");
        assert_eq!(failures.seen.lock().unwrap().len(), 1);
    }
}
