//! Carries committed events to the bus, and marks those that the bus has confirmed.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use contracts::Envelope;
use futures::StreamExt;
use tokio::sync::Notify;

use super::heads::{self, Changed};
use super::{ELSEWHERE, RELAY};
use crate::context::Context;
use crate::db::{Durability, Tx, params};
use crate::failure::Result;
use crate::flaws;
use crate::shares;
use crate::trace::Origin;

/// How many events are read at once.
const BATCH: usize = 512;

/// How often the relay looks by itself, should a wake-up have been missed.
const POLL: Duration = Duration::from_secs(1);

/// The pause after the bus or the database has failed; it doubles.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
const PAUSE_LONGEST: Duration = Duration::from_secs(30);

/// Publishes until the process stops.
pub async fn run(context: Context) {
    let relay = Relay {
        context,
        changed: Changed::default(),
        confirmed: Arc::default(),
        nudged: Arc::default(),
    };
    let tasks = relay.context.tasks.clone();
    tasks.spawn(heads::announce(
        relay.context.clone(),
        relay.changed.clone(),
    ));
    if relay.context.db.is_shared() {
        tasks.spawn(relay.clone().hear_nudges());
        tasks.spawn(relay.clone().nudge_others());
    }
    let confirmation = Arc::new(Notify::new());
    tasks.spawn(relay.clone().mark_confirmed(Arc::clone(&confirmation)));
    let wake = relay.context.wakers.get(RELAY);
    let mut pause = Duration::ZERO;
    loop {
        let mut count = 0;
        let outcome = relay.publish_batch(&mut count).await;
        confirmation.notify_one();
        if count > 0 {
            pause = Duration::ZERO;
            metrics::counter!("ticketing_events_published_total", "service" => relay.context.service)
                .increment(count);
        }
        match outcome {
            Ok(true) => {}
            Ok(false) => {
                pause = Duration::ZERO;
                tokio::select! {
                    biased;
                    () = wake.notified() => {}
                    () = relay.nudged.notified() => {}
                    () = relay.context.clock.sleep(POLL) => {}
                }
            }
            Err(error) => {
                pause = (pause * 2).clamp(PAUSE_FIRST, PAUSE_LONGEST);
                tracing::warn!(service = relay.context.service, %error, "the relay waits");
                relay.context.clock.sleep(pause).await;
            }
        }
    }
}

#[derive(Clone)]
struct Relay {
    context: Context,
    changed: Changed,
    /// The positions of events that the bus has confirmed and that are not marked yet. Publishing
    /// does not wait for the mark, which waits for other transactions' sync.
    confirmed: Arc<Mutex<BTreeSet<i64>>>,
    /// Wakes it for what was committed elsewhere.
    nudged: Arc<Notify>,
}

impl Relay {
    /// Publishes what is unpublished, in version order per aggregate, and counts what was confirmed.
    /// Whether there may be more: what is committed from now on wakes the relay again.
    async fn publish_batch(&self, count: &mut u64) -> Result<bool> {
        // Copied before the read: what is marked in between is then in neither.
        let confirmed = self
            .confirmed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let limit = i64::try_from(BATCH + confirmed.len()).unwrap_or(i64::MAX);
        let Some(sql) = self.unpublished() else {
            return Ok(false);
        };
        let look = async move |tx: &mut Tx| tx.query(&sql, params![limit]).await;
        let (mut positions, mut events) = (Vec::new(), Vec::new());
        let rows = self.context.db.read(look).await?;
        let is_full = i64::try_from(rows.len()) == Ok(limit);
        for row in rows {
            let position: i64 = row.get(0)?;
            if confirmed.contains(&position) {
                continue;
            }
            let event: Envelope = serde_json::from_str(&row.get::<String>(1)?)?;
            positions.push(position);
            events.push(Arc::new(event));
        }
        let outcomes = self.context.bus.publish_all(&events).await;
        for ((position, event), outcome) in positions.into_iter().zip(&events).zip(outcomes) {
            if !flaws::PUBLISHED_UNCONFIRMED.is_there() {
                outcome?;
            }
            self.confirmed
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(position);
            self.changed.note(event);
            *count += 1;
        }
        Ok(is_full)
    }

