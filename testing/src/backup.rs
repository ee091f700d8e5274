//! Backups of single databases: made of a running world, put back after its crash.

use std::path::PathBuf;
use std::sync::Arc;

use platform::db::{Surroundings, Wakers, begin_new_life};
use platform::random::SystemRandom;
use platform::{Clock as _, Db, Schema};
use tempfile::TempDir;

use crate::crash::Crashed;
use crate::world::World;

/// A service's database as it was at one moment.
pub struct Backup {
    service: &'static str,
    directory: TempDir,
}

impl Backup {
    fn file(&self) -> PathBuf {
        self.directory.path().join("backup")
    }
}

impl World {
    /// Makes a backup of a service's database, which goes on being used.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn back_up(&self, service: &'static str) -> anyhow::Result<Backup> {
        let directory = tempfile::tempdir()?;
        let backup = Backup { service, directory };
        match &self.place.databases {
            Some(databases) => databases.dump(service, &backup.file())?,
            None => self.db(service)?.copy_to(&backup.file())?,
        }
        Ok(backup)
    }
}

impl Crashed {
    /// Puts a service's database back to a backup.
    ///
    /// # Errors
    /// When it can't be.
    pub fn put_back(&self, backup: &Backup) -> anyhow::Result<()> {
        if let Some(databases) = &self.place.databases {
            return databases.restore(backup.service, &backup.file());
        }
        self.lose(backup.service)?;
        std::fs::copy(backup.file(), self.database(backup.service))?;
        Ok(())
    }

    /// Takes a service's database away.
    ///
    /// # Errors
    /// When it can't be.
    pub fn lose(&self, service: &'static str) -> anyhow::Result<()> {
        if let Some(databases) = &self.place.databases {
            return databases.empty(service);
        }
        for suffix in ["db", "db-wal"] {
            let file = self.database(service).with_extension(suffix);
            if file.exists() {
                std::fs::remove_file(file)?;
            }
        }
        Ok(())
    }

    /// Lets the log of a database that was put back begin a new life, as an operator does.
    ///
    /// # Errors
    /// When the database can't be opened.
    pub async fn begin_new_life(&self, Schema { name, migrations }: Schema) -> anyhow::Result<()> {
        let Some(databases) = &self.place.databases else {
            return begin_new_life(&self.database(name), self.place.clock.now());
        };
        let surroundings = Surroundings {
            clock: self.place.clock.clone(),
            random: Arc::new(SystemRandom),
            wakers: Wakers::default(),
        };
        let settings = databases.of(name)?;
        let db = Db::open_postgres(&settings, name, migrations, surroundings).await?;
        db.begin_new_life().await?;
        db.close();
        Ok(())
    }
}
