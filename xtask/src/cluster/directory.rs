//! The directory of a cluster: what is where in it, and what its supervisor says of itself.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use servers::postgres;

/// A cluster's directory.
#[derive(Clone)]
pub struct Directory(PathBuf);

/// What a running cluster says of itself, for whoever audits it or plays with its processes.
#[derive(Debug, Serialize, Deserialize)]
pub struct State {
    /// The supervisor's process.
    pub pid: u32,
    /// Where the load balancer answers.
    pub address: String,
    /// The databases' URL, with `{service}` in the place of a service's name.
    pub database_url: String,
    /// The servers of NATS.
    pub nats_url: String,
    /// Every process.
    pub members: Vec<MemberState>,
}

/// A process of a running cluster.
#[derive(Debug, Serialize, Deserialize)]
pub struct MemberState {
    /// Such as `orders-1`, `nats-2`, `postgres`.
    pub name: String,
    /// Its process now; none while it is held down.
    pub pid: Option<u32>,
    /// Where it answers requests, its health among them; none for servers.
    #[serde(default)]
    pub address: Option<String>,
}

impl Directory {
    /// Makes it if need be.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn open(path: &Path) -> Result<Self> {
        let directory = Self(std::path::absolute(path)?);
        for folder in ["", "held", "logs", "mail"] {
            let folder = directory.0.join(folder);
            fs::create_dir_all(&folder)
                .with_context(|| format!("--data-dir {}", path.display()))?;
        }
        Ok(directory)
    }

    /// One that is there.
    ///
    /// # Errors
    /// When no cluster was kept there.
    pub fn existing(path: &Path) -> Result<Self> {
        let directory = Self(std::path::absolute(path)?);
        if !directory.0.join("postgres").is_dir() {
            bail!("--data-dir {}: no cluster is kept there", path.display());
        }
        Ok(directory)
    }

    /// Takes it for this process, as long as the file is open.
    ///
    /// # Errors
    /// When another supervisor has it.
    pub fn lock(&self) -> Result<File> {
        let file = File::create(self.0.join("lock"))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => bail!("a cluster runs in {}", self.0.display()),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }

    /// Something in it.
    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Whether somebody wants this service to be down: a file of its name in `held`.
    pub fn is_held(&self, service: &str) -> bool {
        self.0.join("held").join(service).exists()
    }

    /// How PostgreSQL is started on it.
    ///
    /// # Errors
    /// When its password can't be read.
    pub fn postgres(&self) -> Result<postgres::Options> {
        Ok(postgres::Options {
            directory: self.join("postgres"),
            durable: true,
            password: postgres::PASSWORD_OF_CLUSTERS.to_owned(),
            connections_max: 500,
        })
    }

    /// Says what runs.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn write_state(&self, state: &State) -> Result<()> {
        let new = self.0.join("cluster.json.new");
        fs::write(&new, serde_json::to_vec_pretty(state)?)?;
        fs::rename(new, self.0.join("cluster.json")).map_err(Into::into)
    }

    /// What was last said to run.
    ///
    /// # Errors
    /// When nothing was.
    pub fn state(&self) -> Result<State> {
        let text = fs::read(self.0.join("cluster.json")).context("no cluster has run here")?;
        Ok(serde_json::from_slice(&text)?)
    }
}
