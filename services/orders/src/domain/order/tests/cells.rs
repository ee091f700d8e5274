//! The table: each line a step, each column a state, each cell what comes of it.

use super::*;

/// `word`: the event that is said (`x_`: order.cancelled, `rejects_`: order.payment_rejected),
/// `.word`: ignored, `!word`: refused; each with its reason. `p` is the first payment, chosen where
/// one is; `q` another. `@`: seconds after the order was placed; it is held for 900, extended to 1100.
const TABLE: &str = "
                    created    awaiting   extended   shortened  capturing  complete   partly     refunding  refunded   cancelled  declined
locked              awaiting   .lock      .lock      .lock      .lock      .lock      .lock      .lock      .lock      .lock      .lock
locked_other_epoch  .epoch     .epoch     .epoch     .epoch     .epoch     .epoch     .epoch     .epoch     .epoch     .epoch     .epoch
refused_withdrawn   x_withdr   .lock      .lock      .lock      .lock      .lock      .lock      .lock      .lock      .lock      .lock
refused_sold        x_sold     .lock      .lock      .lock      .lock      .lock      .lock      .lock      .lock      .lock      .lock
refused_changed     x_changed  .lock      .lock      .lock      .lock      .lock      .lock      .lock      .lock      .lock      .lock
refused_other_epoch .epoch     .epoch     .epoch     .epoch     .epoch     .epoch     .epoch     .epoch     .epoch     .epoch     .epoch
buyer_cancels       x_buyer    x_buyer    x_buyer    x_buyer    !paying    !paid      !paid      !paid      !paid      !cancelled !cancelled
due@899             .early     .early     .early     .early     .over      .over      .over      .over      .over      .over      .over
due@900             x_expired  x_expired  .early     x_expired  .over      .over      .over      .over      .over      .over      .over
due@1099            x_expired  x_expired  .early     x_expired  .over      .over      .over      .over      .over      .over      .over
due@1100            x_expired  x_expired  x_expired  x_expired  .over      .over      .over      .over      .over      .over      .over
started_p@899       .over      extended   .second    .second    .over      .over      .over      .over      .over      .over      .over
started_p@900       .over      .late      .second    .second    .over      .over      .over      .over      .over      .over      .over
started_q@899       .over      extended   .second    .second    .over      .over      .over      .over      .over      .over      .over
started_q@1099      .over      .late      .second    .second    .over      .over      .over      .over      .over      .over      .over
failed_p@899        .other     .other     shortened  .other     x_failed   .other     .other     .other     .other     .other     .other
failed_p@900        .other     .other     x_expired  .other     x_failed   .other     .other     .other     .other     .other     .other
failed_q@899        .other     .other     .other     .other     .other     .other     .other     .other     .other     .other     .other
authorized_p        rejects_p  capture_p  capture_p  capture_p  .chosen    .chosen    .chosen    .chosen    .chosen    rejects_p  rejects_p
authorized_p@2000   rejects_p  capture_p  capture_p  capture_p  .chosen    .chosen    .chosen    .chosen    .chosen    rejects_p  rejects_p
authorized_p_less   rejects_p  rejects_p  rejects_p  rejects_p  .chosen    .chosen    .chosen    .chosen    .chosen    rejects_p  rejects_p
authorized_p_more   rejects_p  rejects_p  rejects_p  rejects_p  .chosen    .chosen    .chosen    .chosen    .chosen    rejects_p  rejects_p
authorized_q        rejects_q  capture_q  capture_q  capture_q  rejects_q  rejects_q  rejects_q  rejects_q  rejects_q  rejects_q  rejects_q
captured_p          rejects_p  complete_p complete_p complete_p complete_p .chosen    .chosen    .chosen    .chosen    rejects_p  rejects_p
captured_p@2000     rejects_p  complete_p complete_p complete_p complete_p .chosen    .chosen    .chosen    .chosen    rejects_p  rejects_p
captured_p_less     rejects_p  rejects_p  rejects_p  rejects_p  complete_p .chosen    .chosen    .chosen    .chosen    rejects_p  rejects_p
captured_q          rejects_q  complete_q complete_q complete_q rejects_q  rejects_q  rejects_q  rejects_q  rejects_q  rejects_q  rejects_q
voided_p            .other     .other     .other     .other     x_failed   .other     .other     .other     .other     .other     .other
voided_q            .other     .other     .other     .other     .other     .other     .other     .other     .other     .other     .other
ask_all             !unpaid    !unpaid    !unpaid    !unpaid    !unpaid    asks_1999  asks_1000  !refunding !refunded  !unpaid    !unpaid
ask_1000            !unpaid    !unpaid    !unpaid    !unpaid    !unpaid    asks_1000  asks_1000  !refunding !refunded  !unpaid    !unpaid
ask_1001            !unpaid    !unpaid    !unpaid    !unpaid    !unpaid    asks_1001  !too_large !refunding !refunded  !unpaid    !unpaid
ask_1999            !unpaid    !unpaid    !unpaid    !unpaid    !unpaid    asks_1999  !too_large !refunding !refunded  !unpaid    !unpaid
ask_2000            !unpaid    !unpaid    !unpaid    !unpaid    !unpaid    !too_large !too_large !refunding !refunded  !unpaid    !unpaid
ask_0               !unpaid    !unpaid    !unpaid    !unpaid    !unpaid    !positive  !positive  !refunding !refunded  !unpaid    !unpaid
ask_-1              !unpaid    !unpaid    !unpaid    !unpaid    !unpaid    !positive  !positive  !refunding !refunded  !unpaid    !unpaid
refunded_p_999      .unasked   .unasked   .unasked   .unasked   .unasked   partly     .before    partly     .unasked   .unasked   .unasked
refunded_p_1998     .unasked   .unasked   .unasked   .unasked   .unasked   partly     partly     partly     .unasked   .unasked   .unasked
refunded_p_1999     .unasked   .unasked   .unasked   .unasked   .unasked   refunded   refunded   refunded   .unasked   .unasked   .unasked
refunded_q_1999     .unasked   .unasked   .unasked   .unasked   .unasked   .other     .other     .other     .unasked   .unasked   .unasked
";

