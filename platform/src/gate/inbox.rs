//! What happens to one event, within one transaction.

use std::time::Duration;

use contracts::Envelope;

use super::Gate;
use super::consumer::Consumer;
use super::store::{self, Cursor, Key, Reason, Standing, Stuck};
use crate::clock::later;
use crate::db::Tx;
use crate::failure::{Failure, Result};
use crate::trace::Origin;

/// How often an event that came too early is sent back before it is parked: that heals plain
/// re-ordering. More would fill the consumer's window and stop other aggregates.
const EARLY_DELIVERIES: u32 = 2;

/// After how long an event that came too early comes again.
const EARLY_DELAY: Duration = Duration::from_millis(20);

/// The age at which a gap is repaired: re-ordering heals by itself sooner.
pub(super) const REPAIR_AFTER: Duration = Duration::from_millis(200);

/// A delivery that can't be sent back.
pub(super) const NEVER_AGAIN: u32 = u32::MAX;

/// What became of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It was handled (and whatever was parked behind it): the key stands at this version now.
    Handled {
        /// The aggregate's id.
        subject: String,
        /// The cursor's version.
        version: i64,
        /// The cursor's incarnation.
        incarnation: i64,
    },
    /// It had been handled before, or belongs to an ended life of its owner's log.
    Superfluous,
    /// It is durably kept until its time comes.
    Parked,
    /// It came too early and is to come again.
    Again(Duration),
}

impl Gate {
    pub(super) fn key(&self, consumer: &Consumer, subject: &str) -> Key {
        Key {
            consumer: self.context.service,
            aggregate: consumer.aggregate,
            subject: subject.to_owned(),
        }
    }

    /// Handles, parks or passes over one event.
    pub(super) async fn receive(
        &self,
        tx: &mut Tx,
        consumer: &Consumer,
        event: &Envelope,
        attempt: u32,
    ) -> Result<Verdict> {
        let key = self.key(consumer, &event.subject);
        let standing = store::standing(tx, &key).await?;
        let Standing { cursor, stuck, .. } = standing;
        // What the owner itself has just answered belongs to its present log, whatever life it was
        // written in.
        let by_owner = attempt == NEVER_AGAIN;
        if event.incarnation < cursor.incarnation && !by_owner {
            return Ok(Verdict::Superfluous);
        }
        if event.incarnation > cursor.incarnation && cursor.version > 0 && !by_owner {
            return self.hold(tx, &key, event, Reason::Resync, stuck).await;
        }
        if event.aggregateversion <= cursor.version {
            return Ok(Verdict::Superfluous);
        }
        if event.aggregateversion > cursor.version + 1 {
            if attempt <= EARLY_DELIVERIES && stuck.is_none() {
                return Ok(Verdict::Again(EARLY_DELAY));
            }
            return self.hold(tx, &key, event, Reason::Gap, stuck).await;
        }
        match stuck {
            Some(Reason::NotYet | Reason::Failing | Reason::Blocked | Reason::Resync) => {
                store::park(tx, &key, event).await?;
                Ok(Verdict::Parked)
            }
            Some(Reason::Gap) | None => self.handle_next(tx, consumer, event, &standing).await,
        }
    }

    /// Keeps an event and, if the key is not stuck for another reason, has it repaired.
    async fn hold(
        &self,
        tx: &mut Tx,
        key: &Key,
        event: &Envelope,
        reason: Reason,
        stuck: Option<Reason>,
    ) -> Result<Verdict> {
        store::park(tx, key, event).await?;
        if stuck.is_none() || (reason == Reason::Resync && stuck == Some(Reason::Gap)) {
            let now = tx.now();
            let wait = if reason == Reason::Resync { Duration::ZERO } else { REPAIR_AFTER };
            store::set_stuck(tx, key, &Stuck::new(reason, now, later(now, wait))).await?;
        }
        Ok(Verdict::Parked)
    }

    /// Handles the event that is next, then what is parked behind it.
    pub(super) async fn handle_next(
        &self,
        tx: &mut Tx,
        consumer: &Consumer,
        event: &Envelope,
        standing: &Standing,
    ) -> Result<Verdict> {
        let key = self.key(consumer, &event.subject);
        let Some(mut cursor) = self.handle(tx, consumer, &key, (standing.cursor, event)).await? else {
            return Ok(Verdict::Parked);
        };
        if standing.has_parked || standing.stuck.is_some() {
            cursor = self.drain(tx, consumer, &key, cursor).await?;
        }
        Ok(Verdict::Handled {
            subject: key.subject,
            version: cursor.version,
            incarnation: cursor.incarnation,
        })
    }

