//! Several processes with the same services on the same databases, each of which can die by itself.

use std::sync::Arc;

use anyhow::{anyhow, ensure};
use platform::Service;
use platform::bus::Bus;
use platform::random::SystemRandom;
use platform::session::SigningKey;

use crate::place::Place;
use crate::postgres::Databases;
use crate::world::World;

impl World {
    /// Starts services over this bus that keep their data in PostgreSQL, whatever this run is told.
    ///
    /// # Errors
    /// When one can't start.
    pub async fn start_shared_over(
        bus: Arc<dyn Bus>,
        services: Vec<Service>,
    ) -> anyhow::Result<Self> {
        let key = SigningKey::generate(&SystemRandom).map_err(|error| anyhow!("{error}"))?;
        let place = Place::new(Some(Databases::new()?))?;
        Self::start_in(services, key, place, Some(bus)).await
    }

    /// Starts services on the databases and by the clock of this world, as another process would,
    /// over this bus.
    ///
    /// # Errors
    /// When one can't start, or the databases can't be shared.
    pub async fn beside(&self, bus: Arc<dyn Bus>, services: Vec<Service>) -> anyhow::Result<Self> {
        let place = self.place.clone();
        ensure!(
            place.databases.is_some(),
            "only a database server can be shared"
        );
        Self::start_in(services, self.signing_key.clone(), place, Some(bus)).await
    }
}
