//! Statements that travel together: what nobody waits for by itself is sent ahead of what somebody
//! does, without a journey of its own.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::task::Poll;

use futures::FutureExt;
use futures::future::LocalBoxFuture;
use tokio_postgres::{Error, Statement};

use super::together::{Given, columns, given_as};
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
    /// Brings rows of one table to their states.
    Rows(Rows),
}

/// Rows of one table, each with the state that it is brought to.
pub(super) struct Rows {
    sql: String,
    /// Writes one row.
    one: Statement,
    /// Writes many, once there is more than one.
    many: Option<Statement>,
    rows: Vec<Vec<Value>>,
    /// Where the row with a key is among them.
    places: HashMap<Vec<Value>, usize>,
}

/// A row that is brought to a state, as parameters of a statement.
pub(in crate::db) struct RowOf<'a> {
    pub(in crate::db) sql: &'a str,
    pub(in crate::db) params: &'a [Value],
    /// How many of the first parameters are its key.
    pub(in crate::db) key: usize,
}

impl Rows {
    fn new(row: &RowOf<'_>, one: Statement) -> Self {
        let mut rows = Self {
            sql: row.sql.to_owned(),
            one,
            many: None,
            rows: Vec::new(),
            places: HashMap::new(),
        };
        rows.put(row);
        rows
    }

    /// Adds a row, or replaces the one with its key: one statement can't write a row twice.
    fn put(&mut self, row: &RowOf<'_>) {
        let key = row.params.iter().take(row.key).cloned().collect();
        let place = *self.places.entry(key).or_insert(self.rows.len());
        match self.rows.get_mut(place) {
            Some(same) => *same = row.params.to_vec(),
            None => self.rows.push(row.params.to_vec()),
        }
    }

    /// The statement to be sent.
    pub(super) fn statement(&self) -> &Statement {
        match &self.many {
            Some(many) if self.rows.len() > 1 => many,
            _ => &self.one,
        }
    }

    /// Its parameters: those of the row, or for each an array of all rows'.
    pub(super) fn params(&self) -> Vec<Given<'_>> {
        let count = self.one.params().len();
        match self.rows.as_slice() {
            [row] => row.iter().take(count).map(given_as).collect(),
            rows => {
                let columns = columns(rows.iter().map(Vec::as_slice), count);
                columns.into_iter().map(given_as).collect()
            }
        }
    }
}

impl Ahead {
    /// What an error is said to come from.
    pub(super) fn sql(&self) -> &str {
        match self {
            Self::Control(sql) | Self::Change { sql, .. } => sql,
            Self::Rows(rows) => &rows.sql,
            Self::Lock { .. } => "holding names",
        }
    }

    /// What it means when it fails because it changed nothing.
    pub(super) fn otherwise(&self) -> Option<Failure> {
        match self {
            Self::Change { otherwise, .. } => otherwise.as_ref().map(|failure| failure()),
            Self::Control(_) | Self::Lock { .. } | Self::Rows(_) => None,
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

    /// Whether rows of this statement wait that more can join, but for its other form.
    pub(super) fn lacks_many(&self, sql: &str) -> bool {
        let mut waiting = self.waiting.borrow_mut();
        rows_of(&mut waiting, sql).is_some_and(|rows| rows.many.is_none())
    }

    /// A row joins those of its statement, or waits by itself until others do.
    pub(super) fn put_row(&self, row: &RowOf<'_>, one: Statement, many: Option<Statement>) {
        let mut waiting = self.waiting.borrow_mut();
        if let Some(rows) = rows_of(&mut waiting, row.sql) {
            rows.many = rows.many.take().or(many);
            if rows.many.is_some() {
                rows.put(row);
                return;
            }
        }
        waiting.push(Ahead::Rows(Rows::new(row, one)));
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

/// The rows of this statement behind which nothing waits but rows of other tables.
fn rows_of<'a>(waiting: &'a mut [Ahead], sql: &str) -> Option<&'a mut Rows> {
    let latest = waiting.iter_mut().rev().map_while(|one| match one {
        Ahead::Rows(rows) => Some(rows),
        Ahead::Control(_) | Ahead::Lock { .. } | Ahead::Change { .. } => None,
    });
    latest.into_iter().find(|rows| rows.sql == sql)
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
