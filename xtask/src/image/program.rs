//! The program as one file that needs no library.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::Profile;
use crate::{process, workspace};

/// Compiles the program and puts it there, without symbols.
///
/// Only the last step links differently: what the program is made of is compiled as ever.
///
/// # Errors
/// When it does not build.
pub fn build(profile: Profile, to: &Path) -> Result<()> {
    let (name, folder) = match profile {
        Profile::Dist => ("dist", "dist"),
        Profile::Dev => ("dev", "debug"),
    };
    let package = ["--package", "ticketing", "--bin", "ticketing"];
    let mut command = process::cargo(&["rustc", "--profile", name]);
    command.args(package).arg("--");
    command.args(["-C", "target-feature=+crt-static", "-C", "strip=symbols"]);
    if profile == Profile::Dev && cfg!(target_arch = "x86_64") {
        // Without optimisation the same function is there many times. Folded, the tests' image is still
        // twice as large as what people get, and is held to the same limit.
        command.args(["-C", "link-arg=-Wl,--icf=all"]);
    }
    process::run(command)?;
    let built = workspace::target().join(folder).join("ticketing");
    // Removed first: what is executed now can't be overwritten.
    fs::remove_file(to).ok();
    fs::copy(&built, to).with_context(|| built.display().to_string())?;
    if profile == Profile::Dev {
        // The same place is where stories look for the program that is linked as ever.
        crate::unit::build_binary()?;
    }
    Ok(())
}
