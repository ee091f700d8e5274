//! Hands messages over: each is noted as being sent, durably, before the mailer is asked.

use std::time::Duration;

use contracts::Timestamp;
use platform::clock::{later, until};
use platform::{Result, Tx};

use crate::domain::delivery::{LEASE, Outcome, State, backoff};
use crate::store::messages::{self, Due};

/// Takes the messages that are due for this replica, so many of them. Whoever does not report within the
/// lease has crashed: it is longer than any hand-over takes.
///
/// # Errors
/// When the database does not answer.
pub async fn take_due(
    tx: &mut Tx,
    most: i64,
    (replica, lease): (&str, Duration),
) -> Result<Vec<Due>> {
    let lease_ends = later(tx.now(), lease);
    messages::take(tx, most, (replica, lease_ends)).await
}

/// At the start of the only process: what an earlier one was handing over is due at once, because
/// that process is gone.
///
/// # Errors
/// When the database does not answer.
pub async fn release(tx: &mut Tx) -> Result<u64> {
    let until = later(tx.now(), LEASE);
    messages::release(tx, until).await
}

/// What replicas that have gone were handing over is due at once.
///
/// # Errors
/// When the database does not answer.
pub async fn release_of_gone(tx: &mut Tx, replica: &str) -> Result<u64> {
    messages::release_of_gone(tx, replica).await
}

/// Notes how handing a message over went, and what is to be done next.
///
/// # Errors
/// When the database does not answer.
pub async fn report(tx: &mut Tx, message: &Due, outcome: Outcome, error: &str) -> Result<State> {
    let now = tx.now();
    let age = until(message.created_at, now);
    let state = State::Sending.after(outcome, age);
    let next = later(now, next_wait(state, message.tries));
    messages::end(tx, message, (state, next), error).await?;
    Ok(state)
}

/// When the next message is due, and whether some are being handed over.
///
/// # Errors
/// When the database does not answer.
pub async fn next_due(tx: &mut Tx) -> Result<(Option<Timestamp>, bool)> {
    messages::next_due(tx).await
}

fn next_wait(state: State, tries: i64) -> Duration {
    match state {
        State::Queued => backoff(tries),
        State::Sending | State::Sent | State::Failed => Duration::ZERO,
    }
}
