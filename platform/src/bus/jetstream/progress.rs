//! How far a consumer has come in a stream, as far as this process knows.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_nats::jetstream::consumer::Info;
use tokio::time::Instant;

use super::place::ACK_WAIT;

/// Of one subscription; positions are the stream's sequence numbers.
#[derive(Debug, Default)]
pub(super) struct Progress(Mutex<Option<Known>>);

#[derive(Debug)]
struct Known {
    /// All up to here was acknowledged before.
    floor: u64,
    /// Others may have fetched something above the floor, and will not acknowledge it: until then it has
    /// come again.
    floor_counts_until: Option<Instant>,
    /// What was delivered last.
    last: u64,
    /// What was delivered and is not acknowledged.
    open: BTreeSet<u64>,
}

impl Progress {
    /// A subscription begins with what the server says.
    pub(super) fn begin(&self, info: &Info) {
        let is_open = info.num_ack_pending > 0;
        *self.lock() = Some(Known {
            floor: info.ack_floor.stream_sequence,
            floor_counts_until: is_open.then(|| Instant::now() + ACK_WAIT * 2),
            last: info.delivered.stream_sequence,
            open: BTreeSet::new(),
        });
    }

    pub(super) fn delivered(&self, sequence: u64) {
        if let Some(known) = self.lock().as_mut() {
            known.last = known.last.max(sequence);
            known.open.insert(sequence);
        }
    }

    pub(super) fn acknowledged(&self, sequence: u64) {
        if let Some(known) = self.lock().as_mut() {
            known.open.remove(&sequence);
        }
    }

    /// The first that may not have been acknowledged; nothing before the first subscription.
    pub(super) fn resumes_at(&self) -> Option<u64> {
        let known = self.lock();
        let known = known.as_ref()?;
        let inherited = known
            .floor_counts_until
            .is_some_and(|until| Instant::now() < until);
        if inherited {
            return Some(known.floor + 1);
        }
        let first_open = known.open.first().copied();
        Some(first_open.unwrap_or(known.last + 1))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What a server says of a place: all up to `floor` is acknowledged, `delivered` came last, and so
    /// many are open.
    fn told(floor: u64, delivered: u64, open: usize) -> Info {
        let at = |sequence: u64| json!({"consumer_seq": sequence, "stream_seq": sequence});
        let info = json!({
            "stream_name": "s", "name": "c", "created": "2026-01-02T03:04:05Z",
            "config": {"ack_policy": "explicit", "deliver_policy": "all"},
            "delivered": at(delivered), "ack_floor": at(floor), "num_ack_pending": open,
            "num_redelivered": 0, "num_waiting": 0, "num_pending": 0
        });
        serde_json::from_value(info).unwrap()
    }

    #[test]
    fn without_a_subscription_nothing_is_known() {
        let progress = Progress::default();
        progress.delivered(7);
        assert_eq!(progress.resumes_at(), None);
    }

    #[test]
    fn it_resumes_behind_what_was_delivered_last() {
        let progress = Progress::default();
        progress.begin(&told(5, 5, 0));
        assert_eq!(progress.resumes_at(), Some(6));
        for sequence in [8, 9] {
            progress.delivered(sequence);
            progress.acknowledged(sequence);
        }
        assert_eq!(progress.resumes_at(), Some(10));
    }

    #[test]
    fn it_resumes_at_the_first_that_is_open() {
        let progress = Progress::default();
        progress.begin(&told(5, 5, 0));
        for sequence in [8, 9, 12] {
            progress.delivered(sequence);
        }
        progress.acknowledged(9);
        assert_eq!(progress.resumes_at(), Some(8));
        progress.acknowledged(8);
        assert_eq!(progress.resumes_at(), Some(12));
    }

    #[tokio::test(start_paused = true)]
    async fn what_others_had_fetched_counts_until_it_has_come_again() {
        let progress = Progress::default();
        progress.begin(&told(5, 9, 2));
        progress.delivered(10);
        progress.acknowledged(10);
        assert_eq!(progress.resumes_at(), Some(6));
        tokio::time::advance(ACK_WAIT * 2).await;
        assert_eq!(progress.resumes_at(), Some(11));
    }
}
