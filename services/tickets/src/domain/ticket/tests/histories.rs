//! Whatever happens to a ticket, in whatever order.

use proptest::prelude::*;

use super::*;

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
        Step::Cancelled(number) => Some(ticket.let_go(order(number))),
        Step::Completed(number) => Some(ticket.sell(order(number), i64::try_from(number).unwrap())),
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
                        let ended = matches!(
                            step,
                            Step::Refunded(number, _) | Step::Cancelled(number) if order(number) == order_id
                        );
                        let later = matches!(step, Step::Completed(_)) && now.epoch >= before.epoch;
                        prop_assert!(
                            now.status == before.status || ended || later,
                            "a sale ends with its order or by a later sale alone"
                        );
                    }
                    if before.status == WITHDRAWN && !matches!(step, Step::Completed(_)) {
                        prop_assert_eq!(now.status, WITHDRAWN);
                    }
                }
            }
        }
    }
}