const P: char = 'p';
const Q: char = 'q';

fn columns() -> Vec<(&'static str, Order)> {
    let locked = (1, Step::Locked(EPOCH));
    let started = (800, Step::Started(P));
    let chosen = (810, Step::Authorized(P, 1999));
    let captured = (811, Step::Captured(P, 1999));
    let part = (820, Step::AskRefund(Some(999), TicketFate::Relist));
    let whole = (820, Step::AskRefund(None, TicketFate::Relist));
    vec![
        ("created", placed()),
        ("awaiting", through(&[locked])),
        ("extended", through(&[locked, started])),
        (
            "shortened",
            through(&[locked, started, (805, Step::Failed(P))]),
        ),
        ("capturing", through(&[locked, started, chosen])),
        ("complete", through(&[locked, started, chosen, captured])),
        (
            "partly",
            through(&[
                locked,
                chosen,
                captured,
                part,
                (821, Step::Refunded(P, 999)),
            ]),
        ),
        ("refunding", through(&[locked, chosen, captured, whole])),
        (
            "refunded",
            through(&[
                locked,
                chosen,
                captured,
                whole,
                (821, Step::Refunded(P, 1999)),
            ]),
        ),
        (
            "cancelled",
            through(&[locked, started, (802, Step::Cancel)]),
        ),
        (
            "declined",
            through(&[locked, started, chosen, (812, Step::Failed(P))]),
        ),
    ]
}

