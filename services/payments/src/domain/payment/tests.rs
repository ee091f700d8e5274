//! Every state × everything that can be said about a payment.

use contracts::Timestamp;
use contracts::events::orders::OrderStatus;
use contracts::events::payments::PaymentFact;
use contracts::money::{Currency, Money};
use uuid::Uuid;

use super::*;

mod deciding;

const AMOUNT: i64 = 2000;

fn usd(minor: i64) -> Money {
    Money {
        minor,
        currency: Currency::USD,
    }
}

fn order() -> Order {
    Order {
        id: Uuid::from_u128(1).into(),
        buyer_id: Uuid::from_u128(2).into(),
        seller_id: Uuid::from_u128(3).into(),
        amount: usd(AMOUNT),
        expires_at: Timestamp::from_second(100).unwrap(),
        status: OrderStatus::AwaitingPayment,
        cancel_reason: None,
        payment_id: None,
    }
}

fn payment(state: State, decision: Decision) -> Payment {
    let now = Timestamp::from_second(1).unwrap();
    let (payment, _) = Payment::start(Uuid::from_u128(9).into(), &order(), now).unwrap();
    Payment {
        state,
        decision,
        ..payment
    }
}

fn reference() -> String {
    "ch_1".to_owned()
}

fn started() -> State {
    State::Started { action: None }
}

fn confirming() -> State {
    State::Started {
        action: Some(Action {
            reference: reference(),
            url: "/act".to_owned(),
        }),
    }
}

fn authorized() -> State {
    State::Authorized {
        reference: reference(),
    }
}

fn captured() -> State {
    State::Captured {
        reference: reference(),
    }
}

fn failed_by(code: &str) -> State {
    State::Failed {
        code: code.to_owned(),
    }
}

fn states() -> [State; 7] {
    let failed = failed_by("card_declined");
    [
        started(),
        confirming(),
        authorized(),
        captured(),
        failed,
        State::Voided,
        State::Refunded,
    ]
}

const DECISIONS: [Decision; 3] = [Decision::Open, Decision::Take, Decision::Undo];

fn charge(standing: Standing, refunds: &[(&str, i64)]) -> Charge {
    let returned = |(key, amount_minor): &(&str, i64)| Returned {
        key: (*key).to_owned(),
        amount_minor: *amount_minor,
    };
    Charge {
        key: "k".to_owned(),
        reference: reference(),
        amount: usd(AMOUNT),
        standing,
        refunds: refunds.iter().map(returned).collect(),
        created_at: Timestamp::from_second(1).unwrap(),
    }
}

fn facts(happened: &[Happened]) -> Vec<PaymentFact> {
    happened
        .iter()
        .map(|happened| happened.fact.clone())
        .collect()
}

#[test]
fn a_payment_starts_for_a_payable_order_alone() {
    let now = Timestamp::from_second(1).unwrap();
    let id = Uuid::from_u128(9).into();
    let (payment, happened) = Payment::start(id, &order(), now).unwrap();
    assert_eq!(happened.fact, PaymentFact::Started);
    assert_eq!(happened.state, payment.public());
    assert_eq!(
        (payment.status(), payment.amount),
        (PaymentStatus::Started, usd(AMOUNT))
    );
    assert_eq!(payment.next_act(), Some(Act::Authorize));
    let late = Timestamp::from_second(100).unwrap();
    assert_eq!(
        Payment::start(id, &order(), late),
        Err(Refusal::OrderExpired)
    );
}

/// What a state becomes when the provider shows this, and what is said; `None`: nothing.
fn expected(state: &State, shown: &Standing, decision: Decision) -> Option<(State, PaymentFact)> {
    let failed = |code: &str| {
        Some((
            failed_by(code),
            PaymentFact::Failed {
                code: code.to_owned(),
            },
        ))
    };
    match (state, shown) {
        (State::Started { .. }, Standing::Authorized) => {
            Some((authorized(), PaymentFact::Authorized))
        }
        (State::Started { .. } | State::Authorized { .. }, shown) => match shown {
            Standing::Captured => Some((captured(), PaymentFact::Captured)),
            Standing::Declined { code } => failed(code),
            Standing::Voided if decision == Decision::Undo => {
                Some((State::Voided, PaymentFact::Voided))
            }
            Standing::Voided => failed("authorization_lapsed"),
            Standing::Authorized | Standing::ActionRequired { .. } => None,
        },
        _ => None,
    }
}

