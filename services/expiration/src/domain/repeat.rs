//! When a timer that nobody has answered rings again.

use std::time::Duration;

/// The waits between rings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repeats {
    /// After the first ring; doubles with each further one.
    pub first: Duration,
    /// The longest wait.
    pub longest: Duration,
    /// How long orders is given for each timer that has rung and not been answered: when very many
    /// are due at one instant, ringing all of them again would only be in the way of the answers.
    pub per_unanswered: Duration,
}

impl Repeats {
    /// How long a timer waits after its ring number `ring` (from 1) while `unanswered` timers, itself
    /// included, have rung without an answer.
    #[must_use]
    pub fn wait_after(&self, ring: u32, unanswered: u32) -> Duration {
        let doubled = 1_u32
            .checked_shl(ring.saturating_sub(1))
            .unwrap_or(u32::MAX);
        let backoff = self.first.saturating_mul(doubled);
        backoff
            .max(self.per_unanswered.saturating_mul(unanswered))
            .min(self.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const REPEATS: Repeats = Repeats {
        first: Duration::from_millis(500),
        longest: Duration::from_secs(30),
        per_unanswered: Duration::from_micros(100),
    };

    #[test]
    fn the_wait_doubles_up_to_the_longest() {
        let millis: Vec<_> = (1..=8)
            .map(|ring| REPEATS.wait_after(ring, 1).as_millis())
            .collect();
        assert_eq!(
            millis,
            [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]
        );
    }

    #[test]
    fn a_crowd_is_given_time_to_be_answered() {
        assert_eq!(REPEATS.wait_after(1, 5_000), Duration::from_millis(500));
        assert_eq!(REPEATS.wait_after(1, 100_000), Duration::from_secs(10));
        assert_eq!(REPEATS.wait_after(1, u32::MAX), Duration::from_secs(30));
    }

    proptest! {
        #[test]
        fn the_wait_is_bounded_and_never_shrinks(ring: u32, unanswered: u32) {
            let wait = REPEATS.wait_after(ring, unanswered);
            prop_assert!((REPEATS.first..=REPEATS.longest).contains(&wait));
            prop_assert!(REPEATS.wait_after(ring.saturating_add(1), unanswered) >= wait);
            prop_assert!(REPEATS.wait_after(ring, unanswered.saturating_add(1)) >= wait);
        }
    }
}
