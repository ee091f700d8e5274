//! Carries committed events to the bus, and announces the heads that changed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use contracts::Envelope;
use serde::{Deserialize, Serialize};

use super::RELAY;
use crate::context::Context;
use crate::db::{Durability, Tx, params};
use crate::failure::Result;
use crate::trace::Origin;

/// How many events are read and marked at once.
const BATCH: i64 = 512;

/// How often the relay looks by itself, should a wake-up have been missed.
const POLL: Duration = Duration::from_secs(1);

/// Between the beats in which a changed head is announced.
const BEAT: Duration = Duration::from_millis(1500);

/// In how many successive beats a changed head is announced.
const BEATS: u8 = 3;

/// How many heads one announcement holds.
const ANNOUNCE_MAX: usize = 500;

/// The newest version of an aggregate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The aggregate's name.
    pub aggregate: String,
    /// Its id.
    pub subject: String,
    /// The version of its newest event.
    pub version: i64,
    /// The incarnation of that event.
    pub incarnation: i64,
}

/// The heads that changed a short while ago, by aggregate and id, with the beats that are left.
type Changed = Arc<Mutex<HashMap<(String, String), (Head, u8)>>>;

/// Publishes until the process stops.
pub async fn run(context: Context) {
    let changed = Changed::default();
    context.tasks.spawn(beat(context.clone(), Arc::clone(&changed)));
    let wake = context.wakers.get(RELAY);
    let mut pause = Duration::ZERO;
    loop {
        match relay_batch(&context, &changed).await {
            Ok(0) => {
                pause = Duration::ZERO;
                tokio::select! {
                    () = wake.notified() => {}
                    () = context.clock.sleep(POLL) => {}
                }
            }
            Ok(_) => pause = Duration::ZERO,
            Err(error) => {
                pause = (pause * 2).clamp(Duration::from_millis(100), Duration::from_secs(30));
                tracing::warn!(service = context.service, %error, "the relay waits");
                context.clock.sleep(pause).await;
            }
        }
    }
}

/// Publishes what is unpublished, in version order per aggregate, and marks it after the bus
/// confirmed. Says how many events there were.
pub(crate) async fn relay_batch(context: &Context, changed: &Changed) -> Result<usize> {
    let rows = context
        .db
        .read(async |tx: &mut Tx| {
            tx.query(
                "select o.position, e.envelope from outbox o \
                 join events e on e.position = o.position order by o.position limit $1",
                params![BATCH],
            )
            .await
        })
        .await?;
    let mut positions = Vec::with_capacity(rows.len());
    for row in rows {
        let text: String = row.get(1)?;
        let event: Arc<Envelope> = Arc::new(serde_json::from_str(&text)?);
        context.bus.publish(&event).await?;
        positions.push(row.get::<i64>(0)?);
        note(changed, &event);
    }
    let count = positions.len();
    if count > 0 {
        metrics::counter!("ticketing_events_published_total", "service" => context.service)
            .increment(u64::try_from(count).unwrap_or(0));
        let mark = async move |tx: &mut Tx| {
            for position in &positions {
                tx.execute("delete from outbox where position = $1", params![position]).await?;
            }
            Ok(())
        };
        // Lost in a crash, the mark leaves a duplicate at worst.
        context.db.run(Durability::Relaxed, Origin::default(), mark).await?;
    }
    Ok(count)
}

fn note(changed: &Changed, event: &Envelope) {
    let head = Head {
        aggregate: event.aggregate.clone(),
        subject: event.subject.clone(),
        version: event.aggregateversion,
        incarnation: event.incarnation,
    };
    let key = (event.aggregate.clone(), event.subject.clone());
    changed.lock().unwrap_or_else(PoisonError::into_inner).insert(key, (head, BEATS));
}

/// Announces each changed head in three successive beats, so that a lost *last* event is noticed
/// without waiting for the minute's comparison.
async fn beat(context: Context, changed: Changed) {
    loop {
        context.clock.sleep(BEAT).await;
        let heads: Vec<Head> = {
            let mut changed = changed.lock().unwrap_or_else(PoisonError::into_inner);
            let heads = changed.values().map(|(head, _)| head.clone()).collect();
            changed.retain(|_, (_, left)| {
                *left -= 1;
                *left > 0
            });
            heads
        };
        for some in heads.chunks(ANNOUNCE_MAX) {
            let Ok(news) = serde_json::to_vec(some) else { continue };
            if let Err(error) = context.bus.announce(context.service, news.into()).await {
                tracing::debug!(service = context.service, %error, "an announcement was lost");
            }
        }
    }
}