fn rows() -> Vec<(&'static str, i64, Step)> {
    use LockRefusal::{OfferChanged, Sold, Withdrawn};
    let relist = TicketFate::Relist;
    vec![
        ("locked", 830, Step::Locked(EPOCH)),
        ("locked_other_epoch", 830, Step::Locked(EPOCH + 1)),
        (
            "refused_withdrawn",
            830,
            Step::LockRefused(EPOCH, Withdrawn),
        ),
        ("refused_sold", 830, Step::LockRefused(EPOCH, Sold)),
        (
            "refused_changed",
            830,
            Step::LockRefused(EPOCH, OfferChanged),
        ),
        (
            "refused_other_epoch",
            830,
            Step::LockRefused(EPOCH - 1, Sold),
        ),
        ("buyer_cancels", 830, Step::Cancel),
        ("due@899", 899, Step::Due),
        ("due@900", 900, Step::Due),
        ("due@1099", 1099, Step::Due),
        ("due@1100", 1100, Step::Due),
        ("started_p@899", 899, Step::Started(P)),
        ("started_p@900", 900, Step::Started(P)),
        ("started_q@899", 899, Step::Started(Q)),
        ("started_q@1099", 1099, Step::Started(Q)),
        ("failed_p@899", 899, Step::Failed(P)),
        ("failed_p@900", 900, Step::Failed(P)),
        ("failed_q@899", 899, Step::Failed(Q)),
        ("authorized_p", 830, Step::Authorized(P, 1999)),
        ("authorized_p@2000", 2000, Step::Authorized(P, 1999)),
        ("authorized_p_less", 830, Step::Authorized(P, 1998)),
        ("authorized_p_more", 830, Step::Authorized(P, 2000)),
        ("authorized_q", 830, Step::Authorized(Q, 1999)),
        ("captured_p", 830, Step::Captured(P, 1999)),
        ("captured_p@2000", 2000, Step::Captured(P, 1999)),
        ("captured_p_less", 830, Step::Captured(P, 1998)),
        ("captured_q", 830, Step::Captured(Q, 1999)),
        ("voided_p", 830, Step::Voided(P)),
        ("voided_q", 830, Step::Voided(Q)),
        ("ask_all", 830, Step::AskRefund(None, relist)),
        ("ask_1000", 830, Step::AskRefund(Some(1000), relist)),
        ("ask_1001", 830, Step::AskRefund(Some(1001), relist)),
        ("ask_1999", 830, Step::AskRefund(Some(1999), relist)),
        ("ask_2000", 830, Step::AskRefund(Some(2000), relist)),
        ("ask_0", 830, Step::AskRefund(Some(0), relist)),
        ("ask_-1", 830, Step::AskRefund(Some(-1), relist)),
        ("refunded_p_999", 830, Step::Refunded(P, 999)),
        ("refunded_p_1998", 830, Step::Refunded(P, 1998)),
        ("refunded_p_1999", 830, Step::Refunded(P, 1999)),
        ("refunded_q_1999", 830, Step::Refunded(Q, 1999)),
    ]
}

/// The cell's word; fails when the event and the state after it do not go together.
fn word(before: &Order, step: Step, second: i64) -> String {
    let Changed { order, fact } = match step.take(before.clone(), at(second)) {
        Ok(changed) => changed,
        Err(Unchanged::Ignored(ignored)) => return ignored_word(ignored).to_owned(),
        Err(Unchanged::Refused(refusal)) => return refused_word(refusal).to_owned(),
    };
    assert_eq!(order.terms, before.terms);
    if let OrderFact::PaymentRejected { .. } = fact {
        assert_eq!(order, *before);
    } else {
        assert!(
            agree(&before.state, &fact, &order.state),
            "{fact:?} with {:?}",
            order.state
        );
    }
    let of = |verb: &str, payment_id| {
        let letter = if payment_id == payment(P) { P } else { Q };
        format!("{verb}_{letter}")
    };
    match fact {
        OrderFact::Created => panic!("an order is placed once"),
        OrderFact::AwaitingPayment => "awaiting".to_owned(),
        OrderFact::Extended if order.expires_at > before.expires_at => "extended".to_owned(),
        OrderFact::Extended => "shortened".to_owned(),
        OrderFact::Capturing { payment_id } => of("capture", payment_id),
        OrderFact::Completed { payment_id } => of("complete", payment_id),
        OrderFact::Cancelled { reason } => cancel_word(reason).to_owned(),
        OrderFact::PaymentRejected { payment_id } => of("rejects", payment_id),
        OrderFact::RefundRequested { amount_minor, .. } => format!("asks_{amount_minor}"),
        OrderFact::Refunded { .. } if order.status().is_live() => "partly".to_owned(),
        OrderFact::Refunded { .. } => "refunded".to_owned(),
    }
}

