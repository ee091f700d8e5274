//! Money goes back: an order asks, payments lets the provider do it, and orders counts what was done.
//! Calls come late, twice or after they were given up; payments and orders lose what they knew and come
//! back from backups made before, so that money may go back of which neither knows any more.
//!
//! Events arrive in order and once, as the model of delivery shows; after a restore the owner tells of
//! its new life from the start, and hears the other's log again. A run ends: there are two requests at
//! most, an act is tried twice, and each owner falls back once. No notices come.

mod rules;

use std::collections::BTreeMap;

use stateright::{Model, Property};

use super::{each_is_needed, is_sound};

/// What is left out or done wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    Nothing,
    /// Each attempt has a provider key of its own.
    KeyPerAttempt,
    /// The key is counted by payments, which a backup sets back, and is not the request's.
    KeyOfOwnCount,
    /// Orders adds up what it hears, instead of taking over the payment's total.
    AddedUp,
    /// What the provider shows counts each time that it is seen.
    SeenCounts,
    /// An order asks while it is being given back.
    AsksAgain,
    /// What a backup did not have is not asked of the order's log.
    NotHeardAgain,
    /// What the provider has given back is not looked for after a restore.
    NotComparedAnew,
    /// It is looked for once, when calls of the life before may still arrive.
    ComparedOnce,
    /// What is asked for and not there any more is asked for on and on.
    KeptThoughGone,
}

#[derive(Debug)]
struct Refund {
    flaw: Flaw,
}

/// What was paid.
const PAID: u8 = 3;

/// How often one may ask, and how often payments tries an act.
const REQUESTS: u8 = 2;
const ATTEMPTS: u8 = 2;

/// A request to the provider: under this key so much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Call {
    key: (u8, u8),
    amount: u8,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
enum OrderStatus {
    #[default]
    Complete,
    Refunding,
    Refunded,
}

/// What payments is to have given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Asked {
    request: u8,
    amount: u8,
    attempts: u8,
    is_done: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct State {
    status: OrderStatus,
    /// What orders has asked for, as its log has it: which request, and how much.
    log: Vec<(u8, u8)>,
    /// How many requests there were, and how much was asked for in all: also what no log has any more.
    requests: u8,
    asked_ever: u8,
    /// What orders holds for given back.
    counted: u8,
    /// How much of the order's log payments has heard.
    heard: usize,
    asked: Vec<Asked>,
    /// The keys of what the provider was seen to have given back.
    known: Vec<(u8, u8)>,
    /// The payment's total, and its log: how much went back, and the total then.
    total: u8,
    told: Vec<(u8, u8)>,
    /// How much of that log orders has heard.
    counted_until: usize,
    /// How often payments is still to look at all that the provider has.
    looks: u8,
    /// How many acts payments has begun, as it knows itself.
    begun: u8,
    /// Requests that may still arrive at the provider.
    on_their_way: Vec<Call>,
    /// What the provider has given back, by key.
    returned: BTreeMap<(u8, u8), u8>,
    has_fallen_back: bool,
    orders_fell_back: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Ask(u8),
    PaymentsHear,
    Act,
    /// A request arrives, as late as it likes; its answer is lost.
    Arrive(usize),
    Look,
    /// Payments has looked at everything.
    LookedAtAll,
    OrdersHear,
    FallBack,
    OrdersFallBack,
}

const ASKED_FIRST: &str = "M1: no more goes back than was asked for";
const NO_MORE_THAN_PAID: &str = "M1: no more goes back than was paid";
const COUNTED: &str = "M3: at rest, orders counts what went back";
const DONE: &str = "L1: at rest, what was asked for is done, and no order waits";

const IN_PARTS: &str = "money goes back in two parts";
const TOLD_AGAIN: &str = "what orders has counted is told again";
const UNASKED: &str = "orders counts what it does not know to have asked for";
const POSSIBLE: [&str; 3] = [IN_PARTS, UNASKED, TOLD_AGAIN];

impl State {
    fn asked_for(&self) -> u8 {
        self.log.iter().map(|(_, amount)| amount).sum()
    }

    fn returned(&self) -> u8 {
        self.returned.values().sum()
    }

    /// What payments is to have given back, and is not done.
    fn pending(&self) -> impl Iterator<Item = &Asked> {
        self.asked.iter().filter(|asked| !asked.is_done)
    }

