//! The bus within one process.

use std::sync::Arc;

use platform::bus::Bus;
use platform::clock::SystemClock;
use platform::tasks::Tasks;
use testing::{Faults, FaultyBus};

use crate::rig::{event, in_process};
use crate::suite::{all_cases, every_bus};

all_cases!(every_bus, in_process());

#[tokio::test]
async fn a_batch_one_by_one_ends_at_the_first_failure() {
    let bus = FaultyBus::new(Arc::new(SystemClock::new()), Tasks::default(), 1);
    bus.set(Faults {
        unconfirmed: 100,
        ..Faults::default()
    });
    let events: Vec<_> = (1..=3).map(|v| event("o", "a", v)).collect();
    let outcomes = bus.publish_all(&events).await;
    assert_eq!(outcomes.len(), 3);
    assert!(outcomes.iter().all(Result::is_err));
    assert_eq!(bus.published().lock().unwrap().len(), 1);
}
