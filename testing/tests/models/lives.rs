//! The lives of a log: an owner is put back to backups, time and again, and its consumer finds out where
//! both logs agree.
//!
//! An event is its version and the life that appended it. The bus doubles and re-orders, and gives what
//! belongs to an ended life as late as it likes; an answer of the owner may be of a log that is no more
//! when it is read. Whatever is lost of the bus in the end, what is left over at rest is left over for
//! ever: there, the copy has to be the owner's log.

mod rules;

use std::collections::{BTreeMap, BTreeSet};

use stateright::{Model, Property};

use super::{each_is_needed, is_sound};

/// How often something may be appended, and the owner be put back.
const APPENDS: u8 = 3;
const RESTORES: u8 = 2;

/// What is left out or done wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    Nothing,
    /// Whoever compares with the owner compares versions alone.
    VersionsAreCompared,
    /// What a new life says next is handled without asking what it follows on.
    NewLifeIsBelieved,
    /// What the bus brings of an ended life is heard.
    OldLifeIsHeard,
    /// An answer is taken for what follows on the cursor, whatever it says it follows on.
    AnswerIsBelieved,
    /// What is parked behind the cursor is handled, of whichever life it is.
    ParkedIsBelieved,
    /// What is parked from beyond the head of an answer stays.
    DeadStayParked,
}

#[derive(Debug)]
struct Lives {
    flaw: Flaw,
}

/// A version and the life that appended it.
type Event = (u8, u8);

/// A log or a copy: the life of each version, the first first.
type Log = Vec<u8>;

/// Why a key is to be repaired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Reason {
    Gap,
    Resync,
}

/// What was asked of the owner, with its answer, and where the cursor was.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Answer {
    /// The log from the cursor's own event on; and what had been parked when it was asked for.
    Page {
        cursor: Event,
        events: Vec<Event>,
        parked: BTreeMap<u8, u8>,
    },
    /// What of the whole log the cursor can have seen.
    Shared { cursor: Event, log: Log },
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct State {
    life: u8,
    log: Log,
    /// The logs of the lives that have ended: backups of any of them may be left.
    ended: Vec<Log>,
    appended: u8,
    bus: BTreeSet<Event>,
    copy: Log,
    cursor: Event,
    /// By version: a newer life's event takes the place of an older one's.
    parked: BTreeMap<u8, u8>,
    stuck: Option<Reason>,
    answer: Option<Answer>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Append,
    /// The owner is put back to so much of this ended life's log, or of the present one.
    Restore(usize, usize),
    Deliver(Event),
    Lose(Event),
    /// Cursor and head are compared.
    Compare,
    Ask,
    Read,
}

const ONE_PAST: &str = "P1: a copy is what some log of the owner's was";
const CURSOR_OF_COPY: &str = "P2: the cursor is the copy's last event";
const SAME_AT_REST: &str = "P1: at rest, the copy is the owner's log";
const NOTHING_WAITS: &str = "L1: at rest, nothing is parked and nothing is to be repaired";

const FELL_BACK: &str = "a copy falls back and takes another way";
const BACK_AGAIN: &str = "an ended life's log goes on in a third";
const STALE: &str = "an answer is read whose log is no more";
const POSSIBLE: [&str; 3] = [FELL_BACK, STALE, BACK_AGAIN];

impl Lives {
    fn steps(state: &State) -> Vec<Step> {
        let logs = state.ended.iter().chain([&state.log]).enumerate();
        let restores =
            logs.flat_map(|(of, log)| (0..=log.len()).map(move |n| Step::Restore(of, n)));
        let bus = state.bus.iter();
        let bus = bus.flat_map(|event| [Step::Deliver(*event), Step::Lose(*event)]);
        let others = [Step::Append, Step::Compare, Step::Ask, Step::Read];
        restores.chain(bus).chain(others).collect()
    }

    /// Nothing that may still happen changes anything, but for what the owner's people do: the owner
    /// may well be asked again and again.
    fn is_at_rest(&self, state: &State) -> bool {
        let mut steps = Self::steps(state).into_iter();
        steps.all(|step| match (step, self.after(state, step)) {
            (Step::Append | Step::Restore(..), _) | (_, None) => true,
            (Step::Ask, Some(asked)) => self.after(&asked, Step::Read).as_ref() == Some(state),
            _ => false,
        })
    }
}

impl Model for Lives {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State::default()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Step>) {
        actions.extend(Self::steps(state));
    }

    fn next_state(&self, state: &State, step: Step) -> Option<State> {
        self.after(state, step)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(ONE_PAST, |_, state: &State| {
                let mut logs = state.ended.iter().chain([&state.log]);
                logs.any(|log| log.starts_with(&state.copy))
            }),
            Property::always(CURSOR_OF_COPY, |_, state: &State| {
                let last = state.copy.last().copied().unwrap_or_default();
                usize::from(state.cursor.0) == state.copy.len() && state.cursor.1 == last
            }),
            Property::always(SAME_AT_REST, |model: &Self, state: &State| {
                state.copy == state.log || !model.is_at_rest(state)
            }),
            Property::always(NOTHING_WAITS, |model: &Self, state: &State| {
                let waits = state.stuck.is_some() || !state.parked.is_empty();
                !waits || !model.is_at_rest(state)
            }),
            Property::sometimes(FELL_BACK, |_, state: &State| {
                let of = |life| state.ended.get(life);
                let left = of(0).is_some_and(|first| !first.starts_with(&state.copy));
                left && state.copy.len() > 1 && state.copy.first() == Some(&0)
            }),
            Property::sometimes(BACK_AGAIN, |_, state: &State| {
                state.copy.len() > 2 && state.copy.ends_with(&[0, 2]) && state.ended.len() == 2
            }),
            Property::sometimes(STALE, |_, state: &State| match &state.answer {
                Some(Answer::Page { events, .. }) => {
                    let last = events.last().copied().unwrap_or_default();
                    last.0 > 0 && state.log.get(usize::from(last.0) - 1) != Some(&last.1)
                }
                _ => false,
            }),
        ]
    }
}

#[test]
fn a_copy_follows_its_owner_through_every_life() {
    let model = Lives {
        flaw: Flaw::Nothing,
    };
    is_sound(model, &POSSIBLE, 10_000);
}

#[test]
fn each_rule_about_lives_is_needed() {
    let flawed = [
        (Flaw::VersionsAreCompared, SAME_AT_REST),
        (Flaw::NewLifeIsBelieved, ONE_PAST),
        (Flaw::OldLifeIsHeard, ONE_PAST),
        (Flaw::AnswerIsBelieved, ONE_PAST),
        (Flaw::ParkedIsBelieved, ONE_PAST),
        (Flaw::DeadStayParked, NOTHING_WAITS),
    ];
    each_is_needed(flawed.map(|(flaw, rule)| (Lives { flaw }, rule)));
}
