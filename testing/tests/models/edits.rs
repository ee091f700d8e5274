//! A seller who edits an offer in two windows, while buyers reserve it from pages that are as old as they
//! like: whoever gets the ticket pays what was on the page, and no edit undoes one that its author has
//! not seen.
//!
//! Events arrive in order and once, as the model of delivery shows, and late. One order lives at a time:
//! that, and what becomes of it when time runs out or money comes, is the model of a sale.

use stateright::{Model, Property};

use super::{each_is_needed, is_sound};

/// How many buyers and windows there are, and how often the offer may be edited.
const BUYERS: usize = 2;
const WINDOWS: usize = 2;
const EDITS: u8 = 3;

/// What the seller may ask: a price can come back.
const PRICES: [u8; 2] = [1, 2];

/// What is left out or done wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    Nothing,
    /// Tickets does not compare the offer that the buyer accepted with its own.
    AnyOfferIsSold,
    /// Tickets compares its version: locks and releases change the offer too.
    LocksChangeTheOffer,
    /// The offer can be edited while an order has the ticket.
    LockedIsEdited,
    /// Orders takes its copy's price, whatever the buyer has seen.
    PageIsNotLookedAt,
    /// Orders tells the price that the buyer has seen, and the offer of its copy.
    PriceAloneIsTold,
    /// An edit does not say which version it was made from.
    LastEditWins,
}

