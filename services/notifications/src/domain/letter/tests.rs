//! What the letters say.

use contracts::ids::{PaymentId, UserId};
use uuid::Uuid;

use super::*;
use crate::domain::occasion::{of_order, sale};
use crate::domain::rendering::rendered;
use contracts::events::tickets::{TicketFact, TicketState, TicketStatus};

const SITE: &str = "https://tickets.example";

fn id<T: From<Uuid>>(number: u128) -> T {
    T::from(Uuid::from_u128(
        0x0192_aaaa_bbbb_7ccc_8ddd_0000_0000_0000 + number,
    ))
}

fn order(status: OrderStatus) -> OrderState {
    OrderState {
        id: id(1),
        ticket_id: id(2),
        buyer_id: id(3),
        seller_id: id(4),
        title: "The <b>Band</b> & more".to_owned(),
        price_minor: 123_450,
        currency: "usd".parse().unwrap(),
        offer_version: 1,
        epoch: 1,
        status,
        created_at: "2026-05-12T14:00:00Z".parse().unwrap(),
        expires_at: "2026-05-12T14:15:00Z".parse().unwrap(),
        payment_id: None,
        cancel_reason: None,
        refunded_minor: 0,
    }
}

fn payment_id() -> PaymentId {
    id(5)
}

fn letters(fact: &OrderFact, status: OrderStatus) -> Vec<(Occasion, UserId, Letter)> {
    let order = order(status);
    of_order(fact, &order)
        .into_iter()
        .map(|(occasion, person)| {
            (
                occasion,
                person,
                about_order(occasion, fact, &order, SITE).unwrap(),
            )
        })
        .collect()
}

fn only(fact: &OrderFact, status: OrderStatus) -> (Occasion, Letter) {
    let [(occasion, person, letter)] = <[_; 1]>::try_from(letters(fact, status)).unwrap();
    assert_eq!(person, order(status).buyer_id);
    (occasion, letter)
}

#[test]
fn who_holds_a_ticket_is_told_until_when() {
    let (occasion, letter) = only(&OrderFact::AwaitingPayment, OrderStatus::AwaitingPayment);
    assert_eq!(occasion, Occasion::OrderPlaced);
    let (text, html) = rendered(&letter).unwrap();
    let expected = "The ticket is held for you

Nobody else can buy it until 12 May 2026, 14:15 UTC. Pay before then to make it yours.

If you do not want it any more, cancel the order or just let the time pass.

Ticket: The <b>Band</b> & more
Price: $1,234.50
Order: 00000001

Pay for the ticket:
https://tickets.example/orders/0192aaaa-bbbb-7ccc-8ddd-000000000001

--
Ticketing writes to you because of your order or your listing. This mail is sent by a program; answers are not read.";
    assert_eq!(text, expected);
    assert!(
        html.contains("<title>Held for you: The &#60;b&#62;Band&#60;/b&#62; &#38; more</title>"),
        "{html}"
    );
    assert!(!html.contains("<b>"), "{html}");
    assert!(
        html.contains(
            "href=\"https://tickets.example/orders/0192aaaa-bbbb-7ccc-8ddd-000000000001\""
        ),
        "{html}"
    );
    assert_eq!(
        rendered(&letter).unwrap(),
        (text, html),
        "the same each time"
    );
}

#[test]
fn who_has_paid_gets_a_receipt() {
    let fact = OrderFact::Completed {
        payment_id: payment_id(),
    };
    let (occasion, letter) = only(&fact, OrderStatus::Complete);
    assert_eq!(occasion, Occasion::OrderPaid);
    assert_eq!(letter.subject, "Your receipt: The <b>Band</b> & more");
    assert!(letter.facts.contains(&("Paid", "$1,234.50 USD".to_owned())));
}

#[test]
fn every_reason_for_a_cancellation_is_told() {
    use CancelReason::{Buyer, Expired, OfferChanged, PaymentFailed, TicketSold, TicketWithdrawn};
    for (reason, words, address) in [
        (Buyer, "You cancelled it", "/orders/"),
        (Expired, "not paid in time", "/tickets/"),
        (PaymentFailed, "could not be taken", "/tickets/"),
        (TicketWithdrawn, "taken the ticket back", "example/"),
        (TicketSold, "Somebody else", "example/"),
        (OfferChanged, "changed the offer", "/tickets/"),
    ] {
        let (occasion, letter) = only(&OrderFact::Cancelled { reason }, OrderStatus::Cancelled);
        assert_eq!(occasion, Occasion::OrderCancelled);
        assert!(
            letter.paragraphs[0].contains(words),
            "{reason:?}: {letter:?}"
        );
        assert!(
            letter.paragraphs[0].contains("not been charged"),
            "{reason:?}"
        );
        assert!(letter.action.1.contains(address), "{reason:?}: {letter:?}");
    }
}

