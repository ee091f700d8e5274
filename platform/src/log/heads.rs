//! Announces the heads that changed, so that a consumer notices a lost *last* event.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use contracts::Envelope;
use serde::{Deserialize, Serialize};

use crate::context::Context;

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
#[derive(Debug, Clone, Default)]
pub(super) struct Changed(Arc<Mutex<Beating>>);

type Beating = BTreeMap<(String, String), (Head, u8)>;

impl Changed {
    /// Notes that an event was published.
    pub(super) fn note(&self, event: &Envelope) {
        let head = Head {
            aggregate: event.aggregate.clone(),
            subject: event.subject.clone(),
            version: event.aggregateversion,
            incarnation: event.incarnation,
        };
        let key = (event.aggregate.clone(), event.subject.clone());
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key, (head, BEATS));
    }

    /// The heads to be announced in this beat.
    fn beat(&self) -> Vec<Head> {
        let mut changed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let heads = changed.values().map(|(head, _)| head.clone()).collect();
        changed.retain(|_, (_, left)| {
            *left -= 1;
            *left > 0
        });
        heads
    }
}

/// Announces each changed head in three successive beats, so that no lost event waits for the
/// minute's comparison unless three announcements are lost too.
pub(super) async fn announce(context: Context, changed: Changed) {
    loop {
        context.clock.sleep(BEAT).await;
        for heads in changed.beat().chunks(ANNOUNCE_MAX) {
            let Ok(news) = serde_json::to_vec(heads) else {
                continue;
            };
            if let Err(error) = context.bus.announce(context.service, news.into()).await {
                tracing::debug!(service = context.service, %error, "an announcement was lost");
            }
        }
    }
}
