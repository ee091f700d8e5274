//! What clients were told, and what must therefore be so for ever.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was done: the status, and the id of what it made or concerns.
    Acknowledged(u16, String),
    /// It was not done, and says why.
    Refused(u16, String),
    /// Nobody knows.
    Unknown,
}

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    /// A person is to be known.
    SignUp,
    /// A person comes again.
    SignIn,
    /// A session is to end.
    SignOut,
    /// A ticket is to be offered.
    List,
    /// An offer is to be changed.
    Edit,
    /// An offer is to be taken back.
    Withdraw,
    /// A ticket is to be held.
    Reserve,
    /// A hold is to end.
    Cancel,
    /// A hold is to be paid.
    Pay,
    /// Money is to be given back.
    Refund,
    /// Something is to be shown.
    Look,
}

/// All that clients were told.
#[derive(Debug, Default)]
pub struct History(Mutex<Told>);

/// What is remembered of it.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// How many requests of each kind ended in which way: acknowledged, refused, unknown.
    pub counts: BTreeMap<Act, [u64; 3]>,
    /// The ids that were told under each idempotency key.
    pub by_key: BTreeMap<String, Vec<String>>,
    /// What was made and acknowledged, by what it is.
    pub made: BTreeMap<Act, Vec<String>>,
    /// Titles of tickets, each of which was listed under one key.
    pub titles: BTreeSet<String>,
    /// Sessions whose end was acknowledged.
    pub signed_out: Vec<String>,
    /// What clients saw that must not be.
    pub broken: Vec<String>,
}

impl History {
    /// A request ended.
    pub fn record(&self, act: Act, key: Option<&str>, outcome: &Outcome) {
        let mut told = self.locked();
        let counts = told.counts.entry(act).or_default();
        match outcome {
            Outcome::Acknowledged(_, id) => {
                counts[0] += 1;
                told.made.entry(act).or_default().push(id.clone());
                if let Some(key) = key {
                    let ids = told.by_key.entry(key.to_owned()).or_default();
                    ids.push(id.clone());
                }
            }
            Outcome::Refused(..) => counts[1] += 1,
            Outcome::Unknown => counts[2] += 1,
        }
    }

    /// A ticket of this title is listed, under one key however often.
    pub fn lists(&self, title: &str) {
        self.locked().titles.insert(title.to_owned());
    }

    /// A session has ended.
    pub fn ended(&self, cookie: &str) {
        self.locked().signed_out.push(cookie.to_owned());
    }

    /// A client saw what must not be.
    pub fn broken(&self, what: String) {
        self.locked().broken.push(what);
    }

    /// All of it.
    #[must_use]
    pub fn told(&self) -> Told {
        self.locked().clone()
    }

    fn locked(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
