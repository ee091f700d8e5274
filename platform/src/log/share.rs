//! Which partitions' events this replica publishes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::PARTITIONS;

/// The partitions of a log that this replica's relay has, a bit for each: all, unless others take part.
#[derive(Debug, Clone)]
pub(crate) struct Share(Arc<AtomicU32>);

impl Default for Share {
    fn default() -> Self {
        let share = Self(Arc::default());
        share.set(&(0..PARTITIONS).collect::<Vec<_>>());
        share
    }
}

impl Share {
    /// Takes the place of what it had; whether that was something else.
    pub(crate) fn set(&self, partitions: &[i64]) -> bool {
        let bits = partitions
            .iter()
            .fold(0, |bits, &number| bits | bit(number));
        self.0.swap(bits, Ordering::AcqRel) != bits
    }

    /// Whether a partition is among them.
    pub(crate) fn has(&self, partition: i64) -> bool {
        self.0.load(Ordering::Acquire) & bit(partition) != 0
    }

    /// Those that it has.
    pub(super) fn partitions(&self) -> Vec<i64> {
        (0..PARTITIONS).filter(|&number| self.has(number)).collect()
    }
}

fn bit(partition: i64) -> u32 {
    let shift = u32::try_from(partition).unwrap_or(u32::MAX);
    1_u32.checked_shl(shift).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_alone_has_all_and_then_what_it_was_given() {
        let share = Share::default();
        assert!((0..PARTITIONS).all(|number| share.has(number)));
        assert!(share.clone().set(&[1, 15]));
        assert!(!share.set(&[1, 15]));
        assert_eq!(share.partitions(), [1, 15]);
        assert!(!share.has(2) && !share.has(99));
        assert!(share.set(&[]));
        assert!(share.partitions().is_empty());
    }
}
