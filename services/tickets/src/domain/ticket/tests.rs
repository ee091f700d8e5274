//! Every state of a ticket × every command and event.

use contracts::money::Currency;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

const SELLER: u128 = 1;
const STRANGER: u128 = 2;
/// The order that holds or has bought the ticket where one does.
const HOLDER: u128 = 10;
const OTHER: u128 = 11;
/// The epoch that every ticket of these tests has seen.
const EPOCH: i64 = 100;
const VERSION: i64 = 7;
const OFFER_VERSION: i64 = 3;

fn user(number: u128) -> UserId {
    Uuid::from_u128(number).into()
}

fn order(number: u128) -> OrderId {
    Uuid::from_u128(number).into()
}

fn offer(title: &str, minor: i64) -> Offer {
    let title = Title::parse(title, 200).unwrap();
    Offer {
        title,
        price: Money {
            minor,
            currency: Currency::USD,
        },
    }
}

fn ticket(status: TicketStatus) -> Ticket {
    Ticket {
        id: Uuid::from_u128(99).into(),
        seller_id: user(SELLER),
        offer: offer("Jazz night", 2_000),
        offer_version: OFFER_VERSION,
        status,
        epoch: EPOCH,
        version: VERSION,
        created_at: Timestamp::UNIX_EPOCH,
    }
}

const LISTED: TicketStatus = TicketStatus::Listed;
const WITHDRAWN: TicketStatus = TicketStatus::Withdrawn;

fn locked() -> TicketStatus {
    TicketStatus::Locked {
        order_id: order(HOLDER),
    }
}

fn sold() -> TicketStatus {
    TicketStatus::Sold {
        order_id: order(HOLDER),
    }
}

fn all() -> [TicketStatus; 4] {
    [LISTED, locked(), sold(), WITHDRAWN]
}

fn claim(number: u128, epoch: i64) -> Claim {
    Claim {
        order_id: order(number),
        epoch,
        offer_version: OFFER_VERSION,
        price: Money {
            minor: 2_000,
            currency: Currency::USD,
        },
    }
}

#[track_caller]
fn changed(outcome: Outcome) -> Change {
    match outcome {
        Outcome::Changed(change) => *change,
        Outcome::Unchanged(ticket) => panic!("unchanged: {ticket:?}"),
    }
}

#[track_caller]
fn assert_unchanged(before: Ticket, act: impl FnOnce(Ticket) -> Outcome) {
    assert_eq!(act(before.clone()), Outcome::Unchanged(Box::new(before)));
}

#[test]
fn a_new_listing_is_its_own_first_offer() {
    let offer = offer("Jazz night", 2_000);
    let id = Uuid::from_u128(5).into();
    let Change { ticket, fact } =
        Ticket::list(id, user(SELLER), offer.clone(), Timestamp::UNIX_EPOCH);
    assert_eq!(fact, TicketFact::Listed);
    assert_eq!(ticket.status, LISTED);
    assert_eq!(
        (ticket.version, ticket.offer_version, ticket.epoch),
        (1, 1, 0)
    );
    assert_eq!(
        (ticket.id, ticket.seller_id, &ticket.offer),
        (id, user(SELLER), &offer)
    );
    assert!(ticket.is_new_offer());
}

#[test]
fn only_the_seller_edits_and_withdraws() {
    for status in all() {
        let edited = ticket(status).edit(user(STRANGER), offer("Opera", 1));
        assert_eq!(edited, Err(Refusal::NotYours), "{status:?}");
        assert_eq!(
            ticket(status).withdraw(user(STRANGER)),
            Err(Refusal::NotYours),
            "{status:?}"
        );
    }
}

#[test]
fn an_edit_of_a_listed_ticket_is_a_new_offer() {
    let new = offer("Jazz night, row 2", 2_500);
    let edited = changed(ticket(LISTED).edit(user(SELLER), new.clone()).unwrap());
    assert_eq!(edited.fact, TicketFact::Updated);
    assert_eq!(edited.ticket.offer, new);
    assert_eq!((edited.ticket.version, edited.ticket.offer_version), (8, 8));
    assert_eq!((edited.ticket.status, edited.ticket.epoch), (LISTED, EPOCH));
}

#[test]
fn the_same_offer_again_is_no_new_one() {
    assert_unchanged(ticket(LISTED), |t| {
        t.edit(user(SELLER), offer("Jazz night", 2_000)).unwrap()
    });
}

#[test]
fn what_is_not_listed_is_not_edited() {
    let refusal = |status| {
        ticket(status)
            .edit(user(SELLER), offer("Opera", 1))
            .unwrap_err()
    };
    assert_eq!(refusal(locked()), Refusal::Reserved);
    assert_eq!(refusal(sold()), Refusal::Sold);
    assert_eq!(refusal(WITHDRAWN), Refusal::Withdrawn);
}

