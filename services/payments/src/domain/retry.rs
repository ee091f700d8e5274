//! When the provider is asked again.

use std::time::Duration;

/// The pause after the first attempt without a known outcome; it doubles.
const FIRST: Duration = Duration::from_millis(500);

/// The longest pause, so that a provider that is back is noticed within half a minute.
const LONGEST: Duration = Duration::from_secs(30);

/// How long to wait after this many attempts.
#[must_use]
pub fn pause(attempts: i64) -> Duration {
    let doublings = u32::try_from(attempts.saturating_sub(1).clamp(0, 16)).unwrap_or(0);
    FIRST.saturating_mul(1 << doublings).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_to_half_a_minute() {
        let millis: Vec<u128> = (0..=9)
            .map(|attempts| pause(attempts).as_millis())
            .collect();
        assert_eq!(
            millis,
            [500, 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]
        );
        assert_eq!(pause(i64::MAX), LONGEST);
        assert_eq!(pause(i64::MIN), FIRST);
    }
}