    /// What the provider shows and payments does not count yet.
    fn news(&self, flaw: Flaw) -> Option<((u8, u8), u8)> {
        let is_news = |key: &(u8, u8)| match flaw {
            // Twice, so that a run ends.
            Flaw::SeenCounts => self.known.iter().filter(|known| *known == key).count() < 2,
            _ => !self.known.contains(key),
        };
        let mut shown = self.returned.iter();
        let news = shown.find(|(key, _)| is_news(key))?;
        Some((*news.0, *news.1))
    }
}

impl Refund {
    fn is_at_rest(&self, state: &State) -> bool {
        let left = PAID - state.returned();
        state.heard == state.log.len()
            && state.counted_until == state.told.len()
            && state.looks == 0
            && state.on_their_way.is_empty()
            // What was given up unheard is tried for ever, and that it arrives at last is not looked at here.
            && !state.pending().any(|asked| asked.amount <= left)
            // What is looked up is seen.
            && (state.pending().next().is_none() || state.news(self.flaw).is_none())
    }
}

impl Model for Refund {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State::default()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Step>) {
        actions.extend((1..=PAID).map(Step::Ask));
        actions.extend((0..state.on_their_way.len()).map(Step::Arrive));
        actions.extend([
            Step::PaymentsHear,
            Step::Act,
            Step::Look,
            Step::LookedAtAll,
            Step::OrdersHear,
            Step::FallBack,
            Step::OrdersFallBack,
        ]);
    }

    fn next_state(&self, state: &State, step: Step) -> Option<State> {
        let mut after = state.clone();
        match step {
            Step::Ask(amount) => self.ask(&mut after, amount),
            Step::PaymentsHear => Self::payments_hear(&mut after),
            Step::Act => self.act(&mut after),
            Step::Arrive(place) => Self::arrive(&mut after, place),
            Step::Look => self.look(&mut after),
            Step::OrdersHear => self.orders_hear(&mut after),
            Step::LookedAtAll => self.looked_at_all(&mut after),
            Step::FallBack => self.fall_back(&mut after),
            Step::OrdersFallBack => Self::orders_fall_back(&mut after),
        }?;
        Some(after)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(ASKED_FIRST, |_, state: &State| {
                state.returned() <= state.asked_ever
            }),
            Property::always(NO_MORE_THAN_PAID, |_, state: &State| {
                let asks_within = state.orders_fell_back || state.asked_for() <= PAID;
                asks_within && state.counted <= PAID
            }),
            Property::always(COUNTED, |model: &Self, state: &State| {
                !model.is_at_rest(state) || state.counted == state.returned()
            }),
            Property::always(DONE, |model: &Self, state: &State| {
                let is_done = state.orders_fell_back || state.returned() == state.asked_for();
                let nobody_waits = state.status != OrderStatus::Refunding;
                let nothing_is_left = state.pending().next().is_none();
                !model.is_at_rest(state) || (is_done && nobody_waits && nothing_is_left)
            }),
            Property::sometimes(IN_PARTS, |_, state: &State| {
                state.status == OrderStatus::Refunded && state.log.len() == 2
            }),
            Property::sometimes(TOLD_AGAIN, |_, state: &State| {
                let next = state.told.get(state.counted_until);
                next.is_some_and(|(_, total)| state.has_fallen_back && *total <= state.counted)
            }),
            Property::sometimes(UNASKED, |_, state: &State| {
                state.log.is_empty() && state.counted > 0
            }),
        ]
    }
}

#[test]
fn what_is_asked_for_goes_back_once_and_is_counted_once() {
    let model = Refund {
        flaw: Flaw::Nothing,
    };
    is_sound(model, &POSSIBLE, 1_000);
}

#[test]
fn each_rule_is_needed() {
    let flawed = [
        (Flaw::KeyPerAttempt, ASKED_FIRST),
        (Flaw::KeyOfOwnCount, ASKED_FIRST),
        (Flaw::AddedUp, COUNTED),
        (Flaw::SeenCounts, COUNTED),
        (Flaw::AsksAgain, NO_MORE_THAN_PAID),
        (Flaw::NotHeardAgain, DONE),
        (Flaw::NotComparedAnew, COUNTED),
        (Flaw::ComparedOnce, COUNTED),
        (Flaw::KeptThoughGone, DONE),
    ];
    each_is_needed(flawed.map(|(flaw, rule)| (Refund { flaw }, rule)));
}
