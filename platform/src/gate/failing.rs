//! What becomes of a key whose handler could not handle an event: it waits, is tried again, is
//! blocked. No other key is.

use std::time::Duration;

use contracts::Envelope;

use super::inbox::Turn;
use super::repair::backoff;
use super::store::{self, Reason, Stuck};
use crate::clock::later;
use crate::db::Tx;
use crate::failure::{Failure, Result};

/// What an operator reads of an error at most, in characters.
const ERROR_MAX: usize = 2_000;

impl Turn<'_> {
    /// Parks the event that could not be handled and says when it is tried again.
    pub(super) async fn fail(&self, tx: &mut Tx, event: &Envelope, failure: Failure) -> Result<()> {
        store::park(tx, &self.key, event).await?;
        let now = tx.now();
        let before =
            store::stuck(tx, &self.key)
                .await?
                .unwrap_or(Stuck::new(Reason::Gap, now, now));
        let stuck = match failure {
            Failure::NotYet { aggregate, subject } => Stuck {
                reason: Reason::NotYet,
                error: format!("{aggregate} {subject} is not known here yet"),
                waits: Some((aggregate.to_owned(), subject)),
                ..self.paused(tx, before)
            },
            // The database's failure is no attempt: if it lasts, not even this is written.
            Failure::Unavailable(error) => Stuck {
                error,
                ..self.paused(tx, before)
            },
            failure => self.count_attempt(tx, event, &failure, before),
        };
        store::set_stuck(tx, &self.key, &stuck).await
    }

    /// Tried again after a pause that grows with the tries; the attempts stay as they are.
    fn paused(&self, tx: &Tx, before: Stuck) -> Stuck {
        let tries = if before.reason == Reason::Gap {
            0
        } else {
            before.tries
        };
        let next_try_at = later(tx.now(), backoff(tries));
        Stuck {
            reason: Reason::Failing,
            waits: None,
            tries,
            next_try_at,
            ..before
        }
    }

    fn count_attempt(&self, tx: &Tx, event: &Envelope, failure: &Failure, before: Stuck) -> Stuck {
        let settings = self.gate.settings;
        let attempts = before.attempts + 1;
        let blocked = attempts >= settings.attempts_max;
        let error: String = format!("{failure:#}").chars().take(ERROR_MAX).collect();
        let (service, id) = (self.gate.context.service, &event.id);
        if blocked {
            metrics::counter!("ticketing_keys_blocked_total", "service" => service).increment(1);
            tracing::error!(
                service,
                event = id,
                attempts,
                error,
                "a key is blocked: redrive or skip it"
            );
        } else {
            tracing::warn!(service, event = id, attempts, error, "a handler failed");
        }
        Stuck {
            reason: if blocked {
                Reason::Blocked
            } else {
                Reason::Failing
            },
            waits: None,
            attempts,
            error,
            next_try_at: later(
                tx.now(),
                pause(settings.retry_first, attempts, settings.retry_longest),
            ),
            ..before
        }
    }
}

/// The pause after so many failed attempts.
fn pause(first: Duration, attempts: i64, longest: Duration) -> Duration {
    let doublings = u32::try_from(attempts - 1).unwrap_or(0).min(16);
    (first * 2u32.pow(doublings)).min(longest)
}
