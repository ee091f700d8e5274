//! Random sequences: whatever comes in whatever order, the promises hold.

use proptest::prelude::*;

use super::*;

fn letter() -> impl Strategy<Value = char> {
    prop::sample::select(vec!['p', 'q', 'r'])
}

/// Mostly the price, else nearly.
fn minor() -> impl Strategy<Value = i64> {
    prop::sample::select(vec![1999, 1999, 1999, 1998])
}

fn step() -> impl Strategy<Value = Step> {
    let epoch = prop::sample::select(vec![EPOCH, EPOCH, EPOCH + 1]);
    let fate = prop::sample::select(vec![TicketFate::Relist, TicketFate::Withdraw]);
    prop_oneof![
        3 => epoch.clone().prop_map(Step::Locked),
        1 => epoch.prop_map(|epoch| Step::LockRefused(epoch, LockRefusal::Sold)),
        1 => Just(Step::Cancel),
        2 => Just(Step::Due),
        2 => letter().prop_map(Step::Started),
        2 => letter().prop_map(Step::Failed),
        3 => (letter(), minor()).prop_map(|(p, minor)| Step::Authorized(p, minor)),
        3 => (letter(), minor()).prop_map(|(p, minor)| Step::Captured(p, minor)),
        1 => letter().prop_map(Step::Voided),
        2 => (prop::option::of(1..2100_i64), fate)
            .prop_map(|(minor, fate)| Step::AskRefund(minor, fate)),
        2 => (letter(), 1..2100_i64).prop_map(|(p, minor)| Step::Refunded(p, minor)),
    ]
}

/// What one step may do, whichever it is.
fn promises(before: &Order, step: Step, after_it: &Result<Changed, Unchanged>) {
    let Ok(Changed { order, fact }) = after_it else {
        if let Step::Authorized(p, _) | Step::Captured(p, _) = step {
            assert_eq!(
                before.chosen(),
                Some(payment(p)),
                "money for which there is no answer"
            );
        }
        return;
    };
    assert_eq!(order.terms, before.terms);
    assert!(
        order.expires_at >= order.terms.hold_until,
        "nobody is cut short"
    );
    assert!(
        before.status().is_live() || !order.status().is_live(),
        "the dead stay dead"
    );
    if let Some(chosen) = before.chosen()
        && order.status().is_live()
    {
        assert_eq!(order.chosen(), Some(chosen), "the choice is made once");
    }
    match fact {
        OrderFact::PaymentRejected { payment_id } => {
            assert_eq!(order, before);
            assert_ne!(
                before.chosen(),
                Some(*payment_id),
                "the chosen one is not rejected"
            );
        }
        OrderFact::Capturing { payment_id } => {
            assert!(matches!(step, Step::Authorized(p, 1999) if payment(p) == *payment_id));
            assert_eq!(before.chosen(), None);
        }
        OrderFact::Completed { payment_id } => {
            assert!(matches!(step, Step::Captured(p, _) if payment(p) == *payment_id));
            assert!(before.chosen().is_none_or(|chosen| chosen == *payment_id));
        }
        OrderFact::Extended => assert!(matches!(step, Step::Started(_) | Step::Failed(_))),
        _ => assert_ne!(order.state, before.state),
    }
}

proptest! {
    #[test]
    fn no_sequence_breaks_a_promise(
        steps in prop::collection::vec((0..200_i64, step()), 1..60),
    ) {
        let mut order = placed();
        let mut events = vec![(OrderFact::Created, order.public_state())];
        let mut second = 0;
        let mut extensions = 0;
        for (wait, step) in steps {
            second += wait;
            let taken = step.take(order.clone(), at(second));
            promises(&order, step, &taken);
            if let Ok(changed) = taken {
                if changed.order.expires_at > order.expires_at {
                    extensions += 1;
                }
                order = changed.order;
                events.push((changed.fact, order.public_state()));
            }
        }
        prop_assert!(extensions <= 1, "extra time is given once");
        prop_assert_eq!(&events.last().unwrap().1, &order.public_state());
        let completions =
            events.iter().filter(|(fact, _)| matches!(fact, OrderFact::Completed { .. })).count();
        prop_assert!(completions <= 1, "paid at most once");
        let ends = events
            .windows(2)
            .filter(|pair| pair[0].1.status.is_live() && !pair[1].1.status.is_live())
            .count();
        prop_assert_eq!(ends == 1, !order.status().is_live());
    }
}
