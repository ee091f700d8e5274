//! One event of every type, with every field that it can have.

use contracts::envelope::{self, Aggregate};
use contracts::events::auth::{Session, SessionFact, SessionState, User, UserFact, UserState};
use contracts::events::expiration::{Timer, TimerFact, TimerState};
use contracts::events::orders::{
    CancelReason, Order, OrderFact, OrderState, OrderStatus, TicketFate,
};
use contracts::events::payments::{Payment, PaymentFact, PaymentState, PaymentStatus};
use contracts::events::tickets::{LockRefusal, Ticket, TicketFact, TicketState, TicketStatus};
use contracts::money::Currency;
use contracts::{Envelope, Timestamp};
use uuid::Uuid;

/// One event, what is in it, and how it is read.
pub struct Sample {
    pub event: Envelope,
    pub content: Content,
    pub decode: fn(&Envelope) -> Option<Content>,
}

/// What is in an event, comparable without its types.
#[derive(Debug, Clone, PartialEq)]
pub struct Content {
    pub fact: Option<String>,
    pub state: String,
}

/// Every type once.
pub fn samples() -> Vec<Sample> {
    let mut all = Vec::new();
    all.extend(of_auth());
    all.extend(of_tickets());
    all.extend(of_orders());
    all.extend(of_payments());
    let timer = TimerState {
        order_id: id(4),
        due_at: at(15),
    };
    all.push(sample::<Timer>(4, &TimerFact::Due, &timer));
    all
}

fn of_auth() -> Vec<Sample> {
    let user = UserState {
        id: id(1),
        email: "ada@example.org".to_owned(),
        language: "en".to_owned(),
        closed: false,
    };
    let closed = UserState {
        closed: true,
        ..user.clone()
    };
    let session = SessionState {
        id: id(2),
        user_id: id(1),
        expires_at: at(20_160),
    };
    vec![
        sample::<User>(1, &UserFact::Registered, &user),
        sample::<User>(1, &UserFact::Changed, &user),
        sample::<User>(1, &UserFact::Closed, &closed),
        sample::<Session>(2, &SessionFact::Revoked, &session),
    ]
}

fn of_tickets() -> Vec<Sample> {
    let (order_id, epoch) = (id(4), 1_800_000_000_000_000);
    let reason = LockRefusal::OfferChanged;
    let of = |fact, status| {
        let state = TicketState {
            id: id(3),
            seller_id: id(1),
            title: "Harbour Jazz Weekend, two-day pass".to_owned(),
            price_minor: 8900,
            currency: Currency::USD,
            status,
            offer_version: 1,
            epoch,
            created_at: at(0),
        };
        sample::<Ticket>(3, &fact, &state)
    };
    vec![
        of(TicketFact::Listed, TicketStatus::Listed),
        of(TicketFact::Updated, TicketStatus::Listed),
        of(TicketFact::Withdrawn, TicketStatus::Withdrawn),
        of(
            TicketFact::Locked { order_id, epoch },
            TicketStatus::Locked { order_id },
        ),
        of(
            TicketFact::LockRefused {
                order_id,
                epoch,
                reason,
            },
            TicketStatus::Listed,
        ),
        of(TicketFact::Released { order_id }, TicketStatus::Listed),
        of(
            TicketFact::Sold { order_id },
            TicketStatus::Sold { order_id },
        ),
    ]
}

fn of_orders() -> Vec<Sample> {
    let (payment_id, amount_minor, fate) = (id(5), 8900, TicketFate::Withdraw);
    let reason = CancelReason::PaymentFailed;
    vec![
        order(OrderFact::Created, OrderStatus::Created),
        order(OrderFact::AwaitingPayment, OrderStatus::AwaitingPayment),
        order(OrderFact::Extended, OrderStatus::AwaitingPayment),
        order(OrderFact::Capturing { payment_id }, OrderStatus::Capturing),
        order(OrderFact::Completed { payment_id }, OrderStatus::Complete),
        order(OrderFact::Cancelled { reason }, OrderStatus::Cancelled),
        order(
            OrderFact::PaymentRejected { payment_id },
            OrderStatus::Cancelled,
        ),
        order(
            OrderFact::RefundRequested {
                payment_id,
                amount_minor,
                fate,
            },
            OrderStatus::Refunding,
        ),
        order(
            OrderFact::Refunded {
                payment_id,
                amount_minor,
                fate,
            },
            OrderStatus::Refunded,
        ),
    ]
}

