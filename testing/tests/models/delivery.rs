//! One owner, one consumer, and a bus that loses, doubles and re-orders.
//!
//! Keys are aggregates. Every step takes something away that no step gives back (an event to be
//! committed or published, a fault that may still happen, the way to the head), so a run always ends,
//! and what is not done where it ends is never done.

use stateright::{Model, Property};

use super::{each_is_needed, is_sound};

/// What is left out or done wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    Nothing,
    /// Heads are not compared: nobody notices that the last event is missing.
    NoWatermark,
    /// The owner is not asked for what is missing.
    NoRepair,
    /// What came too early, or fails, stays unacknowledged in the consumer's window.
    NoParking,
    /// An aggregate's version rises without an event.
    VersionWithoutEvent,
    /// The cursor is not looked at.
    NoCursor,
    /// What came too early is handled at once.
    GapsAreJumped,
    /// Events are marked as published before the bus has them, and the owner stops between the two.
    MarkedTooSoon,
}

#[derive(Debug)]
struct Delivery {
    flaw: Flaw,
    keys: usize,
    events: u8,
    /// The first event of the first key can't be handled.
    poison: bool,
    /// The bus loses nothing, so that nobody need compare heads.
    lossless: bool,
}

/// A set of versions.
type Versions = std::collections::BTreeSet<u8>;

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Key {
    /// The version of the aggregate's row.
    head: u8,
    /// The owner's log.
    log: Versions,
    /// Events that are not marked as published.
    outbox: Versions,
    /// What the bus holds.
    bus: Versions,
    copy: Copy,
    /// What a power loss leaves of the copy.
    synced: Copy,
}

/// What the consumer's database says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Copy {
    cursor: u8,
    parked: Versions,
    /// What was handled, in that order.
    effects: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    keys: Vec<Key>,
    /// The message that was given to the consumer and neither acknowledged nor given back.
    window: Option<(usize, u8)>,
    /// How many faults of each kind may still happen.
    losses: u8,
    doubles: u8,
    power_losses: u8,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Commit(usize),
    /// The row changes, and no event says so.
    Touch(usize),
    Publish(usize, u8),
    /// The owner stops between publishing and marking.
    PublishUnmarked(usize, u8),
    /// The owner stops between marking and publishing.
    MarkUnpublished(usize, u8),
    Lose(usize, u8),
    Deliver(usize, u8),
    /// The consumer stops between its commit and the acknowledgement.
    DeliverUnacknowledged(usize, u8),
    /// A gap shows behind a parked event.
    Repair(usize),
    /// The heads show that something is missing.
    Watermark(usize),
    Sync(usize),
    /// The embedded composition: copies fall back together, the bus is empty, the log is whole.
    LosePower,
}

impl Delivery {
    fn new(flaw: Flaw) -> Self {
        Self {
            flaw,
            keys: 1,
            events: 3,
            poison: false,
            lossless: false,
        }
    }

    fn lossless(flaw: Flaw) -> Self {
        Self {
            lossless: true,
            ..Self::new(flaw)
        }
    }

    fn poisoned(flaw: Flaw) -> Self {
        Self {
            keys: 2,
            events: 2,
            poison: true,
            ..Self::new(flaw)
        }
    }

    fn is_poison(&self, key: usize, version: u8) -> bool {
        self.poison && key == 0 && version == 1
    }

    /// Handles an event, and what was parked behind it.
    fn handle(&self, copy: &mut Copy, number: usize, version: u8) {
        if self.is_poison(number, version) {
            copy.parked.insert(version);
            return;
        }
        copy.effects.push(version);
        copy.cursor = copy.cursor.max(version);
        copy.parked.retain(|parked| *parked > copy.cursor);
        let next = copy.cursor + 1;
        if copy.parked.contains(&next) {
            self.handle(copy, number, next);
        }
    }

    /// Whether the message can be acknowledged.
    fn receive(&self, copy: &mut Copy, number: usize, version: u8) -> bool {
        let is_early = version > copy.cursor + 1 && self.flaw != Flaw::GapsAreJumped;
        if version <= copy.cursor && self.flaw != Flaw::NoCursor {
            return true;
        }
        if self.flaw == Flaw::NoParking && (is_early || self.is_poison(number, version)) {
            return false;
        }
        if is_early {
            copy.parked.insert(version);
        } else {
            self.handle(copy, number, version);
        }
        true
    }

    /// Asks the owner for the next event.
    fn fetch(&self, key: &mut Key, number: usize) -> bool {
        let next = key.copy.cursor + 1;
        if !key.log.contains(&next) || key.copy.parked.contains(&next) {
            return false;
        }
        self.handle(&mut key.copy, number, next);
        true
    }

    fn steps(&self, state: &State) -> Vec<Step> {
        let mut steps = Vec::new();
        for (number, key) in state.keys.iter().enumerate() {
            if key.head < self.events {
                steps.push(Step::Commit(number));
                if self.flaw == Flaw::VersionWithoutEvent {
                    steps.push(Step::Touch(number));
                }
            }
            for version in &key.outbox {
                steps.push(Step::Publish(number, *version));
                if self.flaw == Flaw::MarkedTooSoon {
                    steps.push(Step::MarkUnpublished(number, *version));
                }
                steps.push(Step::PublishUnmarked(number, *version));
            }
            for version in &key.bus {
                steps.push(Step::Lose(number, *version));
                // A window of one message: as small as it is full.
                if state.window.is_none_or(|held| held == (number, *version)) {
                    steps.push(Step::Deliver(number, *version));
                    steps.push(Step::DeliverUnacknowledged(number, *version));
                }
            }
            let repairs = self.flaw != Flaw::NoRepair;
            if repairs && !key.copy.parked.is_empty() {
                steps.push(Step::Repair(number));
            }
            let compares = self.flaw != Flaw::NoWatermark && !self.lossless;
            if repairs && compares && key.copy.cursor < key.head {
                steps.push(Step::Watermark(number));
            }
            if state.power_losses > 0 && key.synced != key.copy {
                steps.push(Step::Sync(number));
            }
        }
        if state.power_losses > 0 {
            steps.push(Step::LosePower);
        }
        steps
    }

