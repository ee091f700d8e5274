//! The data directory: private to its owner, locked by its process, with the signing key.

use std::fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use payments::provider::signature::Secret;
use platform::random::Random;
use platform::session::SigningKey;

/// How the names of the copies begin on which a running marketplace is audited.
pub const AUDIT_COPY: &str = "check-";

/// An open data directory. The lock ends with this value.
#[derive(Debug)]
pub struct DataDir {
    /// Where it is.
    pub path: PathBuf,
    _lock: File,
}

/// Why a data directory is not taken.
#[derive(Debug, thiserror::Error)]
#[error("--data-dir {}: another process is using it", .0.display())]
pub struct InUse(pub PathBuf);

impl DataDir {
    /// Makes the directory if need be and locks it.
    ///
    /// # Errors
    /// [`InUse`], or when it can't be written.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let setting = || format!("--data-dir {}", path.display());
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .with_context(setting)?;
        std::fs::set_permissions(path, Permissions::from_mode(0o700)).with_context(setting)?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path.join("lock"))
            .with_context(setting)?;
        match lock.try_lock() {
            Ok(()) => {
                remove_audit_copies(path).with_context(setting)?;
                Ok(Self {
                    path: path.to_owned(),
                    _lock: lock,
                })
            }
            Err(TryLockError::WouldBlock) => Err(InUse(path.to_owned()).into()),
            Err(TryLockError::Error(error)) => Err(error).with_context(setting),
        }
    }

    /// The key that signs sessions; made at the first start.
    ///
    /// # Errors
    /// When the file can't be read or written, or holds no key.
    pub fn signing_key(&self, random: &dyn Random) -> anyhow::Result<SigningKey> {
        let make = || {
            let key = SigningKey::generate(random).map_err(|error| anyhow::anyhow!("{error}"))?;
            Ok(key.to_text())
        };
        let (path, text) = self.made_once("signing.key", make)?;
        match text.parse() {
            Ok(key) => Ok(key),
            Err(_) => bail!("{} holds no signing key", path.display()),
        }
    }

    /// The secret that the payment provider signs its notices with; made at the first start.
    ///
    /// # Errors
    /// When the file can't be read or written, or holds no secret.
    pub fn webhook_secret(&self, random: &dyn Random) -> anyhow::Result<Secret> {
        let make = || Ok(Secret::generate(random).to_text().to_owned());
        let (path, text) = self.made_once("webhook.secret", make)?;
        text.parse()
            .with_context(|| format!("{} holds no secret", path.display()))
    }

    /// What a file says that is made at the first start and is its owner's alone.
    fn made_once(
        &self,
        name: &str,
        make: impl FnOnce() -> anyhow::Result<String>,
    ) -> anyhow::Result<(PathBuf, String)> {
        let path = self.path.join(name);
        if !path.exists() {
            let made = make()?;
            // Renamed into place, so that a crash leaves no half a key.
            let new = self.path.join(format!("{name}.new"));
            let mut file = OpenOptions::new()
                .create(true)
                .truncate(true)
                .write(true)
                .mode(0o600)
                .open(&new)?;
            file.write_all(made.as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&new, &path)?;
            File::open(&self.path)?.sync_all()?;
        }
        let mut text = String::new();
        File::open(&path)?.read_to_string(&mut text)?;
        Ok((path, text.trim().to_owned()))
    }
}

/// Removes what audits left that the end of their process interrupted: whole copies of all data.
fn remove_audit_copies(path: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        let left = entry.file_name().to_string_lossy().starts_with(AUDIT_COPY);
        if left && entry.file_type()?.is_dir() {
            std::fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}
