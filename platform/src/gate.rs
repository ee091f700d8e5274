//! The inbox: hands each event to its consumer once, in order per aggregate, whatever the bus does.
//!
//! An event is handled when all earlier ones of its aggregate have been. One that came too early is
//! parked, and the owner is asked for what lies between. One whose handler fails is tried again; in
//! the end its key is blocked, and no other.

pub mod consumer;
pub mod inbox;
pub mod operator;
pub mod rebuild;
pub mod repair;
pub mod store;
pub mod watermark;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use contracts::Envelope;
use futures::StreamExt;
use futures::stream::BoxStream;

use crate::bus::Delivery;
use crate::context::Context;
use crate::db::{Durability, Tx};
use crate::failure::{Failure, Result};
use crate::trace::Origin;
use consumer::Consumer;
use inbox::Verdict;

/// How many events that are waiting are handled in one transaction.
const CHUNK: usize = 64;

/// After how long an event comes again when the database did not answer.
const UNAVAILABLE_PAUSE: Duration = Duration::from_millis(500);

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
    /// How failing handlers are dealt with.
    pub settings: GateSettings,
    /// Holds deliveries back while copies are rebuilt.
    paused: Arc<AtomicBool>,
    recent: Arc<Mutex<HashMap<(&'static str, String), (i64, i64)>>>,
}

impl Gate {
    /// The gate of a service with these consumers.
    #[must_use]
    pub fn new(context: Context, consumers: Vec<Consumer>, settings: GateSettings) -> Self {
        Self {
            context,
            consumers: consumers.into(),
            settings,
            paused: Arc::default(),
            recent: Arc::default(),
        }
    }

    /// The consumer of an aggregate, if the service has one.
    #[must_use]
    pub fn consumer(&self, aggregate: &str) -> Option<&Consumer> {
        self.consumers.iter().find(|consumer| consumer.aggregate == aggregate)
    }

    /// Handles what the bus delivers until the process stops.
    pub async fn run(self, consumer: Consumer, deliveries: BoxStream<'static, Delivery>) {
        let mut chunks = deliveries.ready_chunks(CHUNK);
        while let Some(chunk) = chunks.next().await {
            if self.paused.load(Ordering::Acquire) {
                chunk.into_iter().for_each(|delivery| delivery.again(UNAVAILABLE_PAUSE));
                continue;
            }
            let events = chunk
                .iter()
                .map(|delivery| (Arc::clone(&delivery.envelope), delivery.attempt))
                .collect();
            match self.take(&consumer, events).await {
                Ok(verdicts) => settle(chunk, verdicts),
                Err(failure) => {
                    tracing::warn!(
                        service = self.context.service, aggregate = consumer.aggregate, %failure,
                        "events wait for the database"
                    );
                    chunk.into_iter().for_each(|delivery| delivery.again(UNAVAILABLE_PAUSE));
                }
            }
        }
    }

    /// Handles events, given with how often each was delivered, in one durable transaction.
    ///
    /// # Errors
    /// When the transaction did not happen: nothing may be acknowledged.
    pub async fn take(
        &self,
        consumer: &Consumer,
        events: Vec<(Arc<Envelope>, u32)>,
    ) -> Result<Vec<Verdict>> {
        let (gate, owned) = (self.clone(), consumer.clone());
        let durability = if consumer.reacts { Durability::Synced } else { Durability::Relaxed };
        let work = async move |tx: &mut Tx| {
            let mut verdicts = Vec::with_capacity(events.len());
            for (event, attempt) in &events {
                verdicts.push(gate.receive(tx, &owned, event, *attempt).await?);
            }
            Ok(verdicts)
        };
        let verdicts = retrying(|| {
            self.context.db.run(durability, Origin::default(), work.clone())
        })
        .await?;
        self.remember(consumer.aggregate, &verdicts);
        Ok(verdicts)
    }

    fn remember(&self, aggregate: &'static str, verdicts: &[Verdict]) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.len() > RECENT_MAX {
            recent.clear();
        }
        for verdict in verdicts {
            if let Verdict::Handled { subject, version, incarnation } = verdict {
                recent.insert((aggregate, subject.clone()), (*version, *incarnation));
            }
        }
    }

    /// Whether this key was lately seen at this version or above.
    fn is_recent(&self, aggregate: &'static str, subject: &str, version: i64, life: i64) -> bool {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = recent.get(&(aggregate, subject.to_owned()));
        seen.is_some_and(|(seen, seen_life)| *seen >= version && *seen_life >= life)
    }
}

/// Runs a transaction again when the head it had read moved under it.
async fn retrying<T, F: Future<Output = Result<T>>>(run: impl Fn() -> F) -> Result<T> {
    for _ in 0..3 {
        match run().await {
            Err(Failure::Moved { .. }) => {}
            outcome => return outcome,
        }
    }
    run().await
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