    fn after(&self, state: &State, step: &Step) -> Option<State> {
        let mut next = state.clone();
        match *step {
            Step::Commit(number) => {
                let key = next.keys.get_mut(number)?;
                key.head += 1;
                key.log.insert(key.head);
                key.outbox.insert(key.head);
            }
            Step::Touch(number) => next.keys.get_mut(number)?.head += 1,
            Step::Publish(number, version) => {
                let key = next.keys.get_mut(number)?;
                key.outbox.remove(&version);
                key.bus.insert(version);
            }
            Step::PublishUnmarked(number, version) => {
                next.doubles = next.doubles.checked_sub(1)?;
                next.keys.get_mut(number)?.bus.insert(version);
            }
            Step::MarkUnpublished(number, version) => {
                next.keys.get_mut(number)?.outbox.remove(&version);
            }
            Step::Lose(number, version) => {
                next.losses = next.losses.checked_sub(1)?;
                next.keys.get_mut(number)?.bus.remove(&version);
            }
            Step::Deliver(number, version) => {
                let key = next.keys.get_mut(number)?;
                if self.receive(&mut key.copy, number, version) {
                    key.bus.remove(&version);
                    next.window = None;
                } else {
                    next.window = Some((number, version));
                }
            }
            Step::DeliverUnacknowledged(number, version) => {
                next.doubles = next.doubles.checked_sub(1)?;
                let key = next.keys.get_mut(number)?;
                self.receive(&mut key.copy, number, version);
                next.window = None;
            }
            Step::Repair(number) | Step::Watermark(number) => {
                let key = next.keys.get_mut(number)?;
                if !self.fetch(key, number) {
                    return None;
                }
            }
            Step::Sync(number) => {
                let key = next.keys.get_mut(number)?;
                key.synced = key.copy.clone();
            }
            Step::LosePower => {
                next.power_losses -= 1;
                next.window = None;
                for key in &mut next.keys {
                    key.copy = key.synced.clone();
                    key.bus.clear();
                }
            }
        }
        (next != *state).then_some(next)
    }

    fn is_at_rest(&self, state: &State) -> bool {
        let steps = self.steps(state);
        steps.iter().all(|step| self.after(state, step).is_none())
    }

    /// Handled up to the head, except behind what can't be handled.
    fn is_whole(&self, number: usize, key: &Key) -> bool {
        key.copy.cursor == key.head || (self.poison && number == 0)
    }
}

const IN_ORDER: &str = "each event is handled once, in order";
const AT_LAST: &str = "every event is handled at last";
const NO_OTHER: &str = "a key that is stuck stops no other";

impl Model for Delivery {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            keys: vec![Key::default(); self.keys],
            window: None,
            losses: u8::from(!self.lossless),
            doubles: 1,
            power_losses: u8::from(!self.poison && !self.lossless),
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Step>) {
        actions.extend(self.steps(state));
    }

    fn next_state(&self, state: &State, step: Step) -> Option<State> {
        self.after(state, &step)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(IN_ORDER, |_, state: &State| {
                state.keys.iter().all(|key| {
                    let whole: Vec<u8> = (1..=key.copy.cursor).collect();
                    key.copy.effects == whole
                })
            }),
            Property::always(AT_LAST, |model: &Self, state: &State| {
                let mut keys = state.keys.iter().enumerate();
                !model.is_at_rest(state) || keys.all(|(number, key)| model.is_whole(number, key))
            }),
            Property::always(NO_OTHER, |_, state: &State| {
                state.window.is_none_or(|(held, _)| {
                    let waits = |(number, key): (usize, &Key)| {
                        number != held && key.bus.contains(&(key.copy.cursor + 1))
                    };
                    !state.keys.iter().enumerate().any(waits)
                })
            }),
        ]
    }
}

#[test]
fn every_event_is_handled_once_in_order_and_at_last() {
    for model in [
        Delivery::new(Flaw::Nothing),
        Delivery::poisoned(Flaw::Nothing),
        Delivery::lossless(Flaw::Nothing),
    ] {
        is_sound(model, &[], 100);
    }
}

#[test]
fn each_part_is_needed() {
    each_is_needed([
        (Delivery::new(Flaw::NoWatermark), AT_LAST),
        (Delivery::new(Flaw::NoRepair), AT_LAST),
        (Delivery::new(Flaw::VersionWithoutEvent), AT_LAST),
        (Delivery::lossless(Flaw::MarkedTooSoon), AT_LAST),
        (Delivery::new(Flaw::NoCursor), IN_ORDER),
        (Delivery::new(Flaw::GapsAreJumped), IN_ORDER),
        (Delivery::poisoned(Flaw::NoParking), NO_OTHER),
    ]);
}
