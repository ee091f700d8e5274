//! Models of the two protocols on which everything rests, small enough to be looked at in every state
//! that they can reach: how events are delivered, and who may buy.
//!
//! Each is checked as it is, and with one rule left out or broken at a time: then the check must find
//! the harm. A model that no flaw can spoil would prove nothing.

mod delivery;
mod sale;

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::hash::Hash;

use stateright::{Checker, HasDiscoveries, Model};

/// How many states may be looked at, counted each time that one is reached, so that a check ends within
/// seconds.
const STATES_MAX: usize = 5_000_000;

/// Looks at every state; answers how many there are, and the rules of which an example was found: of
/// one that must always hold, where it is broken; of one that must be possible, where it happens.
fn explore<M>(model: M) -> (usize, Vec<&'static str>)
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + Hash + Send + Sync + Debug + PartialEq,
    M::Action: Send + Sync + Debug + PartialEq + Clone,
{
    let checker = model
        .checker()
        .threads(2)
        .target_state_count(STATES_MAX)
        .spawn_bfs()
        .join();
    let states = checker.unique_state_count();
    assert!(
        checker.state_count() < STATES_MAX,
        "too large to be looked at whole"
    );
    let mut found: Vec<_> = checker.discoveries().into_keys().collect();
    found.sort_unstable();
    (states, found)
}

/// Looks until this rule is broken; answers the way there in steps, or nothing if it holds.
fn break_rule<M>(model: M, rule: &'static str) -> Option<usize>
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + Hash + Send + Sync + Debug + PartialEq,
    M::Action: Send + Sync + Debug + PartialEq + Clone,
{
    let checker = model
        .checker()
        .finish_when(HasDiscoveries::AnyOf(BTreeSet::from([rule])))
        .target_state_count(STATES_MAX)
        .spawn_bfs()
        .join();
    let path = checker.discovery(rule)?;
    println!("{rule}: broken by {:#?}", path.clone().into_actions());
    Some(path.into_actions().len())
}
