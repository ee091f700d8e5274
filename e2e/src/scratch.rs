//! Where a marketplace has its data and its log.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use tempfile::TempDir;

/// The private directory, which is kept to be looked at when a story fails.
pub(crate) struct Scratch(pub TempDir);

impl Scratch {
    /// A new one, which the servers' own user can reach too.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn new() -> std::io::Result<Self> {
        let directory = tempfile::tempdir()?;
        std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o711))?;
        Ok(Self(directory))
    }

    /// Where the data is.
    pub fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }

    /// Where the log is.
    pub fn log(&self) -> PathBuf {
        self.0.path().join("log")
    }

    /// What the log says so far.
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap_or_default()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.disable_cleanup(true);
            eprintln!(
                "the data and the log are kept in {}",
                self.0.path().display()
            );
        }
    }
}