#[test]
fn a_listed_ticket_can_be_withdrawn_and_again() {
    let withdrawn = changed(ticket(LISTED).withdraw(user(SELLER)).unwrap());
    assert_eq!(withdrawn.fact, TicketFact::Withdrawn);
    assert_eq!(withdrawn.ticket.status, WITHDRAWN);
    assert_eq!(
        (withdrawn.ticket.version, withdrawn.ticket.offer_version),
        (8, OFFER_VERSION)
    );
    assert_unchanged(withdrawn.ticket, |t| t.withdraw(user(SELLER)).unwrap());
}

#[test]
fn what_is_held_or_sold_is_not_withdrawn() {
    assert_eq!(
        ticket(locked()).withdraw(user(SELLER)),
        Err(Refusal::Reserved)
    );
    assert_eq!(ticket(sold()).withdraw(user(SELLER)), Err(Refusal::Sold));
}

#[test]
fn a_claim_above_the_epoch_locks_what_is_listed_or_held() {
    for status in [LISTED, locked()] {
        let Change { ticket, fact } = changed(ticket(status).claim(claim(OTHER, EPOCH + 1)));
        assert_eq!(
            fact,
            TicketFact::Locked {
                order_id: order(OTHER),
                epoch: EPOCH + 1
            }
        );
        assert_eq!(
            ticket.status,
            TicketStatus::Locked {
                order_id: order(OTHER)
            }
        );
        assert_eq!((ticket.epoch, ticket.version), (EPOCH + 1, VERSION + 1));
        assert_eq!(
            ticket.offer_version, OFFER_VERSION,
            "a lock is no new offer"
        );
    }
}

#[test]
fn a_claim_on_another_offer_is_refused_and_ends_an_old_lock() {
    let old_offer = Claim {
        offer_version: OFFER_VERSION - 1,
        ..claim(OTHER, EPOCH + 1)
    };
    let old_price = Money {
        minor: 1_999,
        currency: Currency::USD,
    };
    let other_price = Claim {
        price: old_price,
        ..claim(OTHER, EPOCH + 1)
    };
    for (status, claim) in [
        (LISTED, old_offer),
        (locked(), old_offer),
        (LISTED, other_price),
        (locked(), other_price),
    ] {
        let Change { ticket, fact } = changed(ticket(status).claim(claim));
        let reason = LockRefusal::OfferChanged;
        assert_eq!(
            fact,
            TicketFact::LockRefused {
                order_id: order(OTHER),
                epoch: EPOCH + 1,
                reason
            }
        );
        assert_eq!(
            (ticket.status, ticket.epoch),
            (LISTED, EPOCH + 1),
            "{status:?}"
        );
        assert_eq!(
            (ticket.version, ticket.offer_version),
            (VERSION + 1, OFFER_VERSION)
        );
    }
}

#[test]
fn a_claim_on_what_is_sold_or_withdrawn_is_refused_and_raises_the_epoch() {
    for (status, reason) in [
        (sold(), LockRefusal::Sold),
        (WITHDRAWN, LockRefusal::Withdrawn),
    ] {
        for offer_version in [OFFER_VERSION, OFFER_VERSION - 1] {
            let claim = Claim {
                offer_version,
                ..claim(OTHER, EPOCH + 5)
            };
            let Change { ticket, fact } = changed(ticket(status).claim(claim));
            assert_eq!(
                fact,
                TicketFact::LockRefused {
                    order_id: order(OTHER),
                    epoch: EPOCH + 5,
                    reason
                }
            );
            assert_eq!(
                (ticket.status, ticket.epoch, ticket.version),
                (status, EPOCH + 5, VERSION + 1)
            );
        }
    }
}

#[test]
fn a_claim_at_or_below_the_epoch_is_passed_over() {
    for status in all() {
        for epoch in [EPOCH, EPOCH - 1, 0] {
            assert_unchanged(ticket(status), |t| t.claim(claim(OTHER, epoch)));
        }
    }
}

#[test]
fn a_cancelled_order_releases_its_own_lock_alone() {
    let Change {
        ticket: released,
        fact,
    } = changed(ticket(locked()).release(order(HOLDER)));
    assert_eq!(
        fact,
        TicketFact::Released {
            order_id: order(HOLDER)
        }
    );
    assert_eq!((released.status, released.epoch), (LISTED, EPOCH));
    assert_eq!(
        (released.version, released.offer_version),
        (VERSION + 1, OFFER_VERSION)
    );
    assert!(!released.is_new_offer());

    assert_unchanged(ticket(locked()), |t| t.release(order(OTHER)));
    for status in [LISTED, sold(), WITHDRAWN] {
        assert_unchanged(ticket(status), |t| t.release(order(HOLDER)));
    }
}

#[test]
fn a_completed_order_buys_what_it_holds() {
    let Change {
        ticket: bought,
        fact,
    } = changed(ticket(locked()).sell(order(HOLDER)));
    assert_eq!(
        fact,
        TicketFact::Sold {
            order_id: order(HOLDER)
        }
    );
    assert_eq!((bought.status, bought.version), (sold(), VERSION + 1));
    assert_eq!(bought.offer_version, OFFER_VERSION);

    assert_unchanged(ticket(locked()), |t| t.sell(order(OTHER)));
    for status in [LISTED, sold(), WITHDRAWN] {
        assert_unchanged(ticket(status), |t| t.sell(order(HOLDER)));
    }
}

