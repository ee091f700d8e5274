//! The inbox: hands each event to its consumer once, in order per aggregate, whatever the bus does.
//!
//! An event is handled when all earlier ones of its aggregate have been. One that came too early is
//! parked, and the owner is asked for what lies between. One whose handler fails is tried again; in
//! the end its key is blocked, and no other.

mod announced;
pub mod audit;
pub mod consumer;
mod failing;
mod fetch;
pub(crate) mod figures;
mod heard;
pub mod inbox;
pub mod operator;
pub mod owned;
mod pace;
pub mod rebuild;
pub mod repair;
mod standing;
pub mod store;
mod turns;
pub mod watermark;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::stream::BoxStream;
use futures::{FutureExt, Stream, StreamExt};

use crate::bus::Delivery;
use crate::context::Context;
use crate::db::{Durability, Tx};
use crate::failure::{Failure, Result};
use crate::flaws;
use crate::trace::Origin;
use consumer::Consumer;
use heard::Heard;
use inbox::{Arrival, Haste, Turn, Verdict};
use owned::Owned;
use pace::Pace;
use store::Cursor;

/// How many events that are waiting are handled in one transaction.
const CHUNK: usize = 64;

/// After how long an event comes again when the database did not answer.
const UNAVAILABLE_PAUSE: Duration = Duration::from_millis(500);

/// How often a transaction is run in which a head moved, before that counts as a handler's fault.
const MOVED_RUNS: u32 = 3;

/// How many keys' cursors are remembered, so that an announced head costs no query.
const RECENT_MAX: usize = 200_000;

/// How the gate of a service deals with failing handlers.
#[derive(Debug, Clone, Copy)]
pub struct GateSettings {
    /// After how many failed attempts a key is blocked.
    pub attempts_max: i64,
    /// The pause after the first failed attempt; it doubles.
    pub retry_first: Duration,
    /// The longest pause.
    pub retry_longest: Duration,
}

impl Default for GateSettings {
    fn default() -> Self {
        Self {
            attempts_max: 8,
            retry_first: Duration::from_millis(100),
            retry_longest: Duration::from_secs(30),
        }
    }
}

/// The inbox of one service.
#[derive(Clone)]
pub struct Gate {
    /// The service's context.
    pub context: Context,
    /// What the service hears.
    pub consumers: Arc<[Consumer]>,
    /// The rows of what the service owns.
    pub owned: Arc<[Owned]>,
    /// How failing handlers are dealt with.
    pub settings: GateSettings,
    /// Holds deliveries back while copies are rebuilt.
    paused: Arc<AtomicBool>,
    /// One rebuild at a time.
    rebuilding: Arc<tokio::sync::Mutex<()>>,
    /// Whether a task waits for the end of a rebuild, and takes it over if need be.
    finishing: Arc<AtomicBool>,
    recent: Arc<Mutex<HashMap<(&'static str, String), Cursor>>>,
    heard: Arc<Heard>,
    /// When the log may say again that an owner's loss is not believed, in seconds of the clock.
    says_again_at: Arc<AtomicU64>,
}

impl Gate {
    /// The gate of a service with these consumers.
    #[must_use]
    pub fn new(context: Context, consumers: Vec<Consumer>, settings: GateSettings) -> Self {
        Self {
            context,
            consumers: consumers.into(),
            owned: Arc::default(),
            settings,
            paused: Arc::default(),
            rebuilding: Arc::default(),
            finishing: Arc::default(),
            recent: Arc::default(),
            heard: Arc::default(),
            says_again_at: Arc::default(),
        }
    }

    /// Of a service that owns these.
    #[must_use]
    pub fn owning(mut self, owned: Vec<Owned>) -> Self {
        self.owned = owned.into();
        self
    }

    /// The consumer of an aggregate, if the service has one.
    #[must_use]
    pub fn consumer(&self, aggregate: &str) -> Option<&Consumer> {
        self.consumers
            .iter()
            .find(|consumer| consumer.aggregate == aggregate)
    }