#[test]
fn a_payment_without_a_place_is_told_to_go_back() {
    let fact = OrderFact::PaymentRejected {
        payment_id: payment_id(),
    };
    let (occasion, letter) = only(&fact, OrderStatus::Cancelled);
    assert_eq!(occasion, Occasion::PaymentReturned);
    assert!(letter.subject.starts_with("Your payment goes back"));
}

#[test]
fn a_refund_is_told_to_both_sides() {
    let refunded = |amount_minor, fate, status| {
        let fact = OrderFact::Refunded {
            payment_id: payment_id(),
            amount_minor,
            fate,
        };
        let told = letters(&fact, status);
        let people: Vec<_> = told
            .iter()
            .map(|(occasion, person, _)| (*occasion, *person))
            .collect();
        assert_eq!(
            people,
            [
                (Occasion::MoneyReturned, id(3)),
                (Occasion::SaleRefunded, id(4))
            ]
        );
        (
            told[0].2.paragraphs[0].clone(),
            told[1].2.paragraphs[0].clone(),
        )
    };
    let (buyer, seller) = refunded(123_450, TicketFate::Relist, OrderStatus::Refunded);
    assert!(
        buyer.contains("$1,234.50") && buyer.contains("not yours any more"),
        "{buyer}"
    );
    assert!(
        seller.ends_with("Your ticket is offered again."),
        "{seller}"
    );
    let (_, seller) = refunded(123_450, TicketFate::Withdraw, OrderStatus::Refunded);
    assert!(
        seller.ends_with("Your ticket is off the market."),
        "{seller}"
    );
    let (buyer, seller) = refunded(5_000, TicketFate::Relist, OrderStatus::Complete);
    assert!(
        buyer.contains("$50.00 of the price") && buyer.contains("stays yours"),
        "{buyer}"
    );
    assert!(seller.ends_with("The ticket stays sold."), "{seller}");
}

#[test]
fn other_facts_are_not_worth_a_mail() {
    for fact in [
        OrderFact::Created,
        OrderFact::Extended,
        OrderFact::Capturing {
            payment_id: payment_id(),
        },
        OrderFact::RefundRequested {
            payment_id: payment_id(),
            amount_minor: 1,
            fate: TicketFate::Relist,
        },
    ] {
        assert_eq!(
            of_order(&fact, &order(OrderStatus::Created)),
            [],
            "{fact:?}"
        );
    }
}

#[test]
fn the_seller_is_told_of_a_sale_alone() {
    let ticket = TicketState {
        id: id(2),
        seller_id: id(4),
        title: "The Band".to_owned(),
        price_minor: 2_000,
        currency: "jpy".parse().unwrap(),
        status: TicketStatus::Sold { order_id: id(1) },
        offer_version: 1,
        epoch: 1,
        created_at: "2026-05-12T14:00:00Z".parse().unwrap(),
    };
    let order_id = id(1);
    assert_eq!(
        sale(&TicketFact::Sold { order_id }, &ticket),
        Some((order_id, id(4)))
    );
    for fact in [
        TicketFact::Listed,
        TicketFact::Updated,
        TicketFact::Withdrawn,
        TicketFact::Locked { order_id, epoch: 1 },
        TicketFact::Released { order_id },
    ] {
        assert_eq!(sale(&fact, &ticket), None, "{fact:?}");
    }
    let sold = Sale {
        ticket_id: ticket.id,
        order_id,
        title: ticket.title.clone(),
        price: ticket.price(),
    };
    let letter = about_sale(&sold, SITE);
    assert_eq!(letter.subject, "Sold: The Band");
    assert!(letter.facts.contains(&("Price", "¥2,000 JPY".to_owned())));
}

#[test]
fn names_of_occasions_are_told_apart() {
    let mut names: Vec<_> = Occasion::ALL
        .iter()
        .map(|occasion| occasion.name())
        .collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Occasion::ALL.len());
}
