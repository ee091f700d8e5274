//! What happens to one event, within one transaction.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use contracts::Envelope;
use futures::FutureExt;
use tracing::Instrument as _;

use super::Gate;
use super::consumer::Consumer;
use super::standing::{Moves, Standing, Standings};
use super::store::{self, Cursor, Key, Reason, Stuck};
use crate::clock::later;
use crate::db::Tx;
use crate::failure::{Failure, Result};
use crate::flaws;
use crate::trace::Origin;

/// How often an event that came too early is sent back before it is parked: that heals plain
/// re-ordering. More would fill the consumer's window and stop other aggregates.
const EARLY_DELIVERIES: u32 = 2;

/// After how long an event that came too early comes again.
const EARLY_DELAY: Duration = Duration::from_millis(20);

/// The age at which a gap is repaired: re-ordering heals by itself sooner.
pub(super) const REPAIR_AFTER: Duration = Duration::from_millis(200);

/// An event on its way in.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// The event.
    pub event: Arc<Envelope>,
    /// Which delivery by the bus it is, from 1; `None` when it was read from the owner's log, and so
    /// can't be sent back.
    pub delivery: Option<u32>,
    /// The event before it in the owner's present log, if that was read with it.
    pub predecessor: Option<Cursor>,
}

impl Arrival {
    /// Delivered by the bus for the `delivery`th time.
    #[must_use]
    pub fn by_bus(event: Arc<Envelope>, delivery: u32) -> Self {
        Self {
            event,
            delivery: Some(delivery),
            predecessor: None,
        }
    }

    /// Read from the owner's log.
    #[must_use]
    pub fn from_log(event: Envelope, predecessor: Option<Cursor>) -> Self {
        Self {
            event: Arc::new(event),
            delivery: None,
            predecessor,
        }
    }
}

/// What became of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It was handled (and whatever was parked behind it): the key stands here now.
    Handled {
        /// The aggregate's id.
        subject: String,
        /// The version and the life of the last handled event.
        cursor: Cursor,
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
}

/// One key's turn in a transaction.
pub(super) struct Turn<'a> {
    pub(super) gate: &'a Gate,
    pub(super) consumer: &'a Consumer,
    pub(super) key: Key,
    pub(super) haste: Haste,
    /// Where cursors are noted that the transaction's end writes; without, each is written at once.
    pub(super) moves: Option<&'a Moves>,
}

/// What a handler that fails brings down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Haste {
    /// The whole transaction, which is then run again the other way. Almost none fails, and what keeps
    /// them apart costs more than most of them do.
    AllOrNone,
    /// Its own changes, unless a statement fails that it did not wait for: that brings down the
    /// transaction, in which there is no other event, and which is then run one by one.
    Alone,
    /// Its own changes alone.
    OneByOne {
        /// Whether a transaction that meets a moved head is not run again: then that is a fault.
        last_run: bool,
    },
}

impl Haste {
    /// One by one, and not run again.
    pub(super) const LAST: Self = Self::OneByOne { last_run: true };
}

impl<'a> Turn<'a> {
    /// One outside the order of deliveries, at which nothing is kept open.
    pub(super) fn last(gate: &'a Gate, consumer: &'a Consumer, key: Key) -> Self {
        Self {
            gate,
            consumer,
            key,
            haste: Haste::LAST,
            moves: None,
        }
    }
}

