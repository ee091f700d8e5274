//! Where things stand: the workspace's folders, whatever the current directory is.

use std::env;
use std::path::{Path, PathBuf};

/// The folder that holds the workspace's manifest.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Cargo's target folder, which also keeps our stamps.
pub fn target() -> PathBuf {
    match env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root().join(folder),
        None => root().join("target"),
    }
}

/// The browser tests, a Node project.
pub fn browser_tests() -> PathBuf {
    root().join("e2e").join("browser")
}

/// What images and manifests are checked with: lists of packages, and scripts for them.
pub fn deployment_checks() -> PathBuf {
    root().join("deploy").join("checks")
}

/// Where tools are kept that no package of the system brings.
pub fn tools() -> PathBuf {
    target().join("tools")
}

/// The marketplace's binary as the dev profile builds it.
pub fn binary() -> PathBuf {
    let name = format!("ticketing{}", env::consts::EXE_SUFFIX);
    target().join("debug").join(name)
}

/// The folder that a container image is made of.
pub fn image(for_tests: bool) -> PathBuf {
    target().join(if for_tests {
        "image-for-tests"
    } else {
        "image"
    })
}
