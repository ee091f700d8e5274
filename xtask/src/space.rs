//! Room on the disks that tests write to. A program on a full disk can't even say what is wrong.

use std::env;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use crate::workspace;

/// What the tests have in use at once at most, in bytes, with as much again: clusters with a database
/// server, browsers, and a marketplace for each story.
const NEEDED: u64 = 2 << 30;

/// Refuses to run tests where they would fill a disk.
///
/// # Errors
/// When the build's or the temporary folder's disk has too little room: names it, and what is left.
pub fn suffices() -> Result<()> {
    for folder in [workspace::target(), env::temp_dir()] {
        let free = free(&folder)?;
        ensure!(
            free >= NEEDED,
            "the tests need {} MiB below {}, and {} MiB are free",
            NEEDED >> 20,
            folder.display(),
            free >> 20
        );
    }
    Ok(())
}

/// How many bytes anyone may still write below a folder.
fn free(folder: &Path) -> Result<u64> {
    let disk = rustix::fs::statvfs(folder).with_context(|| folder.display().to_string())?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_disk_has_some_room_and_no_endless_room() {
        let free = free(&env::temp_dir()).unwrap();
        assert!(free > 0 && free < 1 << 60, "{free}");
    }

    #[test]
    fn a_folder_that_is_missing_is_named() {
        let missing = Path::new("/no such folder");
        let error = free(missing).unwrap_err().to_string();
        assert!(error.contains("no such folder"), "{error}");
    }
}
