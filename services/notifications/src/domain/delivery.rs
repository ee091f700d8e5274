//! What becomes of a message from the moment it is written until somebody has taken it.

use std::time::Duration;

/// Where a message stands. The name is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Written; nobody has been asked to take it, or the last one asked could not.
    Queued,
    /// Handed over at this moment, or when the process ended.
    Sending,
    /// Taken.
    Sent,
    /// Refused for good, or for too long.
    Failed,
}

/// How handing a message over went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Somebody has taken it.
    Taken,
    /// Not now.
    NotNow,
    /// Never.
    Never,
}

/// The longest that any mailer's hand-over is waited for.
pub const LEASE: Duration = Duration::from_secs(180);

/// For how long a message is tried: after that it is no news any more (a mail server gives up after
/// four to five days, RFC 5321 §4.5.4.1).
pub const PATIENCE: Duration = Duration::from_secs(3 * 24 * 3600);

const BACKOFF_MIN: Duration = Duration::from_secs(5);
const BACKOFF_MAX: Duration = Duration::from_secs(3600);

impl State {
    /// The name under which it is stored.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Failed => "failed",
        }
    }

    /// What follows from an outcome after `tries` tries, for a message of this age. Only what is
    /// being sent changes: a late report changes nothing.
    #[must_use]
    pub fn after(self, outcome: Outcome, age: Duration) -> Self {
        match (self, outcome) {
            (Self::Sending, Outcome::Taken) => Self::Sent,
            (Self::Sending, Outcome::NotNow) if age < PATIENCE => Self::Queued,
            (Self::Sending, Outcome::NotNow | Outcome::Never) => Self::Failed,
            (Self::Queued | Self::Sent | Self::Failed, _) => self,
        }
    }
}

/// The wait after so many tries: 5 s, doubling to an hour.
#[must_use]
pub fn backoff(tries: i64) -> Duration {
    let doublings = u32::try_from(tries.saturating_sub(1).clamp(0, 16)).unwrap_or(16);
    BACKOFF_MIN.saturating_mul(1 << doublings).min(BACKOFF_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_meets_every_outcome() {
        use Outcome::{Never, NotNow, Taken};
        use State::{Failed, Queued, Sending, Sent};
        let young = Duration::from_secs(60);
        for (state, outcome, next) in [
            (Sending, Taken, Sent),
            (Sending, NotNow, Queued),
            (Sending, Never, Failed),
            (Queued, Taken, Queued),
            (Queued, NotNow, Queued),
            (Queued, Never, Queued),
            (Sent, Taken, Sent),
            (Sent, NotNow, Sent),
            (Sent, Never, Sent),
            (Failed, Taken, Failed),
            (Failed, NotNow, Failed),
            (Failed, Never, Failed),
        ] {
            assert_eq!(state.after(outcome, young), next, "{state:?} {outcome:?}");
        }
        assert_eq!(Sending.after(NotNow, PATIENCE), Failed);
        assert_eq!(Sending.after(Taken, PATIENCE), Sent);
    }

    #[test]
    fn waits_double_to_an_hour() {
        assert_eq!(backoff(0), Duration::from_secs(5));
        assert_eq!(backoff(1), Duration::from_secs(5));
        assert_eq!(backoff(2), Duration::from_secs(10));
        assert_eq!(backoff(9), Duration::from_secs(1280));
        assert_eq!(backoff(12), BACKOFF_MAX);
        assert_eq!(backoff(i64::MAX), BACKOFF_MAX);
    }
}
