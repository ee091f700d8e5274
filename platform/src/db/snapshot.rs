//! Copies of several databases as of one moment.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use contracts::Timestamp;
use tokio::sync::mpsc;

use super::{Db, Tx, sqlite};
use crate::failure::Failure;

/// How long writers may be held: far longer than it takes to begin some read transactions.
const HOLD_AT_MOST: Duration = Duration::from_secs(5);

/// Copies databases to new files, all as of one moment: their writers are held while the read
/// transactions begin that the copies are made from, so that no copy knows of an event which another
/// has not committed.
///
/// # Errors
/// When a database does not answer or a file can't be written.
pub async fn snapshot_all(databases: Vec<(Db, PathBuf)>) -> anyhow::Result<()> {
    let (arrived, mut arrivals) = mpsc::channel(databases.len().max(1));
    let mut releases: Vec<Sender<()>> = Vec::new();
    let mut holds = Vec::new();
    for (db, _) in &databases {
        let (release, released) = channel();
        releases.push(release);
        holds.push(hold(db.clone(), arrived.clone(), released));
    }
    let begin = async {
        for _ in &databases {
            arrivals.recv().await.context("a writer went away")?;
        }
        let snapshots: anyhow::Result<Vec<_>> = databases
            .iter()
            .map(|(db, _)| db.file()?.snapshot())
            .collect();
        drop(releases);
        snapshots
    };
    let (held, snapshots) = tokio::join!(futures::future::join_all(holds), begin);
    for outcome in held {
        outcome?;
    }
    let targets: Vec<PathBuf> = databases.into_iter().map(|(_, target)| target).collect();
    let snapshots = snapshots?;
    tokio::task::spawn_blocking(move || {
        snapshots
            .iter()
            .zip(&targets)
            .try_for_each(|(snapshot, target)| snapshot.copy_to(target))
    })
    .await?
}

/// Holds a database's writer until it is released.
async fn hold(db: Db, arrived: mpsc::Sender<()>, released: Receiver<()>) -> crate::Result<()> {
    let released = Arc::new(Mutex::new(released));
    db.write(async move |_: &mut Tx| {
        let _ = arrived.try_send(());
        let released = released.lock().unwrap_or_else(PoisonError::into_inner);
        match released.recv_timeout(HOLD_AT_MOST) {
            // Writing went on: the copies would not be of one moment.
            Err(RecvTimeoutError::Timeout) => Err(Failure::Unavailable(
                "not all databases stood still in time".to_owned(),
            )),
            Ok(()) | Err(RecvTimeoutError::Disconnected) => Ok(()),
        }
    })
    .await
}

/// Lets the log of a restored database file, which nobody has open, begin a new life.
///
/// # Errors
/// When the file is no database.
pub fn begin_new_life(path: &Path, now: Timestamp) -> anyhow::Result<()> {
    sqlite::begin_new_life(path, now.as_microsecond())
}
