//! Where a marketplace has its data and its log.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use tempfile::TempDir;

/// The private directory, which is kept to be looked at when a story fails.
pub(crate) struct Scratch {
    directory: TempDir,
    is_to_keep: AtomicBool,
}

impl From<TempDir> for Scratch {
    fn from(directory: TempDir) -> Self {
        Self {
            directory,
            is_to_keep: AtomicBool::new(false),
        }
    }
}

impl Scratch {
    /// A new one, which the servers' own user can reach too.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn new() -> std::io::Result<Self> {
        let directory = tempfile::tempdir()?;
        std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o711))?;
        Ok(Self::from(directory))
    }

    /// Where the data is.
    pub fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Where the log is.
    pub fn log(&self) -> PathBuf {
        self.directory.path().join("log")
    }

    /// Keeps it if this failed: a story learns of it only when this is gone.
    pub fn kept_on_failure<T>(&self, outcome: anyhow::Result<T>) -> anyhow::Result<T> {
        if outcome.is_err() {
            self.is_to_keep.store(true, Ordering::Relaxed);
        }
        outcome
    }

    /// What the log says so far.
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap_or_default()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if std::thread::panicking() || *self.is_to_keep.get_mut() {
            self.directory.disable_cleanup(true);
            eprintln!(
                "the data and the log are kept in {}",
                self.directory.path().display()
            );
        }
    }
}
