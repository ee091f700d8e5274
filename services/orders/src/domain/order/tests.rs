//! Every state × every step, and what holds after any sequence of steps.

mod cells;
mod sequences;

use std::time::Duration;

use contracts::Timestamp;
use contracts::events::orders::{CancelReason, OrderFact, TicketFate};
use contracts::events::tickets::LockRefusal;
use contracts::ids::PaymentId;
use contracts::money::{Currency, Money};
use uuid::Uuid;

use super::*;
use crate::domain::refusal::Refusal;

const EPOCH: i64 = 40;
const PRICE: Money = Money {
    minor: 1999,
    currency: Currency::USD,
};
const HOLD: Duration = Duration::from_secs(900);
const GRACE: Duration = Duration::from_secs(300);

/// A moment, in seconds after the order was placed.
fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn payment(letter: char) -> PaymentId {
    Uuid::from_u128(u128::from(u32::from(letter))).into()
}

fn claim(letter: char, minor: i64) -> Claim {
    Claim {
        payment_id: payment(letter),
        amount: Money { minor, ..PRICE },
    }
}

fn placed() -> Order {
    let terms = Terms {
        id: Uuid::from_u128(1).into(),
        ticket_id: Uuid::from_u128(2).into(),
        buyer_id: Uuid::from_u128(3).into(),
        seller_id: Uuid::from_u128(4).into(),
        title: "Front row".to_owned(),
        price: PRICE,
        offer_version: 5,
        epoch: EPOCH,
        created_at: at(0),
        hold_until: after(at(0), HOLD),
    };
    Order::place(terms).order
}

/// Everything that can be done to an order or that it can hear of.
#[derive(Debug, Clone, Copy)]
enum Step {
    Locked(i64),
    LockRefused(i64, LockRefusal),
    Cancel,
    Due,
    Started(char),
    Failed(char),
    Authorized(char, i64),
    Captured(char, i64),
    Voided(char),
    AskRefund(Option<i64>, TicketFate),
    Refunded(char, i64),
}

/// What came of a step that changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unchanged {
    Ignored(Ignored),
    Refused(Refusal),
}

impl Step {
    fn take(self, order: Order, now: Timestamp) -> Result<Changed, Unchanged> {
        let heard = match self {
            Self::Locked(epoch) => order.ticket_locked(epoch),
            Self::LockRefused(epoch, reason) => order.lock_refused(epoch, reason),
            Self::Cancel => return order.cancel().map_err(Unchanged::Refused),
            Self::Due => order.timer_due(now),
            Self::Started(p) => order.payment_started(payment(p), now, GRACE),
            Self::Failed(p) => order.payment_failed(payment(p), now),
            Self::Authorized(p, minor) => order.payment_authorized(claim(p, minor)),
            Self::Captured(p, minor) => order.payment_captured(claim(p, minor)),
            Self::Voided(p) => order.payment_voided(payment(p)),
            Self::AskRefund(minor, fate) => {
                return order.ask_refund(minor, fate).map_err(Unchanged::Refused);
            }
            Self::Refunded(p, minor) => order.payment_refunded(payment(p), minor),
        };
        heard.map_err(Unchanged::Ignored)
    }
}

/// Takes steps that must all change the order.
fn through(steps: &[(i64, Step)]) -> Order {
    steps.iter().fold(placed(), |order, (second, step)| {
        step.take(order, at(*second)).unwrap().order
    })
}

#[test]
fn an_order_begins_with_the_hold() {
    let Changed { order, fact } = Order::place(placed().terms);
    assert_eq!(fact, OrderFact::Created);
    assert_eq!((order.expires_at, order.state), (at(900), State::Created));
}

#[test]
fn the_first_payment_keeps_the_order_for_the_grace_at_least() {
    let extended =
        |second| through(&[(1, Step::Locked(EPOCH)), (second, Step::Started('p'))]).expires_at;
    assert_eq!(extended(2), at(900));
    assert_eq!(extended(600), at(900));
    assert_eq!(extended(601), at(901));
    assert_eq!(extended(899), at(1199));
}

#[test]
fn a_failed_payment_takes_its_time_back() {
    let extended = [(1, Step::Locked(EPOCH)), (890, Step::Started('p'))];
    let order = through(&[extended[0], extended[1], (899, Step::Failed('p'))]);
    assert_eq!(order.expires_at, at(900));
    let order = through(&[extended[0], extended[1], (900, Step::Failed('p'))]);
    let expired = State::Cancelled {
        reason: CancelReason::Expired,
        payment_id: None,
    };
    assert_eq!(order.state, expired);
}

#[test]
fn a_payment_in_another_currency_does_not_fit() {
    let order = through(&[(1, Step::Locked(EPOCH))]);
    let amount = Money {
        minor: PRICE.minor,
        currency: "eur".parse().unwrap(),
    };
    let claim = Claim {
        payment_id: payment('p'),
        amount,
    };
    let rejected = OrderFact::PaymentRejected {
        payment_id: payment('p'),
    };
    assert_eq!(
        order.clone().payment_authorized(claim).unwrap().fact,
        rejected
    );
    assert_eq!(order.payment_captured(claim).unwrap().fact, rejected);
}

#[test]
fn parts_given_back_add_up_to_the_whole() {
    let part = Step::AskRefund(Some(999), TicketFate::Withdraw);
    let paid = [(1, Step::Locked(EPOCH)), (2, Step::Captured('p', 1999))];
    let partly = through(&[paid[0], paid[1], (3, part), (4, Step::Refunded('p', 999))]);
    let sale = Sale {
        payment_id: payment('p'),
        refunded_minor: 999,
    };
    assert_eq!(partly.state, State::Complete(sale));
    let rest = Step::AskRefund(None, TicketFate::Relist)
        .take(partly, at(5))
        .unwrap();
    let (payment_id, fate) = (payment('p'), TicketFate::Relist);
    assert_eq!(
        rest.fact,
        OrderFact::RefundRequested {
            payment_id,
            amount_minor: 1000,
            fate
        }
    );
    let again = Step::Refunded('p', 999).take(rest.order.clone(), at(6));
    assert!(again.is_err(), "told before");
    let whole = Step::Refunded('p', 1999).take(rest.order, at(6)).unwrap();
    assert_eq!(
        whole.fact,
        OrderFact::Refunded {
            payment_id,
            amount_minor: 1000,
            fate
        }
    );
    assert_eq!(whole.order.public_state().refunded_minor, 1999);
    assert_eq!(
        whole.order.state,
        State::Refunded(Sale {
            payment_id,
            refunded_minor: 1999
        })
    );
}

#[test]
fn the_public_state_tells_the_payment_that_matters() {
    let locked = (1, Step::Locked(EPOCH));
    let started = (2, Step::Started('p'));
    let shown = |steps: &[(i64, Step)]| through(steps).public_state().payment_id;
    assert_eq!(shown(&[locked]), None);
    assert_eq!(shown(&[locked, started]), Some(payment('p')));
    assert_eq!(shown(&[locked, started, (3, Step::Failed('p'))]), None);
    assert_eq!(shown(&[locked, started, (3, Step::Cancel)]), None);
    let chosen = (3, Step::Authorized('q', 1999));
    assert_eq!(shown(&[locked, started, chosen]), Some(payment('q')));
    assert_eq!(
        shown(&[locked, started, chosen, (4, Step::Failed('q'))]),
        Some(payment('q'))
    );
}
