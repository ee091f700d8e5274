//! What is the same for each transaction of a database: what it is given, and what follows from it.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::writer::{Job, run_in_savepoint};
use crate::db::tx::{Link, Tx};
use crate::db::{Surroundings, Wakers};
use crate::failure::{Failure, Result};
use crate::log::RELAY;
use crate::trace::Origin;

/// What the transactions of an open database have in common.
pub(in crate::db) struct Chores {
    surroundings: Surroundings,
    incarnation: i64,
    shared: bool,
    commits: Arc<AtomicU64>,
}

impl Chores {
    /// For the process that alone has the database, in this life.
    pub(in crate::db) fn new(surroundings: Surroundings, incarnation: i64) -> Self {
        Self {
            surroundings,
            incarnation,
            shared: false,
            commits: Arc::default(),
        }
    }

    /// The same for one of several processes.
    pub(in crate::db) fn shared(self) -> Self {
        Self {
            shared: true,
            ..self
        }
    }

    /// Whether other processes may be at work on the same database.
    pub(in crate::db) fn is_shared(&self) -> bool {
        self.shared
    }

    /// How many transactions with events were committed.
    pub(in crate::db) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Acquire)
    }

    /// A transaction on this connection.
    pub(in crate::db) fn tx(&self, connection: &Rc<Connection>, origin: Origin) -> Tx {
        let life = (self.incarnation, self.shared);
        new_tx(connection, self.surroundings.clone(), origin, life)
    }

    /// A transaction for the writer to run, and where its outcome comes.
    pub(in crate::db) fn job<T, F>(
        &self,
        origin: Origin,
        work: F,
    ) -> (Job, oneshot::Receiver<Result<T>>)
    where
        T: Send + 'static,
        F: AsyncFn(&mut Tx) -> Result<T> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let (surroundings, life) = (self.surroundings.clone(), (self.incarnation, self.shared));
        let commits = Arc::clone(&self.commits);
        // The writer knows nothing of whom it works for.
        let span = tracing::Span::current();
        let job: Job = Box::new(move |connection| {
            let wakers = surroundings.wakers.clone();
            let (outcome, wakes) = match connection {
                Ok(connection) => {
                    let mut tx = new_tx(connection, surroundings, origin, life);
                    let run = || run_in_savepoint(connection, &mut tx, work);
                    (span.in_scope(run), tx.wakes)
                }
                Err(error) => (
                    Err(Failure::Unavailable(error.to_owned())),
                    Default::default(),
                ),
            };
            Box::new(move |committed| {
                let outcome = match committed {
                    Ok(()) => outcome,
                    Err(error) => outcome.and_then(|_| Err(Failure::Unavailable(error.to_owned()))),
                };
                if outcome.is_ok() {
                    follow(wakes, &commits, &wakers);
                }
                drop(answer.send(outcome));
            })
        });
        (job, answered)
    }
}

/// Wakes whom a committed transaction wakes.
fn follow(wakes: impl IntoIterator<Item = &'static str>, commits: &AtomicU64, wakers: &Wakers) {
    for name in wakes {
        if name == RELAY {
            commits.fetch_add(1, Ordering::Release);
        }
        wakers.wake(name);
    }
}

fn new_tx(
    connection: &Rc<Connection>,
    surroundings: Surroundings,
    origin: Origin,
    (incarnation, shared): (i64, bool),
) -> Tx {
    Tx {
        link: Link::Sqlite(Rc::clone(connection)),
        surroundings,
        origin,
        wakes: Default::default(),
        incarnation,
        shared,
        depth: 0,
    }
}
