//! Backup and restore of a data directory.
//!
//! A backup holds every database as of one moment: all writers are held for an instant while the
//! copies' read transactions begin. What is restored begins a new life of every log, so that a
//! consumer elsewhere which is ahead of it notices.

use std::ffi::OsString;
use std::fs::{DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use platform::Clock;
use platform::clock::SystemClock;
use platform::db::{Db, begin_new_life, snapshot_all};

use crate::control;
use crate::operator::{Lines, Operator, Request};
use crate::settings::{BackupSettings, RestoreSettings};

/// `ticketing backup`.
///
/// # Errors
/// When the target exists or a copy can't be made.
pub async fn backup(settings: BackupSettings) -> anyhow::Result<ExitCode> {
    let target = std::path::absolute(&settings.target)?;
    control::ask(&settings.data_dir, Request::Backup { target }).await
}

/// Copies every database and the signing key to a new directory.
///
/// # Errors
/// When the target exists or a copy can't be made.
pub async fn copy(operator: &Operator, target: &Path, lines: &Lines) -> anyhow::Result<()> {
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    builder
        .create(target)
        .with_context(|| format!("making {}", target.display()))?;
    let mut databases: Vec<(Db, std::path::PathBuf)> = operator
        .gates
        .iter()
        .map(|(name, gate)| (gate.context.db.clone(), target.join(format!("{name}.db"))))
        .collect();
    databases.push((operator.sandbox.clone(), target.join("sandbox.db")));
    let count = databases.len();
    snapshot_all(databases).await?;
    std::fs::copy(
        operator.data_dir.join("signing.key"),
        target.join("signing.key"),
    )?;
    for entry in std::fs::read_dir(target)? {
        File::open(entry?.path())?.sync_all()?;
    }
    File::open(target)?.sync_all()?;
    lines
        .send(format!("{count} databases copied to {}", target.display()))
        .await?;
    Ok(())
}

/// `ticketing restore`.
///
/// # Errors
/// When the backup is incomplete or the data directory is not empty.
pub fn restore(settings: &RestoreSettings) -> anyhow::Result<ExitCode> {
    let (from, to) = (&settings.backup, &settings.data_dir);
    if !from.join("orders.db").exists() || !from.join("signing.key").exists() {
        bail!("{}: this is no backup", from.display());
    }
    if to.exists() && std::fs::read_dir(to)?.next().is_some() {
        bail!(
            "--data-dir {}: not empty; a restore never overwrites",
            to.display()
        );
    }
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(0o700).create(to)?;
    let files = data_files(from)?;
    for name in &files {
        std::fs::copy(from.join(name), to.join(name))
            .with_context(|| format!("copying {}", from.join(name).display()))?;
    }
    let life = SystemClock::new().now();
    for name in files {
        let file = to.join(name);
        if file.extension().is_some_and(|extension| extension == "db") {
            begin_new_life(&file, life).with_context(|| format!("{}", file.display()))?;
        }
        // A journal is gone once its database has taken it in.
        if file.exists() {
            File::open(&file)?.sync_all()?;
        }
    }
    File::open(to)?.sync_all()?;
    println!(
        "restored to {}; start it with: ticketing up --data-dir {0}",
        to.display()
    );
    Ok(ExitCode::SUCCESS)
}

/// The databases of a backup, with what their journals still hold, and the signing key. A `check`
/// that looked at the backup leaves other files behind.
fn data_files(backup: &Path) -> anyhow::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(backup)? {
        let name = entry?.file_name();
        let text = name.to_string_lossy();
        if text.ends_with(".db") || text.ends_with(".db-wal") || text == "signing.key" {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}
