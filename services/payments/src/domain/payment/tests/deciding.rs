//! What orders decides, and what is then to be asked of the provider.

use super::*;

#[test]
fn every_state_hears_what_orders_decides() {
    for state in states() {
        let live = payment(state.clone(), Decision::Open).status().is_live();
        for decision in DECISIONS {
            let before = payment(state.clone(), decision);
            let case = format!("{state:?} × {decision:?}");
            match before.clone().choose() {
                Ok(chosen) => {
                    assert!(live && decision != Decision::Undo, "{case}");
                    assert_eq!(
                        chosen,
                        Payment {
                            decision: Decision::Take,
                            ..before.clone()
                        }
                    );
                }
                Err(refusal) => {
                    assert!(!live || decision == Decision::Undo, "{case}");
                    assert_eq!(refusal, Refusal::Ended);
                }
            }
            let undone = Payment {
                decision: Decision::Undo,
                ..before.clone()
            };
            let rejected = if live { undone.clone() } else { before.clone() };
            assert_eq!(before.clone().reject(), rejected, "{case}");
            let is_started = matches!(state, State::Started { .. });
            let cancelled = if is_started { undone } else { before.clone() };
            assert_eq!(before.order_closed(), cancelled, "{case}");
        }
    }
}

#[test]
fn only_taken_money_is_given_back_and_no_more_than_there_is() {
    for state in states() {
        for decision in DECISIONS {
            let outcome = payment(state.clone(), decision).request_refund("a", 1);
            let refundable = match state {
                State::Captured { .. } => decision != Decision::Undo,
                // Chosen, and its capture was lost with an older backup.
                State::Started { .. } | State::Authorized { .. } => decision == Decision::Take,
                _ => false,
            };
            assert_eq!(outcome.is_ok(), refundable, "{state:?} × {decision:?}");
        }
    }
    let half = payment(captured(), Decision::Take)
        .request_refund("a", 1000)
        .unwrap();
    for wrong in [0, -1, 1001, i64::MAX, i64::MIN] {
        let refused = half.clone().request_refund("b", wrong);
        assert_eq!(refused, Err(Refusal::AmountOutOfRange), "{wrong}");
    }
    let mut shown = half.clone();
    shown.refunds[0].done = true;
    let again = shown.clone().request_refund("a", 1000);
    assert_eq!(again, Ok(shown), "the provider has shown it before");
    assert!(half.request_refund("b", 1000).is_ok());
}

#[test]
fn the_next_act_follows_from_state_and_decision() {
    let void = || {
        Some(Act::Void {
            reference: reference(),
        })
    };
    let undo = Some(Act::Refund {
        reference: reference(),
        key: format!("{}:undo", uuid::Uuid::from_u128(9)),
        amount_minor: AMOUNT,
    });
    let capture = Some(Act::Capture {
        reference: reference(),
    });
    let authorize = || Some(Act::Authorize);
    let table = [
        (started(), [authorize(), authorize(), authorize()]),
        (confirming(), [Some(Act::Watch), Some(Act::Watch), void()]),
        (authorized(), [None, capture, void()]),
        (captured(), [None, None, undo]),
        (failed_by("x"), [None, None, None]),
        (State::Voided, [None, None, None]),
        (State::Refunded, [None, None, None]),
    ];
    for (state, acts) in table {
        for (decision, act) in DECISIONS.into_iter().zip(acts) {
            assert_eq!(
                payment(state.clone(), decision).next_act(),
                act,
                "{state:?} {decision:?}"
            );
        }
    }
}

#[test]
fn refunds_are_asked_for_one_after_the_other() {
    let payment = payment(captured(), Decision::Take)
        .request_refund("a", 500)
        .and_then(|payment| payment.request_refund("b", 700))
        .unwrap();
    let refund = |key: &str, amount_minor| {
        Some(Act::Refund {
            reference: reference(),
            key: key.to_owned(),
            amount_minor,
        })
    };
    assert_eq!(payment.next_act(), refund("a", 500));
    let (payment, _) = payment
        .learn(&charge(Standing::Captured, &[("a", 500)]))
        .unwrap();
    assert_eq!(payment.next_act(), refund("b", 700));
    let shown = charge(Standing::Captured, &[("a", 500), ("b", 700)]);
    let (payment, _) = payment.learn(&shown).unwrap();
    assert_eq!((payment.next_act(), payment.refunded_minor()), (None, 1200));
    assert_eq!(
        payment.reject().next_act(),
        refund(&format!("{}:undo", uuid::Uuid::from_u128(9)), 800)
    );
}

#[test]
fn what_is_not_there_any_more_is_not_asked_for_again() {
    let asked = payment(captured(), Decision::Take)
        .request_refund("a", 1200)
        .and_then(|payment| payment.request_refund("b", 300))
        .and_then(|payment| payment.request_refund("c", 500))
        .unwrap();
    let keys = |payment: &Payment| {
        let keys = payment.refunds.iter().map(|refund| refund.key.clone());
        keys.collect::<Vec<_>>()
    };
    let shown = charge(Standing::Captured, &[("by hand", 500)]);
    let (after, happened) = asked.clone().learn(&shown).unwrap();
    assert_eq!(
        facts(&happened),
        [PaymentFact::Refunded { amount_minor: 500 }]
    );
    assert_eq!(keys(&after), ["a", "b", "by hand"], "1500 were left");
    let shown = charge(Standing::Captured, &[("by hand", 1900)]);
    let (after, _) = asked.learn(&shown).unwrap();
    assert_eq!(
        (keys(&after), after.next_act()),
        (vec!["by hand".to_owned()], None)
    );
}

#[test]
fn money_that_nobody_asked_back_is_told_from_other_money() {
    let asked = payment(captured(), Decision::Take)
        .request_refund("a", 500)
        .unwrap();
    let shown = |refunds: &[(&str, i64)]| charge(Standing::Captured, refunds);
    assert!(!asked.shows_unasked_return(&shown(&[])));
    assert!(!asked.shows_unasked_return(&shown(&[("a", 500)])));
    assert!(asked.shows_unasked_return(&shown(&[("a", 500), ("b", 1)])));
    let (known, _) = asked.learn(&shown(&[("b", 1)])).unwrap();
    assert!(!known.shows_unasked_return(&shown(&[("b", 1)])));
    let undo = format!("{}:undo", uuid::Uuid::from_u128(9));
    let undone = shown(&[(undo.as_str(), AMOUNT)]);
    assert!(!payment(captured(), Decision::Undo).shows_unasked_return(&undone));
    assert!(payment(captured(), Decision::Take).shows_unasked_return(&undone));
}

#[test]
fn each_act_has_a_key_of_its_own() {
    let payment = payment(captured(), Decision::Take);
    let reference = reference();
    let capture = payment.key_of(&Act::Capture {
        reference: reference.clone(),
    });
    let void = payment.key_of(&Act::Void { reference });
    assert_ne!(capture, void);
    assert_ne!(capture, payment.provider_key());
    assert_eq!(payment.key_of(&Act::Watch), payment.provider_key());
}
