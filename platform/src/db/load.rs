//! How much a database has to do.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts transactions that write. Clones count together.
#[derive(Debug, Clone, Default)]
pub(super) struct Load(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    begun: AtomicU64,
    ended: AtomicU64,
}

/// A transaction that waits or runs, until it is dropped.
pub(super) struct Running(Arc<Counts>);

impl Load {
    pub(super) fn begin(&self) -> Running {
        self.0.begun.fetch_add(1, Ordering::Relaxed);
        Running(Arc::clone(&self.0))
    }

    /// How many have ended, and how many wait or run.
    pub(super) fn counts(&self) -> (u64, u64) {
        let ended = self.0.ended.load(Ordering::Relaxed);
        let begun = self.0.begun.load(Ordering::Relaxed);
        (ended, begun.saturating_sub(ended))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_has_ended() {
        let load = Load::default();
        let first = load.begin();
        let second = load.clone().begin();
        assert_eq!(load.counts(), (0, 2));
        drop(first);
        assert_eq!(load.counts(), (1, 1));
        drop(second);
        assert_eq!(load.counts(), (2, 0));
    }
}