fn order(fact: OrderFact, status: OrderStatus) -> Sample {
    let state = OrderState {
        id: id(4),
        ticket_id: id(3),
        buyer_id: id(6),
        seller_id: id(1),
        title: "Harbour Jazz Weekend, two-day pass".to_owned(),
        price_minor: 8900,
        currency: Currency::USD,
        offer_version: 1,
        epoch: 1_800_000_000_000_000,
        status,
        created_at: at(0),
        expires_at: at(15),
        payment_id: (status != OrderStatus::Created).then(|| id(5)),
        cancel_reason: match &fact {
            OrderFact::Cancelled { reason } => Some(*reason),
            _ => None,
        },
        refunded_minor: if status == OrderStatus::Refunded {
            8900
        } else {
            0
        },
    };
    sample::<Order>(4, &fact, &state)
}

fn of_payments() -> Vec<Sample> {
    let code = "card_declined".to_owned();
    vec![
        payment(PaymentFact::Started, PaymentStatus::Started),
        payment(PaymentFact::Authorized, PaymentStatus::Authorized),
        payment(PaymentFact::Captured, PaymentStatus::Captured),
        payment(PaymentFact::Failed { code }, PaymentStatus::Failed),
        payment(PaymentFact::Voided, PaymentStatus::Voided),
        payment(
            PaymentFact::Refunded { amount_minor: 8900 },
            PaymentStatus::Refunded,
        ),
    ]
}

fn payment(fact: PaymentFact, status: PaymentStatus) -> Sample {
    let state = PaymentState {
        id: id(5),
        order_id: id(4),
        buyer_id: id(6),
        amount_minor: 8900,
        currency: Currency::USD,
        status,
        refunded_minor: if status == PaymentStatus::Refunded {
            8900
        } else {
            0
        },
        failure_code: match &fact {
            PaymentFact::Failed { code } => Some(code.clone()),
            _ => None,
        },
        created_at: at(0),
    };
    sample::<Payment>(5, &fact, &state)
}

fn sample<A: Aggregate>(number: u128, fact: &A::Fact, state: &A::State) -> Sample {
    let subject = id::<Uuid>(number).to_string();
    let (kind, data) = envelope::encode::<A>(fact, state).unwrap();
    let incarnation = 1_800_000_000_000_000;
    let event = Envelope {
        specversion: "1.0".to_owned(),
        id: format!("{}/{subject}/{incarnation}/2", A::NAME),
        source: format!("/{}/{}/{subject}", A::OWNER, A::NAME),
        kind,
        subject,
        time: at(1),
        datacontenttype: "application/json".to_owned(),
        aggregate: A::NAME.to_owned(),
        aggregateversion: 2,
        incarnation,
        causationid: Some("0192f0c0-0000-7000-8000-00000000000a".to_owned()),
        correlationid: Some("0192f0c0-0000-7000-8000-00000000000b".to_owned()),
        traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned()),
        data,
    };
    let content = Content {
        fact: Some(format!("{fact:?}")),
        state: format!("{state:?}"),
    };
    Sample {
        event,
        content,
        decode: decode::<A>,
    }
}

fn decode<A: Aggregate>(event: &Envelope) -> Option<Content> {
    let state = envelope::decode_state::<A>(event).ok()?;
    let fact = envelope::decode_fact::<A>(event);
    Some(Content {
        fact: fact.map(|fact| format!("{fact:?}")),
        state: format!("{state:?}"),
    })
}

/// A fixed id.
fn id<T: From<Uuid>>(number: u128) -> T {
    T::from(Uuid::from_u128(
        0x0192_f0c0_0000_7000_8000_0000_0000_0000 + number,
    ))
}

/// A fixed time, so many minutes after the first.
fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + 60 * minute).unwrap()
}
