//! How far a consumer has come with what the bus delivers: what is on its way to it, in line, is told
//! from what was lost.
//!
//! A busy consumer may be seconds behind. Each event that it has not come to yet differs from what its
//! owner has; if each were asked for, one by one, it would fall behind further, and not recover.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use contracts::Timestamp;

use super::inbox::REPAIR_AFTER;
use crate::bus::Delivery;

/// What each consumer of a service has heard last.
#[derive(Debug, Default)]
pub(super) struct Heard(Mutex<HashMap<&'static str, Last>>);

#[derive(Debug, Clone, Copy)]
struct Last {
    /// Whether deliveries are being handled now.
    is_at_it: bool,
    /// When the last ones were begun with or handled, by the clock that never goes back.
    at: Duration,
    /// When their owner had committed the newest of them.
    newest: Timestamp,
}

impl Heard {
    /// Deliveries are begun with.
    pub(super) fn begin(&self, aggregate: &'static str, now: Duration) {
        self.note(aggregate, |last| {
            last.is_at_it = true;
            last.at = now;
        });
    }

    /// These are handled; or they could not be, and none is.
    pub(super) fn end(&self, aggregate: &'static str, handled: &[Delivery], now: Duration) {
        self.note(aggregate, |last| {
            last.is_at_it = false;
            last.at = now;
            let newest = handled.iter().map(|delivery| delivery.envelope.time).max();
            last.newest = newest.unwrap_or(last.newest);
        });
    }

    /// Whether what an owner had published by a time may still be on its way: deliveries are being
    /// handled, and the last ones were older. Whoever said it and this process go by clocks that agree;
    /// as far as they don't, something is asked for sooner or later than it need be.
    pub(super) fn may_bring(
        &self,
        aggregate: &'static str,
        published_by: Timestamp,
        now: Duration,
    ) -> bool {
        let heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heard.get(aggregate).is_some_and(|last| {
            let is_at_work = last.is_at_it || now.saturating_sub(last.at) < REPAIR_AFTER;
            is_at_work && last.newest < published_by
        })
    }

    fn note(&self, aggregate: &'static str, change: impl FnOnce(&mut Last)) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(heard.entry(aggregate).or_insert(Last {
            is_at_it: false,
            at: Duration::ZERO,
            newest: Timestamp::default(),
        }));
    }
}