impl Turn<'_> {
    /// Handles, parks or passes over one event.
    pub(super) async fn receive(
        &self,
        tx: &mut Tx,
        arrival: &Arrival,
        standings: &mut Standings,
    ) -> Result<Verdict> {
        let mut standing = standings.take(tx, &self.key).await?;
        if let Some(cursor) = self.moves.and_then(|moves| moves.of(&self.key)) {
            standing.cursor = cursor;
        }
        let verdict = self.decide(tx, arrival, &standing).await?;
        match &verdict {
            Verdict::Superfluous | Verdict::Again(_) => standings.put(&self.key, standing),
            Verdict::Handled { cursor, .. } if standing.is_plain() => {
                let cursor = *cursor;
                let moved = Standing {
                    cursor,
                    ..Standing::default()
                };
                standings.put(&self.key, moved);
            }
            Verdict::Handled { .. } | Verdict::Parked => {}
        }
        Ok(verdict)
    }

    async fn decide(&self, tx: &mut Tx, arrival: &Arrival, standing: &Standing) -> Result<Verdict> {
        let event = &arrival.event;
        let Standing { cursor, stuck, .. } = *standing;
        let (version, life) = (event.aggregateversion, event.incarnation);
        if life < cursor.incarnation {
            return Ok(Verdict::Superfluous);
        }
        // Whether an event of a new life follows on what was handled, the owner's log alone tells.
        let follows = cursor.version == 0 || arrival.predecessor == Some(cursor);
        if life > cursor.incarnation && !follows {
            if self.is_in_line(tx, arrival, stuck).await? {
                store::park(tx, &self.key, event).await?;
                return Ok(Verdict::Parked);
            }
            return self.hold(tx, event, Reason::Resync, stuck).await;
        }
        if version <= cursor.version && !flaws::CURSOR_IGNORED.is_there() {
            return Ok(Verdict::Superfluous);
        }
        if version > cursor.version + 1 && !flaws::GAP_IGNORED.is_there() {
            let early = arrival
                .delivery
                .is_some_and(|delivery| delivery <= EARLY_DELIVERIES);
            if early && stuck.is_none() {
                return Ok(Verdict::Again(EARLY_DELAY));
            }
            return self.hold(tx, event, Reason::Gap, stuck).await;
        }
        let must_wait = match stuck {
            Some(Reason::NotYet | Reason::Failing | Reason::Blocked) => true,
            Some(Reason::Resync) => arrival.delivery.is_some(),
            Some(Reason::Gap) | None => false,
        };
        if must_wait {
            store::park(tx, &self.key, event).await?;
            return Ok(Verdict::Parked);
        }
        self.handle_next(tx, event, standing).await
    }

    /// Whether an event that was read from the owner's log stands there behind one that is parked, so
    /// that what the key waits for is of this life and not to be forgotten.
    async fn is_in_line(
        &self,
        tx: &mut Tx,
        arrival: &Arrival,
        stuck: Option<Reason>,
    ) -> Result<bool> {
        let waits = matches!(
            stuck,
            Some(Reason::NotYet | Reason::Failing | Reason::Blocked)
        );
        let (Some(before), true) = (arrival.predecessor, waits) else {
            return Ok(false);
        };
        let parked = store::parked(tx, &self.key, before.version).await?;
        Ok(parked.is_some_and(|parked| Cursor::at(&parked) == before))
    }

    /// Keeps an event and, if the key is not stuck for a graver reason, has it repaired.
    async fn hold(
        &self,
        tx: &mut Tx,
        event: &Envelope,
        reason: Reason,
        stuck: Option<Reason>,
    ) -> Result<Verdict> {
        store::park(tx, &self.key, event).await?;
        // Nothing is graver than a new life: the event that blocks the key may have died.
        if stuck.is_none() || (reason == Reason::Resync && stuck != Some(Reason::Resync)) {
            let now = tx.now();
            let wait = if reason == Reason::Resync {
                Duration::ZERO
            } else {
                REPAIR_AFTER
            };
            store::set_stuck(tx, &self.key, &Stuck::new(reason, now, later(now, wait))).await?;
        }
        Ok(Verdict::Parked)
    }

    /// Handles the event that is next, then what is parked behind it.
    pub(super) async fn handle_next(
        &self,
        tx: &mut Tx,
        event: &Envelope,
        standing: &Standing,
    ) -> Result<Verdict> {
        let Some(mut cursor) = self.handle(tx, event).await? else {
            return Ok(Verdict::Parked);
        };
        if standing.is_awaited {
            store::wake_waiting(tx, self.key.aggregate, &self.key.subject).await?;
        }
        if !standing.is_plain() {
            // The attempts belong to the event that was stuck, not to those behind it.
            store::unstick(tx, &self.key).await?;
            cursor = self.drain(tx, cursor).await?;
        }
        Ok(Verdict::Handled {
            subject: self.key.subject.clone(),
            cursor,
        })
    }

    /// Handles what is parked directly behind the cursor; says where the cursor is then.
    async fn drain(&self, tx: &mut Tx, mut cursor: Cursor) -> Result<Cursor> {
        while let Some(next) = store::parked(tx, &self.key, cursor.version + 1).await? {
            if next.incarnation > cursor.incarnation {
                let now = tx.now();
                store::set_stuck(tx, &self.key, &Stuck::new(Reason::Resync, now, now)).await?;
                return Ok(cursor);
            }
            if next.incarnation < cursor.incarnation {
                store::unpark(tx, &self.key, next.aggregateversion).await?;
                break;
            }
            let Some(moved) = self.handle(tx, &next).await? else {
                return Ok(cursor);
            };
            cursor = moved;
        }
        if store::unpark(tx, &self.key, cursor.version).await? {
            let now = tx.now();
            let stuck = Stuck::new(Reason::Gap, now, later(now, REPAIR_AFTER));
            store::set_stuck(tx, &self.key, &stuck).await?;
        }
        Ok(cursor)
    }

    /// Applies one event and reacts to it; answers where the cursor is then, or nothing when the
    /// event is parked instead. What is logged meanwhile carries what the event carries.
    async fn handle(&self, tx: &mut Tx, event: &Envelope) -> Result<Option<Cursor>> {
        let origin = origin_of(event);
        let span = origin.span_of_event(event);
        let outer = std::mem::replace(&mut tx.origin, origin);
        let outcome = self.handle_or_park(tx, event).instrument(span).await;
        tx.origin = outer;
        outcome
    }

    async fn handle_or_park(&self, tx: &mut Tx, event: &Envelope) -> Result<Option<Cursor>> {
        let work = async |tx: &mut Tx| unless_it_panics(self.consumer.handle(tx, event)).await;
        let mut outcome = match self.haste {
            Haste::AllOrNone => {
                work(tx).await?;
                return self.advance(tx, event).await;
            }
            Haste::Alone => tx.savepoint_unheard(work).await,
            Haste::OneByOne { .. } => tx.savepoint(work).await,
        };
        if let Err(Failure::Refused(refused)) = outcome {
            outcome = self.apply(tx, event).await;
            if outcome.is_ok() {
                let note = format!("{}: {}", refused.code, refused.message);
                store::audit(tx, "refused", &self.key, event.aggregateversion, &note).await?;
            }
        }
        match outcome {
            Ok(()) => {}
            Err(Failure::Moved { .. }) if self.haste != Haste::LAST => {
                return outcome.map(|()| None);
            }
            Err(failure) => {
                self.fail(tx, event, failure).await?;
                return Ok(None);
            }
        }
        self.advance(tx, event).await
    }

    /// The event is handled.
    async fn advance(&self, tx: &mut Tx, event: &Envelope) -> Result<Option<Cursor>> {
        let moved = Cursor::at(event);
        match self.moves {
            Some(moves) => moves.note(&self.key, moved),
            None => store::set_cursor(tx, &self.key, moved).await?,
        }
        Ok(Some(moved))
    }

    /// The copy alone.
    pub(super) async fn apply(&self, tx: &mut Tx, event: &Envelope) -> Result<()> {
        tx.savepoint(async |tx: &mut Tx| unless_it_panics(self.consumer.apply(tx, event)).await)
            .await
    }
}

/// A panic is a failure of this handler and of no other.
async fn unless_it_panics(work: impl Future<Output = Result<()>>) -> Result<()> {
    let outcome = AssertUnwindSafe(work).catch_unwind().await;
    outcome.unwrap_or_else(|_| Err(Failure::Broken(anyhow!("the handler panicked"))))
}

fn origin_of(event: &Envelope) -> Origin {
    Origin {
        traceparent: event.traceparent.clone(),
        correlation: event.correlationid.clone(),
        causation: Some(event.id.clone()),
    }
}
