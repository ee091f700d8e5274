//! Events that this process has just committed, on their way to the relay: it need not read them back.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use contracts::Envelope;

use super::fnv_1a;
use crate::db::Heard;

/// More than this many wait only while the bus does not take any: then they are read from the log.
const WAITING_MAX: usize = 1024;

/// Of so many aggregates, and of as many before, is known what was published last.
const REMEMBERED: usize = 4096;

/// An event of a transaction that is not committed yet.
pub(crate) struct Appended {
    /// Where it stands in the log, once the database has said so.
    pub(crate) position: Heard,
    /// The event.
    pub(crate) event: Arc<Envelope>,
}

/// An event that was committed.
#[derive(Debug, Clone)]
pub(crate) struct Committed {
    /// Where it stands in the log.
    pub(crate) position: i64,
    /// The event.
    pub(crate) event: Arc<Envelope>,
}

/// Events that were committed.
#[derive(Debug, Default)]
pub(crate) struct News {
    /// In the order of their commits.
    pub(super) events: Vec<Committed>,
    /// There are more, which are in the log only.
    pub(super) is_part: bool,
}

impl News {
    /// What a transaction has appended, now that it was committed.
    pub(crate) fn of(appended: Vec<Appended>) -> Self {
        let mut news = Self::default();
        for Appended { position, event } in appended {
            match position.get() {
                Some(position) => news.events.push(Committed { position, event }),
                None => news.is_part = true,
            }
        }
        news
    }
}

/// What was committed here and not taken by the relay yet. Nothing rests on it: the log has it all.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fresh(Arc<Mutex<News>>);

impl Fresh {
    /// Adds what a transaction has committed. Those of one aggregate come in order, because the next
    /// transaction that raises its head waits for this one.
    pub(crate) fn put(&self, news: News) {
        let mut waiting = self.waiting();
        let room = WAITING_MAX.saturating_sub(waiting.events.len());
        waiting.is_part |= news.is_part || news.events.len() > room;
        waiting.events.extend(news.events.into_iter().take(room));
    }

    /// Lets the relay look into the log.
    pub(crate) fn look(&self) {
        self.waiting().is_part = true;
    }

    /// Takes what is there.
    pub(super) fn take(&self) -> News {
        std::mem::take(&mut *self.waiting())
    }

    fn waiting(&self) -> MutexGuard<'_, News> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Which version of each aggregate this relay has published last, as far as it remembers.
#[derive(Debug, Default)]
pub(super) struct Published {
    recent: HashMap<u64, i64>,
    before: HashMap<u64, i64>,
}

/// Whether an event may be published without a look at the log.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// All earlier ones of its aggregate were: it is the first, or this relay published the one before.
    Yes,
    /// It was published itself.
    Done,
    /// That is not known here: another replica may have committed, or published, the one before.
    Unknown,
}

impl Published {
    /// Whether an event is the next of its aggregate; then it counts as published.
    pub(super) fn take(&mut self, event: &Envelope) -> Next {
        let key = key(event);
        let last = self.recent.get(&key).or_else(|| self.before.get(&key));
        match (last, event.aggregateversion) {
            (Some(last), version) if version <= *last => return Next::Done,
            (Some(last), version) if version > last + 1 => return Next::Unknown,
            (None, version) if version > 1 => return Next::Unknown,
            _ => self.note(event),
        }
        Next::Yes
    }

    /// An event counts as published, until the bus fails.
    pub(super) fn note(&mut self, event: &Envelope) {
        if self.recent.len() >= REMEMBERED {
            self.before = std::mem::take(&mut self.recent);
        }
        self.recent.insert(key(event), event.aggregateversion);
    }
}

/// Two aggregates with one key would let an event overtake another, which consumers put in order.
fn key(event: &Envelope) -> u64 {
    fnv_1a(&format!("{}/{}", event.aggregate, event.subject))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use super::*;

    fn event(subject: &str, version: i64) -> Arc<Envelope> {
        let event = serde_json::json!({
            "specversion": "1.0", "id": format!("toy/{subject}/1/{version}"), "source": "/toys",
            "type": "toys.toy.moved.v1", "subject": subject, "time": "2026-01-01T00:00:00Z",
            "datacontenttype": "application/json", "aggregate": "toy", "aggregateversion": version,
            "incarnation": 1, "correlationid": "c", "data": {},
        });
        Arc::new(serde_json::from_value(event).unwrap())
    }

    fn news(positions: impl IntoIterator<Item = Option<i64>>) -> News {
        let appended = positions
            .into_iter()
            .zip(1..)
            .map(|(position, version)| Appended {
                position: Rc::new(Cell::new(position)),
                event: event("a", version),
            });
        News::of(appended.collect())
    }

    #[test]
    fn an_event_is_next_when_it_is_the_first_or_the_one_before_was_published_here() {
        let mut published = Published::default();
        assert_eq!(published.take(&event("a", 2)), Next::Unknown);
        assert_eq!(published.take(&event("a", 1)), Next::Yes);
        assert_eq!(published.take(&event("a", 1)), Next::Done);
        assert_eq!(published.take(&event("a", 3)), Next::Unknown);
        assert_eq!(published.take(&event("a", 2)), Next::Yes);
        published.note(&event("b", 7));
        assert_eq!(published.take(&event("b", 8)), Next::Yes);
    }

    #[test]
    fn what_was_published_long_ago_is_forgotten_and_looked_up() {
        let mut published = Published::default();
        published.note(&event("a", 1));
        for number in 0..2 * REMEMBERED {
            published.note(&event(&format!("other {number}"), 1));
        }
        assert_eq!(published.take(&event("a", 2)), Next::Unknown);
        assert!(published.recent.len() + published.before.len() <= 2 * REMEMBERED);
    }

    #[test]
    fn what_has_no_place_here_is_said_to_be_in_the_log() {
        let fresh = Fresh::default();
        fresh.put(news([Some(7), Some(8)]));
        let taken = fresh.take();
        let positions: Vec<i64> = taken.events.iter().map(|one| one.position).collect();
        assert_eq!(
            (positions.as_slice(), taken.is_part),
            ([7, 8].as_slice(), false)
        );
        fresh.put(news([None]));
        assert!(
            fresh.take().is_part,
            "the database did not say where it stands"
        );
        for position in 0..=i64::try_from(WAITING_MAX).unwrap() {
            fresh.put(news([Some(position)]));
        }
        let taken = fresh.take();
        assert_eq!((taken.events.len(), taken.is_part), (WAITING_MAX, true));
        assert!(!fresh.take().is_part);
    }
}
