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
pub(in crate::db) type Answer = Box<dyn FnOnce(Result<(), &str>) + Send>;

/// What runs a transaction on the writer's thread, or hears why it can't be run.
pub(in crate::db) type Job = Box<dyn FnOnce(Result<&Rc<Connection>, &str>) -> Answer + Send>;

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
            run_batch(&connection, &mut batch, &ALONE).answer();
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

/// The statements around a batch.
pub(in crate::db) struct Brackets {
    /// Before its first transaction.
    pub(in crate::db) begin: &'static str,
    /// When all have run.
    pub(in crate::db) commit: &'static str,
    /// When it can't be committed.
    pub(in crate::db) rollback: &'static str,
}

/// Those of a batch that is a transaction of the database.
const ALONE: Brackets = Brackets {
    begin: "begin immediate",
    commit: "commit",
    rollback: "rollback",
};

/// A batch that has run, and whether it was committed.
pub(in crate::db) struct Ran {
    answers: Vec<Answer>,
    committed: Result<(), String>,
}

impl Ran {
    /// Answers whoever waits.
    pub(in crate::db) fn answer(self) {
        for answer in self.answers {
            answer(self.committed.as_ref().map(drop).map_err(String::as_str));
        }
    }

    /// Gives the batch another end than the one it came to.
    pub(in crate::db) fn and(mut self, then: impl FnOnce() -> Result<(), String>) -> Self {
        self.committed = self.committed.and_then(|()| then());
        self
    }
}

/// Runs what is in the batch and commits it. What is still in it afterwards is to be run again.
pub(in crate::db) fn run_batch(
    connection: &Rc<Connection>,
    batch: &mut VecDeque<Job>,
    brackets: &Brackets,
) -> Ran {
    if let Err(error) = execute(connection, brackets.begin, &[]) {
        tracing::error!(%error, "the database takes no transaction");
        // Outside a transaction statements would commit one by one: none may run.
        let message = error.to_string();
        return Ran {
            answers: batch.drain(..).map(|job| job(Err(&message))).collect(),
            committed: Err(message),
        };
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
        execute(connection, brackets.commit, &[])
            .map(drop)
            .map_err(|error| error.to_string())
    };
    if let Err(error) = &committed {
        tracing::error!(error, "a commit failed");
        if !connection.is_autocommit() {
            drop(connection.execute_batch(brackets.rollback));
        }
    }
    Ran { answers, committed }
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
pub(in crate::db) fn run_to_end<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
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
