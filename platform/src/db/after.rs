//! What follows from a transaction once it is committed: who is woken, and what there is to publish.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::log::fresh::{Appended, Fresh, News};
use crate::log::share::Share;

/// What follows from a transaction once it is committed.
#[derive(Default)]
pub(super) struct After {
    /// Whom it wakes.
    pub(super) wakes: BTreeSet<&'static str>,
    /// What this process publishes of it.
    pub(super) appended: Vec<Appended>,
}

/// The same when it is known to be committed, for any thread to do.
pub(super) struct Consequences {
    pub(super) wakes: BTreeSet<&'static str>,
    news: News,
}

impl After {
    /// What follows now, as far as the database has said.
    pub(super) fn consequences(self) -> Consequences {
        Consequences {
            wakes: self.wakes,
            news: News::of(self.appended),
        }
    }
}

impl Consequences {
    /// Lets it follow.
    pub(super) fn follow(self, wakers: &Wakers) {
        wakers.fresh.put(self.news);
        self.wakes.into_iter().for_each(|name| wakers.wake(name));
    }
}

/// The loops of one service that sleep until they are woken, by name.
#[derive(Debug, Clone, Default)]
pub struct Wakers {
    loops: Arc<Mutex<HashMap<&'static str, Arc<Notify>>>>,
    /// Whom an event that is appended here wakes.
    pub(crate) share: Share,
    /// What it then finds.
    pub(crate) fresh: Fresh,
}

impl Wakers {
    /// What the loop of this name waits on. A wake-up while it runs is not lost.
    #[must_use]
    pub fn get(&self, name: &'static str) -> Arc<Notify> {
        let mut loops = self.loops.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(loops.entry(name).or_default())
    }

    /// Wakes the loop of this name.
    pub fn wake(&self, name: &'static str) {
        self.get(name).notify_one();
    }
}
