//! What a world stands on: where its data is, its time, and what its services share.

use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use platform::gate::GateSettings;
use platform::http::health::Readiness;
use platform::random::SystemRandom;
use platform::run::Process;
use platform::session::{PublicKey, SigningKey};
use platform::tasks::Tasks;
use tempfile::TempDir;

use crate::bus::FaultyBus;
use crate::clock::TestClock;
use crate::postgres::Databases;

/// Where a world's data is, and which time it is there: what is left of it after a crash.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) directory: Arc<TempDir>,
    /// Where the data is, unless it is in the directory.
    pub(crate) databases: Option<Arc<Databases>>,
    pub(crate) clock: Arc<TestClock>,
}

impl Place {
    pub(crate) fn new(databases: Option<Arc<Databases>>) -> anyhow::Result<Self> {
        Ok(Self {
            directory: Arc::new(tempfile::tempdir()?),
            databases,
            clock: TestClock::new(),
        })
    }
}

pub(crate) fn public_half(key: &SigningKey) -> anyhow::Result<PublicKey> {
    key.public().map_err(|error| anyhow!("{error}"))
}

/// What the services of a world share.
pub(crate) fn process(
    clock: &Arc<TestClock>,
    bus: &FaultyBus,
    tasks: &Tasks,
    public: PublicKey,
) -> Process {
    Process {
        clock: clock.clone(),
        random: Arc::new(SystemRandom),
        bus: Arc::new(bus.clone()),
        tasks: tasks.clone(),
        public_keys: vec![public],
        public_url: None,
        readiness: Readiness::default(),
        gate: GateSettings {
            attempts_max: 3,
            retry_first: Duration::from_millis(10),
            ..GateSettings::default()
        },
    }
}
