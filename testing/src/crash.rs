//! Crashes: what was on its way is gone, what the disk has is still there.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use platform::session::SigningKey;
use platform::{Service, Tx};

use crate::place::Place;
use crate::world::World;

/// What a crash left.
pub struct Crashed {
    key: SigningKey,
    pub(crate) place: Place,
}

impl Crashed {
    /// The file of a service's database, which nobody has open.
    #[must_use]
    pub fn database(&self, service: &str) -> PathBuf {
        self.place.directory.path().join(format!("{service}.db"))
    }

    /// Starts service values on what is left.
    ///
    /// # Errors
    /// When one can't start.
    pub async fn start(self, services: Vec<Service>) -> anyhow::Result<World> {
        World::start_in(services, self.key, self.place, None).await
    }
}

impl World {
    /// Crashes and starts other service values on what the databases kept.
    ///
    /// # Errors
    /// When one can't start.
    pub async fn restart(self, services: Vec<Service>) -> anyhow::Result<Self> {
        self.crash().await?.start(services).await
    }

    /// Stops as a crash does: what is on the bus is lost, nothing is flushed or closed.
    ///
    /// # Errors
    /// When the databases can't be kept.
    pub async fn crash(mut self) -> anyhow::Result<Crashed> {
        self.ended = true;
        self.tasks.stop(Duration::from_secs(5)).await;
        // What is still queued was on its way to the disk. It ends before anybody moves the clock: a lease
        // that is renewed at a later time would outlive its holder.
        for gate in self.gates.values() {
            gate.context.db.write(async |_: &mut Tx| Ok(())).await?;
            while gate.context.db.writes().1 > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        // Their files as they are now, before the end of the world closes them.
        let directory = Arc::new(tempfile::tempdir()?);
        for entry in std::fs::read_dir(self.place.directory.path())? {
            let entry = entry?;
            if !entry.file_name().to_string_lossy().ends_with("-shm") {
                std::fs::copy(entry.path(), directory.path().join(entry.file_name()))?;
            }
        }
        Ok(Crashed {
            key: self.signing_key.clone(),
            place: Place {
                directory,
                ..self.place.clone()
            },
        })
    }
}
