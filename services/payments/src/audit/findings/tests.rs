//! Each thing that must not be is found, and nothing else.

use contracts::Timestamp;
use contracts::money::{Currency, Money};
use uuid::Uuid;

use super::*;
use crate::domain::charge::Returned;
use crate::domain::order::Order;
use crate::domain::payment::{Decision, Payment, Refund, State};

fn order(status: OrderStatus) -> Order {
    Order {
        id: Uuid::from_u128(1).into(),
        buyer_id: Uuid::from_u128(2).into(),
        seller_id: Uuid::from_u128(3).into(),
        amount: Money {
            minor: 2000,
            currency: Currency::USD,
        },
        expires_at: Timestamp::MAX,
        status,
        cancel_reason: None,
        payment_id: Some(Uuid::from_u128(9).into()),
    }
}

fn audited(state: State, status: OrderStatus) -> Audited {
    let payable = order(OrderStatus::AwaitingPayment);
    let (payment, _) =
        Payment::start(Uuid::from_u128(9).into(), &payable, Timestamp::UNIX_EPOCH).unwrap();
    let payment = Payment {
        state,
        decision: Decision::Open,
        ..payment
    };
    Audited {
        payment,
        version: 1,
        order: Some(order(status)),
    }
}

fn charge(audited: &Audited, standing: Standing, returned: i64) -> Charge {
    let refund = Returned {
        key: "r".to_owned(),
        amount_minor: returned,
    };
    Charge {
        key: audited.payment.provider_key(),
        reference: "ch_1".to_owned(),
        amount: audited.payment.amount,
        standing,
        refunds: if returned == 0 { vec![] } else { vec![refund] },
        created_at: Timestamp::UNIX_EPOCH,
    }
}

fn captured() -> State {
    State::Captured {
        reference: "ch_1".to_owned(),
    }
}

fn authorized() -> State {
    State::Authorized {
        reference: "ch_1".to_owned(),
    }
}

fn rules(audited: &Audited, charges: &[Charge]) -> Vec<(&'static str, bool)> {
    let found = findings(std::slice::from_ref(audited), charges);
    found
        .iter()
        .map(|finding| (finding.rule, finding.pending))
        .collect()
}

#[test]
fn what_is_in_order_is_not_found() {
    let declined = Standing::Declined {
        code: "x".to_owned(),
    };
    let failed = State::Failed {
        code: "x".to_owned(),
    };
    let cases = [
        (
            captured(),
            OrderStatus::Complete,
            Some((Standing::Captured, 0)),
        ),
        (
            authorized(),
            OrderStatus::AwaitingPayment,
            Some((Standing::Authorized, 0)),
        ),
        (failed.clone(), OrderStatus::Cancelled, Some((declined, 0))),
        (failed, OrderStatus::Cancelled, None),
        (
            State::Voided,
            OrderStatus::Cancelled,
            Some((Standing::Voided, 0)),
        ),
        (
            State::Started { action: None },
            OrderStatus::AwaitingPayment,
            None,
        ),
    ];
    for (state, status, shown) in cases {
        let audited = audited(state, status);
        let charges: Vec<Charge> = shown
            .into_iter()
            .map(|(standing, returned)| charge(&audited, standing, returned))
            .collect();
        assert_eq!(rules(&audited, &charges), [], "{audited:?}");
    }
}

#[test]
fn a_refund_counts_on_both_sides() {
    let mut audited = audited(captured(), OrderStatus::Complete);
    let shown = charge(&audited, Standing::Captured, 500);
    assert_eq!(
        rules(&audited, std::slice::from_ref(&shown)),
        [("M1", false)]
    );
    let key = "r".to_owned();
    audited.payment.refunds.push(Refund {
        key,
        amount_minor: 500,
        done: true,
    });
    assert_eq!(rules(&audited, &[shown]), []);
}

#[test]
fn money_for_an_order_that_is_not_complete_is_found() {
    let dead = audited(captured(), OrderStatus::Cancelled);
    assert_eq!(
        rules(&dead, &[charge(&dead, Standing::Captured, 0)]),
        [("M1", false)]
    );
    let capturing = audited(captured(), OrderStatus::Capturing);
    assert_eq!(
        rules(&capturing, &[charge(&capturing, Standing::Captured, 0)]),
        [("M1", true)]
    );
}

#[test]
fn a_complete_order_without_money_is_found() {
    let lost = audited(captured(), OrderStatus::Complete);
    assert_eq!(rules(&lost, &[]), [("M1", false), ("M1", false)]);
}

#[test]
fn money_of_a_payment_that_was_not_chosen_is_found() {
    let mut other = audited(captured(), OrderStatus::Complete);
    other.order.as_mut().unwrap().payment_id = Some(Uuid::from_u128(8).into());
    assert_eq!(
        rules(&other, &[charge(&other, Standing::Captured, 0)]),
        [("M2", false)]
    );
}

#[test]
fn an_authorisation_for_a_dead_order_is_found() {
    let dead = audited(authorized(), OrderStatus::Cancelled);
    assert_eq!(
        rules(&dead, &[charge(&dead, Standing::Authorized, 0)]),
        [("M3", true)]
    );
    let voided = audited(State::Voided, OrderStatus::Cancelled);
    let shown = charge(&voided, Standing::Authorized, 0);
    assert_eq!(rules(&voided, &[shown]), [("M3", false), ("M1", false)]);
}

#[test]
fn another_amount_than_the_orders_is_found() {
    let mut wrong = audited(authorized(), OrderStatus::AwaitingPayment);
    wrong.order.as_mut().unwrap().amount.minor = 1;
    assert_eq!(
        rules(&wrong, &[charge(&wrong, Standing::Authorized, 0)]),
        [("M4", false)]
    );
}

#[test]
fn what_the_provider_holds_for_nobody_is_found() {
    let fine = audited(captured(), OrderStatus::Complete);
    let mut stranger = charge(&fine, Standing::Authorized, 0);
    stranger.key = "stranger".to_owned();
    let charges = [charge(&fine, Standing::Captured, 0), stranger];
    assert_eq!(rules(&fine, &charges), [("M3", true)]);
}
