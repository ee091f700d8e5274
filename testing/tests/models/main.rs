//! Models of the protocols on which everything rests, small enough to be looked at in every state
//! that they can reach: how events are delivered, who may buy what at which price, how money goes
//! back, and what becomes of a copy whose owner is put back to a backup.
//!
//! Each is checked as it is, and with one rule left out or broken at a time: then the check must find
//! the harm. A model that no flaw can spoil would prove nothing.

mod delivery;
mod edits;
mod lives;
mod refund;
mod sale;

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::hash::Hash;

use stateright::{Checker, HasDiscoveries, Model};

/// How many states may be looked at, counted each time that one is reached, so that a check ends within
/// seconds.
const STATES_MAX: usize = 5_000_000;

/// A model that can be looked at on several threads.
trait Checkable:
    Model<State: Clone + Debug + PartialEq + Hash + Send + Sync, Action: Clone + Debug + PartialEq>
    + Send
    + Sync
    + 'static
{
}

impl<M> Checkable for M where
    M: Model<
            State: Clone + Debug + PartialEq + Hash + Send + Sync,
            Action: Clone + Debug + PartialEq,
        > + Send
        + Sync
        + 'static
{
}

/// Looks at states until what is to be found is found, or all were looked at.
fn check<M: Checkable>(model: M, until: HasDiscoveries) -> impl Checker<M> {
    let checker = model.checker().threads(2).finish_when(until);
    let checker = checker.target_state_count(STATES_MAX).spawn_bfs().join();
    assert!(
        checker.state_count() < STATES_MAX,
        "too large to be looked at whole"
    );
    checker
}

/// Looks at every state; answers how many there are, and the rules of which an example was found: of
/// one that must always hold, where it is broken; of one that must be possible, where it happens.
fn explore<M: Checkable>(model: M) -> (usize, Vec<&'static str>) {
    let checker = check(model, HasDiscoveries::All);
    let mut found: Vec<_> = checker.discoveries().into_keys().collect();
    found.sort_unstable();
    (checker.unique_state_count(), found)
}

/// Every rule holds in every state, and all that is to be possible happens in some; there are more than
/// so many.
fn is_sound<M: Checkable + Debug>(model: M, possible: &[&str], more_than: usize) {
    let said = format!("{model:?}");
    let (states, found) = explore(model);
    println!("{said}: {states} states");
    assert_eq!(found, possible, "{said}");
    assert!(states > more_than, "{said}: {states} states are no check");
}

/// Each of these models breaks its rule.
fn each_is_needed<M: Checkable + Debug>(flawed: impl IntoIterator<Item = (M, &'static str)>) {
    for (model, rule) in flawed {
        let said = format!("{model:?}");
        let broken = break_rule(model, rule);
        println!("{said}: {broken:?} steps");
        assert!(broken.is_some(), "{said}: {rule} holds");
    }
}

/// Looks until this rule is broken; answers the way there in steps, or nothing if it holds.
fn break_rule<M: Checkable>(model: M, rule: &'static str) -> Option<usize> {
    let checker = check(model, HasDiscoveries::AnyOf(BTreeSet::from([rule])));
    let steps = checker.discovery(rule)?.into_actions();
    println!("{rule}: broken by {steps:#?}");
    Some(steps.len())
}