    /// Handles what the bus delivers until the process stops.
    pub async fn run(self, consumer: Consumer, deliveries: BoxStream<'static, Delivery>) {
        let mut deliveries = deliveries.ready_chunks(CHUNK);
        let mut pace = Pace::default();
        while let Some(chunk) = self.next_chunk(&mut deliveries, &mut pace).await {
            let Err((failure, chunk)) = self.take_chunk(&consumer, chunk).await else {
                continue;
            };
            if matches!(failure, Failure::Unavailable(_)) {
                tracing::warn!(
                    service = self.context.service, aggregate = consumer.aggregate, %failure,
                    "events wait for the database"
                );
                chunk
                    .into_iter()
                    .for_each(|delivery| delivery.again(UNAVAILABLE_PAUSE));
                continue;
            }
            // One of them brings the transaction down: the others must not wait for it.
            for delivery in chunk {
                if let Err((failure, rest)) = self.take_chunk(&consumer, vec![delivery]).await {
                    tracing::error!(
                        service = self.context.service, aggregate = consumer.aggregate, %failure,
                        "an event can be neither handled nor parked"
                    );
                    rest.into_iter()
                        .for_each(|delivery| delivery.again(UNAVAILABLE_PAUSE));
                }
            }
        }
    }

    /// Deliveries to be handled together: what is there, and when many come, what comes in a moment.
    async fn next_chunk(
        &self,
        deliveries: &mut (impl Stream<Item = Vec<Delivery>> + Unpin),
        pace: &mut Pace,
    ) -> Option<Vec<Delivery>> {
        let mut chunk = deliveries.next().await?;
        if !self.context.db.is_shared() {
            return Some(chunk);
        }
        pace.note(chunk.len(), self.context.clock.elapsed());
        let wait = pace.wait();
        if wait.is_zero() || chunk.len() >= CHUNK {
            return Some(chunk);
        }
        self.context.clock.sleep(wait).await;
        if let Some(Some(more)) = deliveries.next().now_or_never() {
            pace.note(more.len(), self.context.clock.elapsed());
            chunk.extend(more);
        }
        Some(chunk)
    }

    /// Handles deliveries in one transaction and acknowledges them, or gives them back.
    async fn take_chunk(
        &self,
        consumer: &Consumer,
        chunk: Vec<Delivery>,
    ) -> Result<(), (Failure, Vec<Delivery>)> {
        let arrivals = chunk
            .iter()
            .map(|delivery| Arrival::by_bus(Arc::clone(&delivery.envelope), delivery.attempt))
            .collect();
        let mut chunk = chunk;
        if flaws::ACKNOWLEDGED_EARLY.is_there() {
            chunk.drain(..).for_each(Delivery::acknowledge);
        }
        let (heard, clock) = (&self.heard, &self.context.clock);
        heard.begin(consumer.aggregate, clock.elapsed());
        let taken = self.take(consumer, arrivals).await;
        let handled = if taken.is_ok() { chunk.as_slice() } else { &[] };
        heard.end(consumer.aggregate, handled, clock.elapsed());
        match taken {
            Ok(verdicts) => {
                settle(chunk, verdicts);
                Ok(())
            }
            Err(failure) => Err((failure, chunk)),
        }
    }

    /// Handles events in one durable transaction.
    ///
    /// # Errors
    /// When the transaction did not happen: nothing may be acknowledged.
    pub async fn take(&self, consumer: &Consumer, arrivals: Vec<Arrival>) -> Result<Vec<Verdict>> {
        let arrivals: Arc<[Arrival]> = arrivals.into();
        let haste = match arrivals.len() {
            1 => Haste::Alone,
            _ => Haste::AllOrNone,
        };
        let hasty = self.take_once(consumer, &arrivals, haste);
        let verdicts = match hasty.await {
            Ok(verdicts) => verdicts,
            Err(_) => {
                retrying(|last_run| {
                    self.take_once(consumer, &arrivals, Haste::OneByOne { last_run })
                })
                .await?
            }
        };
        let handled = verdicts.iter().filter_map(|verdict| match verdict {
            Verdict::Handled { subject, cursor } => Some((subject.clone(), *cursor)),
            Verdict::Superfluous | Verdict::Parked | Verdict::Again(_) => None,
        });
        self.remember(consumer.aggregate, handled);
        let outcome = (&*arrivals, verdicts.as_slice());
        let now = self.context.now();
        figures::handled(self.context.service, consumer.aggregate, outcome, now);
        Ok(verdicts)
    }

