//! An image as a builder makes it, in a store of its own that is gone with it.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::tools::{said_by, target};

/// The name under which the tests' image is kept.
const NAME: &str = "ticketing:test";

/// The folder that the tests' image is made of: `TESTS_IMAGE`, or where `cargo xtask image --profile
/// dev --context-only` leaves it.
///
/// # Errors
/// When nobody has made it.
pub fn context() -> Result<PathBuf> {
    let folder = match std::env::var_os("TESTS_IMAGE") {
        Some(folder) => PathBuf::from(folder),
        None => target().join("image-for-tests"),
    };
    ensure!(
        folder.join("ticketing").is_file(),
        "no program: run `cargo xtask image --profile dev --context-only` first"
    );
    Ok(folder)
}

/// An image.
pub struct Image {
    /// The store's folder, which goes with this value.
    _store: TempDir,
    /// What the image says of itself, by the OCI image specification.
    pub config: Value,
    /// Its files.
    pub files: PathBuf,
}

impl Image {
    /// Makes one of the folder.
    ///
    /// # Errors
    /// When the builder is not installed, or refuses it.
    pub fn build(context: &PathBuf) -> Result<Self> {
        let store = tempfile::tempdir()?;
        let buildah = |arguments: &[&str]| {
            let mut command = Command::new("buildah");
            // No driver that needs the kernel's help, so that it works inside of containers too.
            command.args(["--storage-driver", "vfs", "--root"]);
            command.arg(store.path().join("root"));
            command.arg("--runroot").arg(store.path().join("run"));
            command.args(arguments);
            command
        };
        let mut build = buildah(&["build", "--isolation", "chroot", "--quiet", "--tag", NAME]);
        for label in [
            "VERSION=1.2.3",
            "REVISION=abc",
            "CREATED=2026-01-01T00:00:00Z",
        ] {
            build.args(["--build-arg", label]);
        }
        said_by(build.arg(context))?;
        let inspected = said_by(&mut buildah(&["inspect", "--type", "image", NAME]))?;
        let inspected: Value = serde_json::from_str(&inspected)?;
        let config = inspected
            .get("OCIv1")
            .context("it is an OCI image")?
            .clone();
        let container = said_by(&mut buildah(&["from", NAME]))?;
        let files = said_by(&mut buildah(&["mount", container.trim()]))?;
        Ok(Self {
            config,
            files: PathBuf::from(files.trim()),
            _store: store,
        })
    }

    /// A field of what it tells a runtime, such as `User`.
    #[must_use]
    pub fn setting(&self, name: &str) -> &Value {
        self.config
            .get("config")
            .and_then(|config| config.get(name))
            .unwrap_or(&Value::Null)
    }

    /// A list among these fields, such as `Env`.
    #[must_use]
    pub fn list(&self, name: &str) -> Vec<String> {
        let items = self.setting(name).as_array().map(Vec::as_slice);
        let texts = items.unwrap_or_default().iter().filter_map(Value::as_str);
        texts.map(str::to_owned).collect()
    }
}