#[test]
fn every_state_learns_what_the_provider_shows_and_never_goes_back() {
    let shown = [
        Standing::ActionRequired {
            url: "/act".to_owned(),
        },
        Standing::Authorized,
        Standing::Captured,
        Standing::Declined {
            code: "card_declined".to_owned(),
        },
        Standing::Voided,
    ];
    for state in states() {
        for standing in &shown {
            for decision in DECISIONS {
                let case = format!("{state:?} × {standing:?} × {decision:?}");
                let before = payment(state.clone(), decision);
                let (after, happened) = before.learn(&charge(standing.clone(), &[])).unwrap();
                assert_eq!(after.decision, decision, "{case}");
                let Some((state, fact)) = expected(&state, standing, decision) else {
                    let is_action = matches!(standing, Standing::ActionRequired { .. });
                    let notes = state == started() && is_action;
                    let same = if notes { confirming() } else { state.clone() };
                    assert_eq!(after.state, same, "{case}");
                    assert!(happened.is_empty(), "{case}");
                    continue;
                };
                assert_eq!(after.state, state, "{case}");
                assert_eq!(facts(&happened), [fact], "{case}");
                assert_eq!(happened[0].state, after.public(), "{case}");
                let (again, silent) = after.clone().learn(&charge(standing.clone(), &[])).unwrap();
                assert_eq!((again, silent.len()), (after, 0), "{case}, again");
            }
        }
    }
}

#[test]
fn refunds_are_learned_one_by_one_and_once() {
    let payment = payment(captured(), Decision::Take)
        .request_refund("a", 500)
        .unwrap();
    let (payment, happened) = payment
        .learn(&charge(Standing::Captured, &[("a", 500)]))
        .unwrap();
    assert_eq!(
        facts(&happened),
        [PaymentFact::Refunded { amount_minor: 500 }]
    );
    assert_eq!(
        (payment.status(), payment.refunded_minor()),
        (PaymentStatus::Captured, 500)
    );
    let (payment, happened) = payment
        .learn(&charge(Standing::Captured, &[("a", 500), ("b", 1500)]))
        .unwrap();
    assert_eq!(
        facts(&happened),
        [PaymentFact::Refunded { amount_minor: 1500 }]
    );
    assert_eq!(
        (payment.status(), payment.refunded_minor()),
        (PaymentStatus::Refunded, AMOUNT)
    );
    let (_, happened) = payment
        .learn(&charge(Standing::Captured, &[("a", 500), ("b", 1500)]))
        .unwrap();
    assert!(happened.is_empty());
}

#[test]
fn a_payment_that_was_asleep_catches_up_with_the_provider() {
    let shown = charge(Standing::Captured, &[("a", 500), ("b", 1500)]);
    let (payment, happened) = payment(started(), Decision::Open).learn(&shown).unwrap();
    let refunded = |amount_minor| PaymentFact::Refunded { amount_minor };
    assert_eq!(
        facts(&happened),
        [PaymentFact::Captured, refunded(500), refunded(1500)]
    );
    let totals: Vec<i64> = happened
        .iter()
        .map(|step| step.state.refunded_minor)
        .collect();
    assert_eq!(totals, [0, 500, 2000]);
    assert_eq!(payment.state, State::Refunded);
}

#[test]
fn another_amount_is_not_believed() {
    let mut shown = charge(Standing::Authorized, &[]);
    shown.amount = usd(AMOUNT + 1);
    assert_eq!(
        payment(started(), Decision::Open).learn(&shown),
        Err(Refusal::OtherAmount)
    );
}

#[test]
fn a_request_that_the_provider_refuses_fails_what_is_under_way() {
    for state in states() {
        let under_way = matches!(state, State::Started { .. } | State::Authorized { .. });
        match payment(state.clone(), Decision::Open).fail("invalid_token") {
            Ok((payment, happened)) => {
                assert!(under_way, "{state:?}");
                assert_eq!(payment.failure_code(), Some("invalid_token"));
                assert_eq!(happened.state, payment.public());
            }
            Err(refusal) => {
                assert!(!under_way, "{state:?}");
                assert_eq!(refusal, Refusal::Ended);
            }
        }
    }
}

#[test]
fn only_a_payment_of_which_nothing_was_seen_is_given_up() {
    for state in states() {
        for decision in DECISIONS {
            let outcome = payment(state.clone(), decision).give_up();
            if state != started() {
                assert_eq!(outcome, Err(Refusal::Ended), "{state:?}");
                continue;
            }
            let (given_up, _) = outcome.unwrap();
            let undone = decision == Decision::Undo;
            let state = if undone {
                State::Voided
            } else {
                failed_by("provider_unavailable")
            };
            assert_eq!(given_up.state, state);
        }
    }
}
