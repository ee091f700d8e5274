//! Each rule of sales finds what it is there to find.

use std::collections::BTreeMap;
use std::time::Duration;

use contracts::events::orders::{OrderState, OrderStatus};
use contracts::events::tickets::{TicketState, TicketStatus};
use contracts::ids::{OrderId, TicketId, UserId};
use contracts::money::Currency;
use platform::Clock;
use platform::clock::{SystemClock, later};
use uuid::Uuid;

use super::findings;
use crate::check::facts::Facts;

fn ticket(id: u128, status: TicketStatus) -> TicketState {
    TicketState {
        id: TicketId::from(Uuid::from_u128(id)),
        seller_id: UserId::from(Uuid::from_u128(9)),
        title: "A ticket".to_owned(),
        price_minor: 1000,
        currency: Currency::USD,
        status,
        offer_version: 1,
        epoch: 1,
        created_at: SystemClock::new().now(),
    }
}

fn order(id: u128, ticket: u128, status: OrderStatus) -> OrderState {
    let now = SystemClock::new().now();
    OrderState {
        id: OrderId::from(Uuid::from_u128(id)),
        ticket_id: TicketId::from(Uuid::from_u128(ticket)),
        buyer_id: UserId::from(Uuid::from_u128(8)),
        seller_id: UserId::from(Uuid::from_u128(9)),
        title: "A ticket".to_owned(),
        price_minor: 1000,
        currency: Currency::USD,
        offer_version: 1,
        epoch: 1,
        status,
        created_at: now,
        expires_at: later(now, Duration::from_secs(900)),
        payment_id: None,
        cancel_reason: None,
        refunded_minor: 0,
    }
}

fn rules(tickets: &[TicketState], orders: &[OrderState]) -> Vec<(&'static str, bool)> {
    let facts = Facts::of(
        tickets
            .iter()
            .map(|ticket| (ticket.id, ticket.clone()))
            .collect(),
        orders
            .iter()
            .map(|order| (order.id, order.clone()))
            .collect(),
        BTreeMap::new(),
    );
    findings(&facts)
        .into_iter()
        .map(|finding| (finding.rule, finding.pending))
        .collect()
}

fn sold_to(order: u128) -> TicketStatus {
    TicketStatus::Sold {
        order_id: OrderId::from(Uuid::from_u128(order)),
    }
}

#[test]
fn what_is_right_is_not_found() {
    assert_eq!(
        rules(
            &[ticket(1, sold_to(2))],
            &[order(2, 1, OrderStatus::Complete)]
        ),
        []
    );
    assert_eq!(
        rules(
            &[ticket(1, TicketStatus::Listed)],
            &[order(2, 1, OrderStatus::Cancelled)]
        ),
        []
    );
}

#[test]
fn two_live_orders_of_one_ticket_are_found() {
    let orders = [
        order(2, 1, OrderStatus::AwaitingPayment),
        order(3, 1, OrderStatus::Created),
    ];
    assert!(rules(&[ticket(1, TicketStatus::Listed)], &orders).contains(&("T1", false)));
}

#[test]
fn a_sold_ticket_without_a_paid_order_is_found() {
    let cancelled = [order(2, 1, OrderStatus::Cancelled)];
    assert_eq!(rules(&[ticket(1, sold_to(2))], &cancelled), [("T2", false)]);
    assert_eq!(rules(&[ticket(1, sold_to(5))], &[]), [("T2", false)]);
}

#[test]
fn a_paid_order_without_its_ticket_is_found() {
    let paid = [order(2, 1, OrderStatus::Complete)];
    assert_eq!(
        rules(&[ticket(1, TicketStatus::Listed)], &paid),
        [("T2", false)]
    );
    assert_eq!(rules(&[], &paid), [("T2", false)]);
}

#[test]
fn a_hold_past_its_end_is_found() {
    let mut held = order(2, 1, OrderStatus::AwaitingPayment);
    held.expires_at = "2020-01-01T00:00:00Z".parse().unwrap();
    let locked = TicketStatus::Locked { order_id: held.id };
    assert_eq!(rules(&[ticket(1, locked)], &[held]), [("L2", true)]);
}
