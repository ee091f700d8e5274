//! Statements that travel together: what nobody waits for by itself is sent ahead of what somebody
//! does, without a journey of its own.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::task::Poll;

use futures::FutureExt;
use futures::future::LocalBoxFuture;
use tokio_postgres::{Error, Statement};

use crate::db::require::Otherwise;
use crate::db::row::Value;
use crate::failure::Failure;

/// A statement that is sent with the next one.
pub(super) enum Ahead {
    /// Begins or ends something; several in a row are one message.
    Control(String),
    /// Holds names, some of them together with others.
    Lock {
        statement: Statement,
        names: Vec<i64>,
        shared: Vec<i64>,
    },
    /// Changes rows; how many is not asked.
    Change {
        sql: String,
        statement: Statement,
        params: Vec<Value>,
        /// What it means when the statement fails because it changed none.
        otherwise: Option<Otherwise>,
    },
}

impl Ahead {
    /// What an error is said to come from.
    pub(super) fn sql(&self) -> &str {
        match self {
            Self::Control(sql) | Self::Change { sql, .. } => sql,
            Self::Lock { .. } => "holding names",
        }
    }

    /// What it means when it fails because it changed nothing.
    pub(super) fn otherwise(&self) -> Option<Failure> {
        match self {
            Self::Change { otherwise, .. } => otherwise.as_ref().map(|failure| failure()),
            Self::Control(_) | Self::Lock { .. } => None,
        }
    }
}

/// A moment in a transaction, to which what was not sent yet can be taken back.
#[derive(Clone, Copy)]
pub(in crate::db) struct Mark {
    sent: u64,
    waiting: usize,
}

/// What waits to be sent.
#[derive(Default)]
pub(super) struct Queue {
    waiting: RefCell<Vec<Ahead>>,
    /// How often it was emptied.
    sent: Cell<u64>,
}

impl Queue {
    pub(super) fn push(&self, one: Ahead) {
        self.waiting.borrow_mut().push(one);
    }

    /// What waits, in order, to be sent now.
    pub(super) fn take(&self) -> Vec<Ahead> {
        self.sent.set(self.sent.get() + 1);
        let mut joined: Vec<Ahead> = Vec::new();
        for one in self.waiting.take() {
            match (joined.last_mut(), one) {
                (Some(Ahead::Control(before)), Ahead::Control(sql)) => {
                    before.push_str("; ");
                    before.push_str(&sql);
                }
                (_, one) => joined.push(one),
            }
        }
        joined
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.borrow().is_empty()
    }

    /// Whether something waits whose failure is somebody's.
    pub(super) fn has_changes(&self) -> bool {
        let waiting = self.waiting.borrow();
        waiting.iter().any(|one| !matches!(one, Ahead::Control(_)))
    }

    pub(super) fn mark(&self) -> Mark {
        Mark {
            sent: self.sent.get(),
            waiting: self.waiting.borrow().len(),
        }
    }

    /// Takes back what was put here since; whether nothing since has been sent.
    pub(super) fn take_back(&self, mark: Mark) -> bool {
        let is_unsent = self.sent.get() == mark.sent;
        let keep = if is_unsent { mark.waiting } else { 0 };
        self.waiting.borrow_mut().truncate(keep);
        is_unsent
    }
}

/// The statements that some connection of a pool has prepared: the server understands them.
#[derive(Default)]
pub(super) struct Understood(RefCell<HashSet<String>>);

impl Understood {
    pub(super) fn has(&self, sql: &str) -> bool {
        self.0.borrow().contains(sql)
    }

    pub(super) fn add(&self, sql: &str) {
        if !self.has(sql) {
            self.0.borrow_mut().insert(sql.to_owned());
        }
    }
}

/// A journey of one statement.
pub(super) type Journey<'a> = LocalBoxFuture<'a, Result<(), Error>>;

/// Sends all in this order and waits for all answers. The first error, and whose it is: those behind
/// it failed because of it.
pub(super) async fn in_order(mut journeys: Vec<Journey<'_>>) -> Result<(), (usize, Error)> {
    let mut outcomes: Vec<Option<Result<(), Error>>> = journeys.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        // A statement is sent when its future is polled for the first time.
        for (journey, outcome) in journeys.iter_mut().zip(&mut outcomes) {
            if outcome.is_none()
                && let Poll::Ready(ended) = journey.poll_unpin(context)
            {
                *outcome = Some(ended);
            }
        }
        if outcomes.iter().all(Option::is_some) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    for (number, outcome) in outcomes.into_iter().enumerate() {
        if let Some(Err(error)) = outcome {
            return Err((number, error));
        }
    }
    Ok(())
}