/// Whether an order can be in this state right after this event.
fn agree(before: &State, fact: &OrderFact, after: &State) -> bool {
    let (p, relist) = (payment(P), TicketFate::Relist);
    match (fact, after) {
        (OrderFact::AwaitingPayment, State::AwaitingPayment { grace }) => *grace == Grace::Unused,
        (OrderFact::Extended, State::AwaitingPayment { grace }) => *grace != Grace::Unused,
        (OrderFact::Capturing { payment_id: said }, State::Capturing { payment_id }) => {
            said == payment_id
        }
        (OrderFact::Completed { payment_id }, State::Complete(sale)) => {
            *sale
                == Sale {
                    payment_id: *payment_id,
                    refunded_minor: 0,
                }
        }
        (OrderFact::Cancelled { reason: said }, State::Cancelled { reason, payment_id }) => {
            let failed = (*reason == CancelReason::PaymentFailed).then_some(p);
            said == reason && *payment_id == failed
        }
        (
            OrderFact::RefundRequested {
                payment_id,
                amount_minor: said,
                fate,
            },
            after,
        ) => {
            let sale = |refunded_minor| Sale {
                payment_id: *payment_id,
                refunded_minor,
            };
            let after_none = State::Refunding {
                sale: sale(0),
                amount_minor: *said,
                fate: relist,
            };
            let after_part = State::Refunding {
                sale: sale(999),
                amount_minor: *said,
                fate: relist,
            };
            *fate == relist && *payment_id == p && (*after == after_none || *after == after_part)
        }
        (
            OrderFact::Refunded {
                payment_id,
                amount_minor,
                fate,
            },
            State::Complete(sale) | State::Refunded(sale),
        ) => {
            let (before, promised) = match before {
                State::Refunding { sale, fate, .. } => (sale.refunded_minor, *fate),
                State::Complete(sale) => (sale.refunded_minor, TicketFate::Withdraw),
                _ => return false,
            };
            let after = Sale {
                payment_id: p,
                refunded_minor: (before + amount_minor).min(1999),
            };
            *fate == promised && *payment_id == p && *sale == after
        }
        _ => false,
    }
}

fn cancel_word(reason: CancelReason) -> &'static str {
    match reason {
        CancelReason::Buyer => "x_buyer",
        CancelReason::Expired => "x_expired",
        CancelReason::PaymentFailed => "x_failed",
        CancelReason::TicketWithdrawn => "x_withdr",
        CancelReason::TicketSold => "x_sold",
        CancelReason::OfferChanged => "x_changed",
    }
}

fn ignored_word(ignored: Ignored) -> &'static str {
    match ignored {
        Ignored::OtherEpoch => ".epoch",
        Ignored::NotWaitingForLock => ".lock",
        Ignored::NotDue => ".early",
        Ignored::NotWaitingForMoney => ".over",
        Ignored::NotFirstPayment => ".second",
        Ignored::TimeIsUp => ".late",
        Ignored::OtherPayment => ".other",
        Ignored::AlreadyChosen => ".chosen",
        Ignored::NotRefunding => ".unasked",
        Ignored::RefundedBefore => ".before",
    }
}

fn refused_word(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::OrderPaying => "!paying",
        Refusal::OrderPaid => "!paid",
        Refusal::OrderCancelled => "!cancelled",
        Refusal::OrderNotPaid => "!unpaid",
        Refusal::OrderRefunding => "!refunding",
        Refusal::OrderRefunded => "!refunded",
        Refusal::RefundNotPositive => "!positive",
        Refusal::RefundTooLarge => "!too_large",
        other => panic!("{other:?} is no refusal of an order"),
    }
}

#[test]
fn every_state_meets_every_step() {
    let columns = columns();
    let mut lines = vec![format!("{:20}", "")];
    lines.extend(rows().iter().map(|(name, ..)| format!("{name:20}")));
    for (name, order) in &columns {
        let mut cells = vec![(*name).to_owned()];
        cells.extend(
            rows()
                .iter()
                .map(|(_, second, step)| word(order, *step, *second)),
        );
        for (line, cell) in lines.iter_mut().zip(cells) {
            line.push_str(&format!("{cell:11}"));
        }
    }
    let found: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
    let expected: Vec<&str> = TABLE.trim_matches('\n').lines().collect();
    assert!(found == expected, "\n{}\n", found.join("\n"));
}
