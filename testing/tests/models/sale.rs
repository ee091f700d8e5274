//! Two buyers, one ticket: orders, tickets and payments, each with its own state, and what they have
//! heard of each other.
//!
//! Every aggregate's events arrive in order and once, as the model of delivery shows, but as late as
//! they like. A run always ends: nobody reserves, pays or cancels twice, and time stands still after
//! the last hold.

mod rules;

use stateright::{Model, Property};

use super::{each_is_needed, is_sound};

/// What is left out or done wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    Nothing,
    /// Orders doesn't look whether another order of the ticket lives.
    NoUniqueOrder,
    /// Tickets takes any order's word, however old.
    NoFencing,
    /// Time can run out for an order that takes the money.
    ExpiryWhileCapturing,
    /// A payment completes its order, whatever has become of that.
    LatePaymentCompletes,
    /// The money is taken before orders has decided.
    CaptureAtOnce,
    /// A payment for which there is no place is not given back.
    NothingIsReturned,
}

#[derive(Debug)]
struct Sale {
    flaw: Flaw,
}

const ORDERS: usize = 2;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
enum OrderStatus {
    #[default]
    Absent,
    Created,
    Awaiting,
    Capturing,
    Complete,
    Cancelled,
}

impl OrderStatus {
    fn is_live(self) -> bool {
        !matches!(self, Self::Absent | Self::Cancelled)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum OrderEvent {
    Created { epoch: u8 },
    Awaiting,
    Capturing,
    Complete,
    Cancelled,
    PaymentRejected,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Order {
    status: OrderStatus,
    epoch: u8,
    /// The time at which it can be cancelled for being late.
    ends_at: u8,
    /// What tickets and payments are still to hear of it. What says nothing to them is left out.
    for_tickets: Vec<OrderEvent>,
    for_payments: Vec<OrderEvent>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
enum TicketStatus {
    #[default]
    Listed,
    Locked(usize),
    Sold(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum TicketEvent {
    Locked { order: usize, epoch: u8 },
    Refused { order: usize, epoch: u8 },
    Released,
    Sold,
}

/// What the provider has done: nobody else knows it before they have asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
enum Charge {
    #[default]
    None,
    Authorized,
    Captured,
    Failed,
    Voided,
    Refunded,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum PaymentEvent {
    Started,
    Authorized,
    Captured,
    Failed,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
enum Wish {
    #[default]
    Nothing,
    Authorize,
    Capture,
    Return,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Payment {
    charge: Charge,
    wish: Wish,
    is_begun: bool,
    /// What orders is still to hear of it.
    for_orders: Vec<PaymentEvent>,
    /// What payments' copy says of the order.
    is_payable: bool,
    is_dead: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct State {
    now: u8,
    orders: [Order; ORDERS],
    payments: [Payment; ORDERS],
    ticket: TicketStatus,
    epoch: u8,
    /// What orders is still to hear of the ticket.
    for_orders: Vec<TicketEvent>,
    /// Orders' copy says that the ticket is sold.
    is_sold_in_copy: bool,
    /// A decision to take the money was taken back without the provider's refusal.
    is_decision_broken: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Tick,
    Reserve(usize),
    Cancel(usize),
    Expire(usize),
    Pay(usize),
    /// The provider does what is wished, or declines it.
    Provide(usize, bool),
    TicketsHear(usize),
    OrdersHearOfTicket,
    PaymentsHear(usize),
    OrdersHearOfPayment(usize),
}

const ONE_ORDER: &str = "T1: a ticket has one live order at most";
const SOLD_TO_ITS_BUYER: &str = "T2: a ticket is sold to an order that is complete";
const SOLD_AT_REST: &str = "T2: at rest, the complete order has the ticket";
const PAID_AT_REST: &str = "M1, M3: at rest, money is held for complete orders alone";
const DECIDED_FIRST: &str = "M2: money is taken only where orders has decided";
const DECIDED: &str = "M2: what was decided is done";
const ENDED: &str = "L1: at rest, no order waits";

impl Model for Sale {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State::default()]
    }

    fn actions(&self, _: &State, actions: &mut Vec<Step>) {
        actions.extend(Self::steps());
    }

    fn next_state(&self, state: &State, step: Step) -> Option<State> {
        self.after(state, step)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(ONE_ORDER, |_, state: &State| {
                let live = state.orders.iter().filter(|order| order.status.is_live());
                live.count() <= 1
            }),
            Property::always(SOLD_TO_ITS_BUYER, |_, state: &State| match state.ticket {
                TicketStatus::Sold(id) => state.orders[id].status == OrderStatus::Complete,
                TicketStatus::Listed | TicketStatus::Locked(_) => true,
            }),
            Property::always(SOLD_AT_REST, |model: &Self, state: &State| {
                let mut orders = state.orders.iter().enumerate();
                let has_it = |(id, order): (usize, &Order)| {
                    order.status != OrderStatus::Complete || state.ticket == TicketStatus::Sold(id)
                };
                !model.is_at_rest(state) || orders.all(has_it)
            }),
            Property::always(PAID_AT_REST, |model: &Self, state: &State| {
                let mut both = state.orders.iter().zip(&state.payments);
                let is_right = |(order, payment): (&Order, &Payment)| match payment.charge {
                    Charge::Captured => order.status == OrderStatus::Complete,
                    Charge::Authorized => false,
                    _ => order.status != OrderStatus::Complete,
                };
                !model.is_at_rest(state) || both.all(is_right)
            }),
            Property::always(DECIDED_FIRST, |_, state: &State| {
                let mut both = state.orders.iter().zip(&state.payments);
                both.all(|(order, payment)| {
                    let decided =
                        matches!(order.status, OrderStatus::Capturing | OrderStatus::Complete);
                    payment.charge != Charge::Captured || decided
                })
            }),
            Property::always(DECIDED, |_, state: &State| !state.is_decision_broken),
            Property::always(ENDED, |model: &Self, state: &State| {
                let waits =
                    |order: &Order| order.status.is_live() && order.status != OrderStatus::Complete;
                !model.is_at_rest(state) || !state.orders.iter().any(waits)
            }),
            Property::sometimes("a ticket is sold", |_, state: &State| {
                matches!(state.ticket, TicketStatus::Sold(_))
            }),
            Property::sometimes(
                "the second buyer gets what the first let go",
                |_, state: &State| {
                    let [first, second] = &state.orders;
                    first.status == OrderStatus::Cancelled && second.status == OrderStatus::Complete
                },
            ),
            Property::sometimes("money comes too late and goes back", |_, state: &State| {
                let charges = state.payments.iter().map(|payment| payment.charge);
                charges.into_iter().any(|charge| charge == Charge::Voided)
            }),
        ]
    }
}

/// What a check of a sound model finds: that what should be possible is.
const POSSIBLE: [&str; 3] = [
    "a ticket is sold",
    "money comes too late and goes back",
    "the second buyer gets what the first let go",
];

#[test]
fn a_ticket_is_sold_once_and_money_is_held_for_it_alone() {
    let model = Sale {
        flaw: Flaw::Nothing,
    };
    is_sound(model, &POSSIBLE, 10_000);
}

#[test]
fn each_rule_is_needed() {
    let flawed = [
        (Flaw::NoUniqueOrder, ONE_ORDER),
        (Flaw::NoFencing, SOLD_AT_REST),
        (Flaw::ExpiryWhileCapturing, DECIDED),
        (Flaw::LatePaymentCompletes, ONE_ORDER),
        (Flaw::CaptureAtOnce, DECIDED_FIRST),
        (Flaw::NothingIsReturned, PAID_AT_REST),
    ];
    each_is_needed(flawed.map(|(flaw, rule)| (Sale { flaw }, rule)));
}
