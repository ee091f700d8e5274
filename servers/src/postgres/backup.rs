//! Backups of a PostgreSQL database by its own tools.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::Reached;
use crate::process;

impl Reached {
    /// Writes a database to a file, as of one moment.
    ///
    /// # Errors
    /// When the server or the disk does not bear it.
    pub fn dump(&self, database: &str, file: &Path) -> Result<()> {
        let mut dump = Command::new(self.binaries.join("pg_dump"));
        dump.arg(self.url(database)).arg("--file").arg(file);
        process::run(&mut dump).map(drop)
    }

    /// Puts a database back to what was written to a file. Whoever is connected is thrown out.
    ///
    /// # Errors
    /// When the server does not bear it.
    pub fn restore(&self, database: &str, file: &Path) -> Result<()> {
        self.empty(database)?;
        let mut restore = Command::new(self.binaries.join("psql"));
        restore
            .args(["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1"])
            .arg("--single-transaction")
            .arg("--file")
            .arg(file)
            .arg(self.url(database));
        process::run(&mut restore).map(drop)
    }

    /// Makes a database anew. Whoever is connected is thrown out.
    ///
    /// # Errors
    /// When the server does not bear it.
    pub fn empty(&self, database: &str) -> Result<()> {
        let sql = format!("drop database \"{database}\" with (force)");
        self.psql("postgres", &sql)?;
        self.create_database(database)
    }
}