    /// Handles what is parked directly behind the cursor; says where the cursor is then.
    async fn drain(
        &self,
        tx: &mut Tx,
        consumer: &Consumer,
        key: &Key,
        mut cursor: Cursor,
    ) -> Result<Cursor> {
        while let Some(next) = store::parked(tx, key, cursor.version + 1).await? {
            if next.incarnation != cursor.incarnation {
                let now = tx.now();
                store::set_stuck(tx, key, &Stuck::new(Reason::Resync, now, now)).await?;
                return Ok(cursor);
            }
            let Some(moved) = self.handle(tx, consumer, key, (cursor, &next)).await? else {
                return Ok(cursor);
            };
            cursor = moved;
        }
        if store::unpark(tx, key, cursor.version).await? {
            let now = tx.now();
            let stuck = Stuck::new(Reason::Gap, now, later(now, REPAIR_AFTER));
            store::set_stuck(tx, key, &stuck).await?;
        } else {
            store::unstick(tx, key).await?;
        }
        Ok(cursor)
    }

    /// Applies one event and reacts to it; answers where the cursor is then, or nothing when the
    /// event is parked instead.
    async fn handle(
        &self,
        tx: &mut Tx,
        consumer: &Consumer,
        key: &Key,
        (cursor, event): (Cursor, &Envelope),
    ) -> Result<Option<Cursor>> {
        let outer = std::mem::replace(&mut tx.origin, origin_of(event));
        let outcome = tx
            .savepoint(async |tx: &mut Tx| {
                consumer.apply(tx, event).await?;
                consumer.react(tx, event).await
            })
            .await;
        tx.origin = outer;
        match outcome {
            Ok(()) => {}
            Err(Failure::Refused(refused)) => {
                consumer.apply(tx, event).await?;
                let note = format!("{}: {}", refused.code, refused.message);
                store::audit(tx, "refused", key, event.aggregateversion, &note).await?;
            }
            Err(Failure::NotYet { aggregate, subject }) => {
                self.wait_for_other(tx, key, event, (aggregate, subject)).await?;
                return Ok(None);
            }
            Err(Failure::Broken(error)) => {
                self.count_attempt(tx, key, event, &error).await?;
                return Ok(None);
            }
            Err(failure @ (Failure::Unavailable(_) | Failure::Moved { .. })) => {
                return Err(failure);
            }
        }
        let moved = Cursor {
            version: event.aggregateversion,
            incarnation: event.incarnation.max(cursor.incarnation),
        };
        store::set_cursor(tx, key, moved).await?;
        store::wake_waiting(tx, key.aggregate, &key.subject).await?;
        Ok(Some(moved))
    }

    async fn wait_for_other(
        &self,
        tx: &mut Tx,
        key: &Key,
        event: &Envelope,
        (aggregate, subject): (&'static str, String),
    ) -> Result<()> {
        store::park(tx, key, event).await?;
        let now = tx.now();
        let before = store::stuck(tx, key).await?;
        let tries = before.filter(|stuck| stuck.reason == Reason::NotYet).map_or(0, |s| s.tries);
        let waits = Some((aggregate.to_owned(), subject));
        let next_try_at = later(now, super::repair::backoff(tries));
        let stuck = Stuck { waits, tries, ..Stuck::new(Reason::NotYet, now, next_try_at) };
        store::set_stuck(tx, key, &stuck).await
    }

    async fn count_attempt(
        &self,
        tx: &mut Tx,
        key: &Key,
        event: &Envelope,
        error: &anyhow::Error,
    ) -> Result<()> {
        store::park(tx, key, event).await?;
        let now = tx.now();
        let attempts = store::stuck(tx, key).await?.map_or(0, |stuck| stuck.attempts) + 1;
        let blocked = attempts >= self.settings.attempts_max;
        let reason = if blocked { Reason::Blocked } else { Reason::Failing };
        let doublings = u32::try_from(attempts - 1).unwrap_or(0).min(16);
        let pause = (self.settings.retry_first * 2u32.pow(doublings)).min(self.settings.retry_longest);
        let stuck = Stuck {
            attempts,
            error: format!("{error:#}"),
            ..Stuck::new(reason, now, later(now, pause))
        };
        store::set_stuck(tx, key, &stuck).await?;
        let (service, id) = (self.context.service, &event.id);
        if blocked {
            metrics::counter!("ticketing_keys_blocked_total", "service" => service).increment(1);
            tracing::error!(service, event = id, attempts, error = format!("{error:#}"), "a key is blocked: redrive or skip it");
        } else {
            tracing::warn!(service, event = id, attempts, error = format!("{error:#}"), "a handler failed");
        }
        Ok(())
    }
}

fn origin_of(event: &Envelope) -> Origin {
    Origin {
        traceparent: event.traceparent.clone(),
        correlation: event.correlationid.clone(),
        causation: Some(event.id.clone()),
    }
}