#[test]
fn a_refund_offers_the_ticket_anew_or_takes_it_off_the_market() {
    let relisted = changed(ticket(sold()).take_back(order(HOLDER), TicketFate::Relist));
    assert_eq!(
        relisted.fact,
        TicketFact::Released {
            order_id: order(HOLDER)
        }
    );
    assert_eq!(relisted.ticket.status, LISTED);
    assert_eq!(
        (relisted.ticket.version, relisted.ticket.offer_version),
        (8, 8)
    );

    let withdrawn = changed(ticket(sold()).take_back(order(HOLDER), TicketFate::Withdraw));
    assert_eq!(withdrawn.fact, TicketFact::Withdrawn);
    assert_eq!(withdrawn.ticket.status, WITHDRAWN);
    assert_eq!(
        (withdrawn.ticket.version, withdrawn.ticket.offer_version),
        (8, OFFER_VERSION)
    );

    for fate in [TicketFate::Relist, TicketFate::Withdraw] {
        assert_unchanged(ticket(sold()), |t| t.take_back(order(OTHER), fate));
        for status in [LISTED, locked(), WITHDRAWN] {
            assert_unchanged(ticket(status), |t| t.take_back(order(HOLDER), fate));
        }
    }
}

#[test]
fn the_public_state_shows_who_holds_it() {
    let state = ticket(locked()).public_state();
    assert_eq!(state.status, locked());
    assert_eq!(
        (state.title.as_str(), state.price_minor),
        ("Jazz night", 2_000)
    );
    assert_eq!((state.offer_version, state.epoch), (OFFER_VERSION, EPOCH));
}

/// One thing that can happen to a ticket.
#[derive(Debug, Clone, Copy)]
enum Step {
    Edit(i64),
    Withdraw,
    Created(u128),
    Cancelled(u128),
    Completed(u128),
    Refunded(u128, TicketFate),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let order = || 1..6_u128;
    let step = prop_oneof![
        (1..4_i64).prop_map(Step::Edit),
        Just(Step::Withdraw),
        order().prop_map(Step::Created),
        order().prop_map(Step::Cancelled),
        order().prop_map(Step::Completed),
        order().prop_map(|o| Step::Refunded(o, TicketFate::Relist)),
        order().prop_map(|o| Step::Refunded(o, TicketFate::Withdraw)),
    ];
    prop::collection::vec(step, 0..40)
}

fn take(ticket: Ticket, step: Step) -> Option<Outcome> {
    match step {
        Step::Edit(minor) => ticket.edit(user(SELLER), offer("Jazz night", minor)).ok(),
        Step::Withdraw => ticket.withdraw(user(SELLER)).ok(),
        Step::Created(number) => {
            // Order n has epoch n and accepts what is offered.
            let (offer_version, price) = (ticket.offer_version, ticket.offer.price);
            let epoch = i64::try_from(number).unwrap();
            Some(ticket.claim(Claim {
                order_id: order(number),
                epoch,
                offer_version,
                price,
            }))
        }
        Step::Cancelled(number) => Some(ticket.release(order(number))),
        Step::Completed(number) => Some(ticket.sell(order(number))),
        Step::Refunded(number, fate) => Some(ticket.take_back(order(number), fate)),
    }
}

proptest! {
    #[test]
    fn whatever_happens_versions_rise_by_one_and_the_lock_is_the_newest_orders(steps in steps()) {
        let id = Uuid::from_u128(5).into();
        let mut now = Ticket::list(id, user(SELLER), offer("Jazz night", 1), Timestamp::UNIX_EPOCH).ticket;
        for step in steps {
            let before = now.clone();
            match take(before.clone(), step) {
                None => {}
                Some(Outcome::Unchanged(same)) => prop_assert_eq!(&*same, &before),
                Some(Outcome::Changed(change)) => {
                    now = change.ticket;
                    prop_assert_eq!(now.version, before.version + 1);
                    prop_assert!(now.epoch >= before.epoch);
                    prop_assert!(now.offer_version <= now.version);
                    if now.offer != before.offer {
                        prop_assert!(now.is_new_offer());
                    }
                    if let TicketStatus::Locked { order_id } = now.status {
                        prop_assert_eq!(order_id, order(u128::try_from(now.epoch).unwrap()));
                    }
                    if let TicketStatus::Sold { order_id } = before.status {
                        let refunded = matches!(step, Step::Refunded(number, _) if order(number) == order_id);
                        prop_assert!(now.status == before.status || refunded, "a sale ends by its refund alone");
                    }
                    if before.status == WITHDRAWN {
                        prop_assert_eq!(now.status, WITHDRAWN);
                    }
                }
            }
        }
    }
}