    /// Reads the events that this replica has to publish, in the order of the log; nothing when it has
    /// none to publish. Positions of one aggregate rise with its versions in both databases, because
    /// a head is raised, and so held, before its event is numbered.
    fn unpublished(&self) -> Option<String> {
        let share = if self.context.db.is_shared() {
            let share = self.context.wakers.share.partitions();
            if share.is_empty() {
                return None;
            }
            let numbers: Vec<String> = share.iter().map(i64::to_string).collect();
            format!("where o.partition in ({}) ", numbers.join(", "))
        } else {
            String::new()
        };
        // The event by a subquery: a join may be planned to read the whole log.
        Some(format!(
            "select o.position, (select e.envelope from events e where e.position = o.position) \
             from outbox o {share}order by o.position limit $1"
        ))
    }

    /// Tells the replicas that publish the other partitions when something of those was committed here.
    async fn nudge_others(self) {
        let elsewhere = self.context.wakers.get(ELSEWHERE);
        loop {
            elsewhere.notified().await;
            let nudge = self
                .context
                .bus
                .nudge(self.context.service, &self.context.replica);
            if let Err(error) = nudge.await {
                tracing::debug!(service = self.context.service, %error, "a nudge was lost");
            }
        }
    }

    /// Wakes this relay when another replica has committed, and hears what the others say of shares.
    async fn hear_nudges(self) {
        let nudges = loop {
            match self.context.bus.nudges(self.context.service).await {
                Ok(nudges) => break nudges,
                Err(_) => self.context.clock.sleep(PAUSE_FIRST).await,
            }
        };
        shares::look_again(&self.context);
        nudges
            .for_each(|word| {
                if !shares::heard(&self.context, &word) && *word != *self.context.replica {
                    self.nudged.notify_one();
                }
                std::future::ready(())
            })
            .await;
    }

    /// Marks confirmed events as published until the process stops.
    async fn mark_confirmed(self, confirmation: Arc<Notify>) {
        let mut pause = Duration::ZERO;
        loop {
            let positions = self
                .confirmed
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone();
            if positions.is_empty() {
                confirmation.notified().await;
                continue;
            }
            match self.mark(runs(&positions)).await {
                Ok(()) => {
                    pause = Duration::ZERO;
                    let mut left = self
                        .confirmed
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner);
                    left.retain(|position| !positions.contains(position));
                }
                Err(error) => {
                    pause = (pause * 2).clamp(PAUSE_FIRST, PAUSE_LONGEST);
                    tracing::warn!(service = self.context.service, %error, "the relay's mark waits");
                    self.context.clock.sleep(pause).await;
                }
            }
        }
    }

    /// Lost in a crash, the mark leaves duplicates at worst.
    async fn mark(&self, runs: Vec<(i64, i64)>) -> Result<()> {
        let work = async move |tx: &mut Tx| {
            for (first, last) in &runs {
                let sql = "delete from outbox where position between $1 and $2";
                tx.execute(sql, params![first, last]).await?;
            }
            Ok(())
        };
        self.context
            .db
            .run(Durability::Relaxed, Origin::default(), work)
            .await
    }
}

/// Positions as runs without a hole, each with its first and last, so that few statements mark many.
fn runs(positions: &BTreeSet<i64>) -> Vec<(i64, i64)> {
    let mut runs: Vec<(i64, i64)> = Vec::new();
    for position in positions {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == *position => *last = *position,
            _ => runs.push((*position, *position)),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_never_covers_a_position_that_was_not_confirmed() {
        assert_eq!(runs(&BTreeSet::new()), []);
        assert_eq!(runs(&BTreeSet::from([4])), [(4, 4)]);
        assert_eq!(
            runs(&BTreeSet::from([1, 2, 3, 5, 7, 8])),
            [(1, 3), (5, 5), (7, 8)]
        );
    }
}
