//! What went with a part of a log that a backup did not have: nothing is promised of it any more.

use std::collections::BTreeSet;
use std::sync::{MutexGuard, PoisonError};

use super::World;
use crate::trace::FAULT;

/// What a part of a log that was lost had told of.
#[derive(Debug, Default)]
pub struct Lost {
    /// People who had signed up, tickets and orders about which they had said something: nothing is
    /// promised of them any more.
    pub said: BTreeSet<String>,
    /// Tickets that orders had locked: until orders says so again they can be taken back.
    pub locks: BTreeSet<String>,
    /// Payments: those that no order has heard of are gone, and their keys with them.
    pub payments: BTreeSet<String>,
    /// Whether somebody had signed out: the session is good again until it ends by itself.
    pub sign_outs: bool,
    /// Whether there was anything that may have been lost.
    pub any: bool,
}

impl World {
    fn lost(&self) -> MutexGuard<'_, Lost> {
        self.0.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was said of these last is lost with the part of a log that a backup did not have.
    pub fn lose(&self, more: Lost) {
        self.trace.say(|| format!("{FAULT}with it: {more:?}"));
        let mut lost = self.lost();
        lost.said.extend(more.said);
        lost.locks.extend(more.locks);
        lost.payments.extend(more.payments);
        lost.sign_outs |= more.sign_outs;
        lost.any |= more.any;
    }

    /// Whether a payment was lost.
    #[must_use]
    pub fn has_lost_payment(&self, payment: &str) -> bool {
        self.lost().payments.contains(payment)
    }

    /// Whether a lock on this ticket was lost.
    #[must_use]
    pub fn has_lost_lock(&self, ticket: &str) -> bool {
        self.lost().locks.contains(ticket)
    }

    /// Whether it was lost that somebody had signed out.
    #[must_use]
    pub fn has_lost_sign_outs(&self) -> bool {
        self.lost().sign_outs
    }

    /// Whether a part of a log was lost.
    #[must_use]
    pub fn has_lost(&self) -> bool {
        self.lost().any
    }

    /// Leaves out what is about something that was lost.
    #[must_use]
    pub fn without_lost(&self, found: Vec<String>) -> Vec<String> {
        let lost = self.lost();
        let is_lost = |line: &String| lost.said.iter().any(|id| line.contains(id.as_str()));
        found.into_iter().filter(|line| !is_lost(line)).collect()
    }
}