#[derive(Debug)]
struct Edits {
    flaw: Flaw,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Offer {
    /// The version that made it.
    version: u8,
    price: u8,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
enum Status {
    #[default]
    Absent,
    Created,
    Awaiting,
    Cancelled,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Said {
    Created(usize),
    Cancelled(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Told {
    Offered(Offer),
    Locked(usize),
    Refused(usize),
    Released,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Order {
    status: Status,
    /// The page from which it was placed.
    seen: Option<Offer>,
    /// The offer as orders tells of it.
    accepted: Option<Offer>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    version: u8,
    offer: Offer,
    lock: Option<usize>,
    edits: u8,
    /// What each window shows.
    windows: [Option<(u8, Offer)>; WINDOWS],
    copy: Offer,
    orders: [Order; BUYERS],
    /// What tickets is still to hear of orders, and orders of tickets.
    for_tickets: Vec<Said>,
    for_orders: Vec<Told>,
    /// An edit was acknowledged whose author had not seen the one before.
    is_edit_undone: bool,
    /// An order was refused though its buyer had seen the present offer.
    is_refused_in_vain: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Open(usize),
    Save(usize, u8),
    /// A buyer opens the page of the ticket.
    See(usize),
    Reserve(usize),
    Cancel(usize),
    TicketsHear,
    OrdersHear,
}

const AS_SEEN: &str = "who has the ticket pays what was on the page, and that is what it costs";
const NOT_IN_VAIN: &str = "who has seen the present offer is not refused for it";
const NONE_UNDONE: &str = "an edit undoes none that its author has not seen";
const SAME_AT_REST: &str =
    "P1, L1: at rest, orders knows the offer, and no order waits for an answer";

const CHANGED: &str = "an order is refused, because the offer has changed";
const AGAIN: &str = "the second buyer has what the first let go";
const EDITED_AFTER: &str = "an offer is edited once its order is gone, and sold";
const POSSIBLE: [&str; 3] = [EDITED_AFTER, CHANGED, AGAIN];

impl Edits {
    fn after(&self, state: &State, step: Step) -> Option<State> {
        let mut next = state.clone();
        match step {
            Step::Open(window) => {
                next.windows[window] = Some((next.version, next.offer));
                (next != *state).then_some(())
            }
            Step::Save(window, price) => self.save(&mut next, window, price),
            Step::See(buyer) => {
                let order = &mut next.orders[buyer];
                let news = order.status == Status::Absent && order.seen != Some(next.copy);
                order.seen = Some(next.copy);
                news.then_some(())
            }
            Step::Reserve(buyer) => self.reserve(&mut next, buyer),
            Step::Cancel(buyer) => {
                let order = &mut next.orders[buyer];
                let is_open = matches!(order.status, Status::Created | Status::Awaiting);
                order.status = Status::Cancelled;
                next.for_tickets.push(Said::Cancelled(buyer));
                is_open.then_some(())
            }
            Step::TicketsHear => {
                (!next.for_tickets.is_empty()).then(|| self.tickets_hear(&mut next))
            }
            Step::OrdersHear => (!next.for_orders.is_empty()).then(|| orders_hear(&mut next)),
        }?;
        Some(next)
    }

    fn save(&self, state: &mut State, window: usize, price: u8) -> Option<()> {
        let (seen, offer) = state.windows[window]?;
        let is_free = state.lock.is_none() || self.flaw == Flaw::LockedIsEdited;
        let is_fresh = seen == state.version || self.flaw == Flaw::LastEditWins;
        if !is_free || !is_fresh || state.edits == EDITS || price == state.offer.price {
            return None;
        }
        state.edits += 1;
        state.is_edit_undone |= offer != state.offer;
        state.version += 1;
        state.offer = Offer {
            version: state.version,
            price,
        };
        state.windows[window] = Some((state.version, state.offer));
        state.for_orders.push(Told::Offered(state.offer));
        Some(())
    }

    /// What the page showed is what is ordered, or nothing is.
    fn reserve(&self, state: &mut State, buyer: usize) -> Option<()> {
        let is_taken = |order: &Order| matches!(order.status, Status::Created | Status::Awaiting);
        if state.orders.iter().any(is_taken) || state.orders[buyer].status != Status::Absent {
            return None;
        }
        let (seen, copy) = (state.orders[buyer].seen?, state.copy);
        let accepted = match self.flaw {
            Flaw::PageIsNotLookedAt => copy,
            Flaw::PriceAloneIsTold => Offer {
                price: seen.price,
                ..copy
            },
            _ if seen == copy => copy,
            _ => return None,
        };
        let order = &mut state.orders[buyer];
        order.accepted = Some(accepted);
        order.status = Status::Created;
        state.for_tickets.push(Said::Created(buyer));
        Some(())
    }

    fn tickets_hear(&self, state: &mut State) {
        match state.for_tickets.remove(0) {
            Said::Created(buyer) => {
                let Some(accepted) = state.orders[buyer].accepted else {
                    return;
                };
                let is_same = match self.flaw {
                    Flaw::AnyOfferIsSold => true,
                    Flaw::LocksChangeTheOffer => accepted.version == state.version,
                    Flaw::PriceAloneIsTold => accepted.version == state.offer.version,
                    _ => accepted == state.offer,
                };
                let told = if is_same {
                    state.version += 1;
                    state.lock = Some(buyer);
                    Told::Locked(buyer)
                } else {
                    state.is_refused_in_vain |= state.orders[buyer].seen == Some(state.offer);
                    Told::Refused(buyer)
                };
                state.for_orders.push(told);
            }
            Said::Cancelled(buyer) => {
                if state.lock == Some(buyer) {
                    state.version += 1;
                    state.lock = None;
                    state.for_orders.push(Told::Released);
                }
            }
        }
    }

    fn is_at_rest(&self, state: &State) -> bool {
        let hears = [Step::TicketsHear, Step::OrdersHear];
        hears.iter().all(|step| self.after(state, *step).is_none())
    }
}

fn orders_hear(state: &mut State) {
    match state.for_orders.remove(0) {
        Told::Offered(offer) => state.copy = offer,
        Told::Locked(buyer) if state.orders[buyer].status == Status::Created => {
            state.orders[buyer].status = Status::Awaiting;
        }
        Told::Refused(buyer) if state.orders[buyer].status == Status::Created => {
            state.orders[buyer].status = Status::Cancelled;
        }
        Told::Locked(_) | Told::Refused(_) | Told::Released => {}
    }
}

impl Model for Edits {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        let offer = Offer {
            version: 1,
            price: 1,
        };
        vec![State {
            version: 1,
            offer,
            lock: None,
            edits: 0,
            windows: [None; WINDOWS],
            copy: offer,
            orders: [Order::default(); BUYERS],
            for_tickets: Vec::new(),
            for_orders: Vec::new(),
            is_edit_undone: false,
            is_refused_in_vain: false,
        }]
    }

    fn actions(&self, _: &State, actions: &mut Vec<Step>) {
        actions.extend((0..WINDOWS).map(Step::Open));
        for window in 0..WINDOWS {
            actions.extend(PRICES.map(|price| Step::Save(window, price)));
        }
        for buyer in 0..BUYERS {
            actions.extend([Step::See(buyer), Step::Reserve(buyer), Step::Cancel(buyer)]);
        }
        actions.extend([Step::TicketsHear, Step::OrdersHear]);
    }

    fn next_state(&self, state: &State, step: Step) -> Option<State> {
        self.after(state, step)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(AS_SEEN, |_, state: &State| {
                let has_it = state.orders.iter().enumerate();
                let mut has_it = has_it.filter(|(buyer, _)| state.lock == Some(*buyer));
                has_it.all(|(_, order)| {
                    let price = |offer: Option<Offer>| offer.map(|offer| offer.price);
                    let accepted = price(order.accepted);
                    accepted == price(order.seen) && accepted == Some(state.offer.price)
                })
            }),
            Property::always(NOT_IN_VAIN, |_, state: &State| !state.is_refused_in_vain),
            Property::always(NONE_UNDONE, |_, state: &State| !state.is_edit_undone),
            Property::always(SAME_AT_REST, |model: &Self, state: &State| {
                let mut orders = state.orders.iter();
                let waits = orders.any(|order| order.status == Status::Created);
                (state.copy == state.offer && !waits) || !model.is_at_rest(state)
            }),
            Property::sometimes(CHANGED, |_, state: &State| {
                state
                    .for_orders
                    .iter()
                    .any(|told| matches!(told, Told::Refused(_)))
            }),
            Property::sometimes(AGAIN, |_, state: &State| {
                let [first, second] = &state.orders;
                first.status == Status::Cancelled && second.status == Status::Awaiting
            }),
            Property::sometimes(EDITED_AFTER, |_, state: &State| {
                let is_gone = |order: &Order| order.status == Status::Cancelled;
                let was_seen = state.orders.iter().any(|order| {
                    is_gone(order)
                        && order
                            .seen
                            .is_some_and(|seen| seen.version < state.offer.version)
                });
                was_seen && state.lock.is_some()
            }),
        ]
    }
}

#[test]
fn who_gets_the_ticket_pays_what_the_page_said() {
    let model = Edits {
        flaw: Flaw::Nothing,
    };
    is_sound(model, &POSSIBLE, 10_000);
}

#[test]
fn each_rule_about_offers_is_needed() {
    let flawed = [
        (Flaw::AnyOfferIsSold, AS_SEEN),
        (Flaw::LocksChangeTheOffer, NOT_IN_VAIN),
        (Flaw::LockedIsEdited, AS_SEEN),
        (Flaw::PageIsNotLookedAt, AS_SEEN),
        (Flaw::PriceAloneIsTold, AS_SEEN),
        (Flaw::LastEditWins, NONE_UNDONE),
    ];
    each_is_needed(flawed.map(|(flaw, rule)| (Edits { flaw }, rule)));
}
