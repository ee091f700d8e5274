//! The one writer of a database: runs transactions one by one, makes many durable with one sync.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::task::{Poll, Waker};

use anyhow::anyhow;
use rusqlite::Connection;

use super::statement::execute;
use crate::db::{Durability, Tx};
use crate::failure::{Failure, Result};

/// At most this many transactions share one sync, so that the first waits no longer than a few
/// milliseconds for the last.
const BATCH_MAX: usize = 256;

/// Answers whoever waits for a transaction, once it is known whether it was committed.
pub(super) type Answer = Box<dyn FnOnce(Result<(), &str>)>;

/// What runs a transaction on the writer's thread, or hears why it can't be run.
pub(super) type Job = Box<dyn FnOnce(Result<&Rc<Connection>, &str>) -> Answer + Send>;

/// Takes transactions as they come and commits those that are waiting together. Who only looked at
/// the database leaves the mark of an unclean end to the next that works on it.
pub(super) fn write_loop(
    connection: Connection,
    queue: &mpsc::Receiver<(Durability, Job)>,
    in_use: &AtomicBool,
) {
    let connection = Rc::new(connection);
    let mut synced = true;
    while let Ok((durability, first)) = queue.recv() {
        let mut sync = durability == Durability::Synced;
        let mut batch = VecDeque::from([first]);
        while batch.len() < BATCH_MAX
            && let Ok((durability, next)) = queue.try_recv()
        {
            sync |= durability == Durability::Synced;
            batch.push_back(next);
        }
        if sync != synced {
            let level = if sync { "full" } else { "normal" };
            if connection
                .execute_batch(&format!("pragma synchronous = {level}"))
                .is_ok()
            {
                synced = sync;
            }
        }
        while !batch.is_empty() {
            run_batch(&connection, &mut batch);
        }
    }
    if connection
        .execute_batch("pragma synchronous = full")
        .is_ok()
    {
        if in_use.load(Ordering::Acquire) {
            drop(connection.execute("update meta set value = 0 where name = 'open'", []));
        }
        drop(connection.execute_batch("pragma wal_checkpoint(truncate)"));
    }
}

/// Runs what is in the batch and commits it. What is still in it afterwards is to be run again.
fn run_batch(connection: &Rc<Connection>, batch: &mut VecDeque<Job>) {
    if let Err(error) = execute(connection, "begin immediate", &[]) {
        tracing::error!(%error, "the database takes no transaction");
        // Outside a transaction statements would commit one by one: none may run.
        let message = error.to_string();
        batch
            .drain(..)
            .for_each(|job| job(Err(&message))(Err(&message)));
        return;
    }
    let mut answers = Vec::with_capacity(batch.len());
    let mut lost = false;
    while !lost && let Some(job) = batch.pop_front() {
        answers.push(job(Ok(connection)));
        // SQLite ends the whole transaction by itself when the disk is full or fails.
        lost = connection.is_autocommit();
    }
    let committed = if lost {
        Err("the transaction was rolled back by the database".to_owned())
    } else {
        execute(connection, "commit", &[])
            .map(drop)
            .map_err(|error| error.to_string())
    };
    if let Err(error) = &committed {
        tracing::error!(error, "a commit failed");
        if !connection.is_autocommit() {
            drop(execute(connection, "rollback", &[]));
        }
    }
    for answer in answers {
        answer(committed.as_ref().map(drop).map_err(String::as_str));
    }
}

/// Runs one transaction of a batch, which fails alone.
pub(super) fn run_in_savepoint<T>(
    connection: &Rc<Connection>,
    tx: &mut Tx,
    work: impl AsyncFn(&mut Tx) -> Result<T>,
) -> Result<T> {
    execute(connection, "savepoint transaction_of_batch", &[])?;
    let outcome = run_to_end(work(tx));
    if connection.is_autocommit() {
        let lost = || Failure::Unavailable("the transaction was rolled back".to_owned());
        return outcome.and_then(|_| Err(lost()));
    }
    if outcome.is_err() {
        execute(connection, "rollback to transaction_of_batch", &[])?;
    }
    execute(connection, "release transaction_of_batch", &[])?;
    outcome
}

/// Polls a closure's future once: every statement on SQLite is ready at once. A panic ends the
/// transaction and not the thread, which all others need.
pub(super) fn run_to_end<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let mut context = std::task::Context::from_waker(Waker::noop());
    let mut work = pin!(work);
    match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(&mut context))) {
        Ok(Poll::Ready(outcome)) => outcome,
        Ok(Poll::Pending) => Err(Failure::Broken(anyhow!(
            "a transaction awaited something else than its database"
        ))),
        Err(_) => Err(Failure::Broken(anyhow!("a transaction panicked"))),
    }
}