    async fn take_once(
        &self,
        consumer: &Consumer,
        arrivals: &Arc<[Arrival]>,
        haste: Haste,
    ) -> Result<Vec<Verdict>> {
        let durability = self.durability(consumer);
        let (gate, consumer, arrivals) = (self.clone(), consumer.clone(), Arc::clone(arrivals));
        let work = async move |tx: &mut Tx| {
            let keys: Vec<_> = arrivals
                .iter()
                .map(|arrival| gate.key(&consumer, &arrival.event.subject))
                .collect();
            store::lock(tx, &keys.iter().collect::<Vec<_>>()).await?;
            let (mut standings, is_rebuilding) = standing::of_all(tx, &keys).await?;
            gate.unless_paused(tx.is_shared() && is_rebuilding)?;
            let mut verdicts = Vec::with_capacity(arrivals.len());
            let moves = standing::Moves::default();
            for (arrival, key) in arrivals.iter().zip(keys) {
                let turn = Turn {
                    gate: &gate,
                    consumer: &consumer,
                    key,
                    haste,
                    // One that fails alone takes its cursor back with it.
                    moves: (haste == Haste::AllOrNone).then_some(&moves),
                };
                verdicts.push(turn.receive(tx, arrival, &mut standings).await?);
            }
            moves.write(tx).await?;
            Ok(verdicts)
        };
        self.context
            .db
            .run(durability, Origin::default(), work)
            .await
    }

    /// How durable the effects of an event are before it is acknowledged. A bus apart has then done
    /// with it for good, so nothing is left to a server that may crash.
    fn durability(&self, consumer: &Consumer) -> Durability {
        if consumer.reacts || self.context.db.is_shared() {
            Durability::Synced
        } else {
            Durability::Relaxed
        }
    }

    /// Asked within a transaction, so that none applies an event to a half-built copy; and whether a
    /// replica rebuilds them.
    fn unless_paused(&self, elsewhere: bool) -> Result<()> {
        if elsewhere {
            self.see_rebuild_through();
        }
        if elsewhere || self.paused.load(Ordering::Acquire) {
            return Err(Failure::Unavailable(
                "the copies are being rebuilt".to_owned(),
            ));
        }
        Ok(())
    }

    fn remember(
        &self,
        aggregate: &'static str,
        reached: impl IntoIterator<Item = (String, Cursor)>,
    ) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.len() > RECENT_MAX {
            recent.clear();
        }
        let keys = reached.into_iter();
        recent.extend(keys.map(|(subject, cursor)| ((aggregate, subject), cursor)));
    }

    fn forget(&self, aggregate: &'static str, subject: &str) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.remove(&(aggregate, subject.to_owned()));
    }

    /// Whether this key was lately seen at this place or behind it.
    fn is_recent(&self, aggregate: &'static str, subject: &str, head: Cursor) -> bool {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = recent.get(&(aggregate, subject.to_owned()));
        seen.is_some_and(|seen| {
            seen.version >= head.version && seen.incarnation >= head.incarnation
        })
    }
}

/// Runs a transaction again when the head it had read moved under it; tells it which run is the last.
async fn retrying<T, F: Future<Output = Result<T>>>(run: impl Fn(bool) -> F) -> Result<T> {
    for _ in 0..MOVED_RUNS {
        match run(false).await {
            Err(Failure::Moved { .. }) => {}
            outcome => return outcome,
        }
    }
    run(true).await
}

fn settle(chunk: Vec<Delivery>, verdicts: Vec<Verdict>) {
    for (delivery, verdict) in chunk.into_iter().zip(verdicts) {
        match verdict {
            Verdict::Again(delay) => delivery.again(delay),
            Verdict::Handled { .. } | Verdict::Superfluous | Verdict::Parked => {
                delivery.acknowledge();
            }
        }
    }
}
