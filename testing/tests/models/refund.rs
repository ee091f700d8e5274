//! Money goes back: an order asks, payments lets the provider do it, and orders counts what was done.
//! Calls come late, twice or after they were given up; payments loses what it knew and comes back from a
//! backup made before.
//!
//! Events arrive in order and once, as the model of delivery shows; after a restore the owner tells of
//! its new life from the start, and hears the order's log again. A run ends: an order is asked twice at
//! most, an act is tried twice, and payments falls back once.

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
}

#[derive(Debug)]
struct Refund {
    flaw: Flaw,
}

/// What was paid.
const PAID: u8 = 3;

/// How often one may ask, and how often payments tries an act.
const REQUESTS: usize = 2;
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
    /// What orders has asked for, as its log has it.
    log: Vec<u8>,
    /// What orders holds for given back.
    counted: u8,
    /// How much of the order's log payments has heard.
    heard: usize,
    asked: Vec<Asked>,
    /// The keys of what the provider was seen to have given back.
    known: Vec<(u8, u8)>,
    /// The payment's total, and what orders is still to hear: how much it was, and the total then.
    total: u8,
    for_orders: Vec<(u8, u8)>,
    /// How many acts payments has begun, as it knows itself.
    begun: u8,
    /// Requests that may still arrive at the provider.
    on_their_way: Vec<Call>,
    /// What the provider has given back, by key.
    returned: BTreeMap<(u8, u8), u8>,
    has_fallen_back: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Ask(u8),
    PaymentsHear,
    Act,
    /// A request arrives, as late as it likes; its answer is lost.
    Arrive(usize),
    Look,
    OrdersHear,
    FallBack,
}

const ASKED_FIRST: &str = "M1: no more goes back than was asked for";
const NO_MORE_THAN_PAID: &str = "M1: no more goes back than was paid";
const COUNTED: &str = "M3: at rest, orders counts what went back";
const DONE: &str = "L1: at rest, what was asked for is done, and no order waits";

const IN_PARTS: &str = "money goes back in two parts";
const TOLD_AGAIN: &str = "what orders has counted is told again";
const POSSIBLE: [&str; 2] = [IN_PARTS, TOLD_AGAIN];

impl State {
    fn asked_for(&self) -> u8 {
        self.log.iter().sum()
    }

    fn returned(&self) -> u8 {
        self.returned.values().sum()
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
    fn ask(&self, state: &mut State, amount: u8) -> Option<()> {
        let may = match state.status {
            OrderStatus::Complete => amount <= PAID - state.counted,
            OrderStatus::Refunding => {
                self.flaw == Flaw::AsksAgain && amount <= PAID - state.counted
            }
            OrderStatus::Refunded => false,
        };
        if !may || state.log.len() == REQUESTS {
            return None;
        }
        state.log.push(amount);
        state.status = OrderStatus::Refunding;
        Some(())
    }

    fn payments_hear(state: &mut State) -> Option<()> {
        let amount = *state.log.get(state.heard)?;
        let request = u8::try_from(state.heard).ok()?;
        state.heard += 1;
        let is_done = state.known.iter().any(|(of, _)| *of == request);
        state.asked.push(Asked {
            request,
            amount,
            attempts: 0,
            is_done,
        });
        Some(())
    }

    fn act(&self, state: &mut State) -> Option<()> {
        let begun = state.begun;
        let mut asked = state.asked.iter_mut();
        let next = asked.find(|asked| !asked.is_done && asked.attempts < ATTEMPTS)?;
        let key = match self.flaw {
            Flaw::KeyPerAttempt => (next.request, next.attempts),
            Flaw::KeyOfOwnCount => (begun, u8::from(state.has_fallen_back)),
            _ => (next.request, 0),
        };
        next.attempts += 1;
        let amount = next.amount;
        state.on_their_way.push(Call { key, amount });
        state.on_their_way.sort_unstable();
        Some(())
    }

    fn arrive(state: &mut State, place: usize) -> Option<()> {
        if place >= state.on_their_way.len() {
            return None;
        }
        let call = state.on_their_way.remove(place);
        if !state.returned.contains_key(&call.key) && state.returned() + call.amount <= 2 * PAID {
            state.returned.insert(call.key, call.amount);
        }
        Some(())
    }

    fn look(&self, state: &mut State) -> Option<()> {
        let (key, amount) = state.news(self.flaw)?;
        state.known.push(key);
        state.known.sort_unstable();
        state.total += amount;
        state.begun += 1;
        state.for_orders.push((amount, state.total));
        let mut asked = state.asked.iter_mut();
        let done = match self.flaw {
            Flaw::KeyOfOwnCount => asked.find(|asked| !asked.is_done),
            _ => asked.find(|asked| asked.request == key.0),
        };
        if let Some(done) = done {
            done.is_done = true;
        }
        Some(())
    }

    fn orders_hear(&self, state: &mut State) -> Option<()> {
        if state.for_orders.is_empty() {
            return None;
        }
        let (amount, total) = state.for_orders.remove(0);
        state.counted = match self.flaw {
            Flaw::AddedUp => state.counted + amount,
            // A total of an earlier life may be behind.
            _ => state.counted.max(total),
        };
        if state.counted >= PAID {
            state.status = OrderStatus::Refunded;
        } else if state.counted >= state.asked_for() {
            state.status = OrderStatus::Complete;
        }
        Some(())
    }

    /// Payments is as it was before anybody asked, in a new life. What was on its way to orders is told
    /// again from its new log, what the order has said is heard again.
    fn fall_back(&self, state: &mut State) -> Option<()> {
        if state.has_fallen_back {
            return None;
        }
        if self.flaw != Flaw::NotHeardAgain {
            state.heard = 0;
        }
        state.asked.clear();
        state.known.clear();
        state.for_orders.clear();
        (state.total, state.begun) = (0, 0);
        state.has_fallen_back = true;
        Some(())
    }

    fn is_at_rest(&self, state: &State) -> bool {
        let acts = state.asked.iter().any(|asked| !asked.is_done);
        state.heard == state.log.len()
            && state.for_orders.is_empty()
            && state.news(self.flaw).is_none()
            && state.on_their_way.is_empty()
            // What was given up unheard is tried for ever, and that it arrives at last is not looked at here.
            && !acts
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
            Step::OrdersHear,
            Step::FallBack,
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
            Step::FallBack => self.fall_back(&mut after),
        }?;
        Some(after)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(ASKED_FIRST, |_, state: &State| {
                state.returned() <= state.asked_for()
            }),
            Property::always(NO_MORE_THAN_PAID, |_, state: &State| {
                state.asked_for() <= PAID && state.counted <= PAID
            }),
            Property::always(COUNTED, |model: &Self, state: &State| {
                !model.is_at_rest(state) || state.counted == state.returned()
            }),
            Property::always(DONE, |model: &Self, state: &State| {
                let is_done =
                    state.returned() == state.asked_for() && state.status != OrderStatus::Refunding;
                !model.is_at_rest(state) || is_done
            }),
            Property::sometimes(IN_PARTS, |_, state: &State| {
                state.status == OrderStatus::Refunded && state.log.len() == 2
            }),
            Property::sometimes(TOLD_AGAIN, |_, state: &State| {
                let first = state.for_orders.first();
                first.is_some_and(|(_, total)| state.has_fallen_back && *total <= state.counted)
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
    ];
    each_is_needed(flawed.map(|(flaw, rule)| (Refund { flaw }, rule)));
}
