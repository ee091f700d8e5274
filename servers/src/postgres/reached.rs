//! A server that answers, whoever has started it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::{PASSWORD, USER, binaries};
use crate::process;

/// A server that answers.
#[derive(Debug, Clone)]
pub struct Reached {
    /// The port on loopback.
    pub port: u16,
    pub(super) password: String,
    pub(super) binaries: PathBuf,
}

impl Reached {
    /// A server that was made by [`Postgres::temporary`], in whichever process.
    ///
    /// # Errors
    /// When PostgreSQL is not installed.
    pub fn at(port: u16) -> Result<Self> {
        Self::with_password(port, PASSWORD)
    }

    /// A server with this superuser's password.
    ///
    /// # Errors
    /// When PostgreSQL is not installed.
    pub fn with_password(port: u16, password: &str) -> Result<Self> {
        Ok(Self {
            port,
            password: password.to_owned(),
            binaries: binaries()?,
        })
    }

    /// Runs PostgreSQL's own load generator with a script, for so many clients and seconds; answers
    /// transactions per second.
    ///
    /// # Errors
    /// When it fails.
    pub fn pgbench(
        &self,
        database: &str,
        script: &Path,
        (clients, seconds): (u32, u64),
    ) -> Result<f64> {
        let said = process::run(
            Command::new(self.binaries.join("pgbench"))
                .args(["--no-vacuum", "--protocol", "prepared", "--jobs", "2"])
                .args(["--client", &clients.to_string()])
                .args(["--time", &seconds.to_string()])
                .arg("--file")
                .arg(script)
                .arg(self.url(database)),
        )?;
        let line = said.lines().find_map(|line| line.strip_prefix("tps = "));
        let number = line.and_then(|line| line.split(' ').next());
        Ok(number.context("pgbench says no rate")?.parse()?)
    }

    /// The URL of a database for the superuser.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let (password, port) = (&self.password, self.port);
        format!("postgresql://{USER}:{password}@127.0.0.1:{port}/{database}")
    }

    /// Makes a database if there is none of that name. Texts are compared byte by byte.
    ///
    /// # Errors
    /// When the server does not.
    pub fn create_database(&self, name: &str) -> Result<()> {
        let exists = format!("select 1 from pg_database where datname = '{name}'");
        if !self.psql("postgres", &exists)?.trim().is_empty() {
            return Ok(());
        }
        let sql = format!(
            "create database \"{name}\" template template0 encoding 'UTF8' lc_collate 'C' lc_ctype 'C'"
        );
        self.psql("postgres", &sql).map(drop)
    }

    /// Runs SQL and answers its rows, columns between bars.
    ///
    /// # Errors
    /// When the server refuses it.
    pub fn psql(&self, database: &str, sql: &str) -> Result<String> {
        process::run(
            Command::new(self.binaries.join("psql"))
                .args(["--no-psqlrc", "--tuples-only", "--no-align", "--quiet"])
                .args(["--set", "ON_ERROR_STOP=1", "--command", sql])
                .arg(self.url(database)),
        )
    }
}
