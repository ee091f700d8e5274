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

/// The marketplace's binary as the dev profile builds it.
pub fn binary() -> PathBuf {
    let name = format!("ticketing{}", env::consts::EXE_SUFFIX);
    target().join("debug").join(name)
}
