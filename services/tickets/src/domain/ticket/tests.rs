//! Every state of a ticket × every command and event.

use contracts::money::Currency;
use uuid::Uuid;

use super::*;

mod histories;

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
    } = changed(ticket(locked()).let_go(order(HOLDER)));
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

    for status in [locked(), sold()] {
        assert_unchanged(ticket(status), |t| t.let_go(order(OTHER)));
    }
    for status in [LISTED, WITHDRAWN] {
        assert_unchanged(ticket(status), |t| t.let_go(order(HOLDER)));
    }
}

#[test]
fn an_order_that_was_completed_in_a_lost_part_of_its_log_and_then_cancelled_takes_the_ticket_off() {
    let Change { ticket, fact } = changed(ticket(sold()).let_go(order(HOLDER)));
    assert_eq!(fact, TicketFact::Withdrawn);
    assert_eq!((ticket.status, ticket.epoch), (WITHDRAWN, EPOCH));
    assert_eq!(ticket.version, VERSION + 1);
}

#[test]
fn a_completed_order_buys_what_it_holds() {
    let Change {
        ticket: bought,
        fact,
    } = changed(ticket(locked()).sell(order(HOLDER), EPOCH));
    assert_eq!(
        fact,
        TicketFact::Sold {
            order_id: order(HOLDER)
        }
    );
    assert_eq!((bought.status, bought.version), (sold(), VERSION + 1));
    assert_eq!(bought.offer_version, OFFER_VERSION);

    assert_unchanged(ticket(sold()), |t| t.sell(order(HOLDER), EPOCH));
    for status in all() {
        // A later claim was seen: the order that had completed has been refunded.
        assert_unchanged(ticket(status), |t| t.sell(order(OTHER), EPOCH - 1));
    }
}

#[test]
fn a_completed_order_has_its_ticket_also_where_its_lock_was_lost_with_an_older_backup() {
    for status in all() {
        let Change { ticket, fact } = changed(ticket(status).sell(order(OTHER), EPOCH));
        let order_id = order(OTHER);
        assert_eq!(fact, TicketFact::Sold { order_id });
        assert_eq!(ticket.status, TicketStatus::Sold { order_id });
        assert_eq!((ticket.epoch, ticket.version), (EPOCH, VERSION + 1));
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
