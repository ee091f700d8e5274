//! T1, T2, L2: who holds and who has bought a ticket.

use std::collections::BTreeMap;
use std::time::Duration;

use contracts::Timestamp;
use contracts::events::orders::{OrderState, OrderStatus};
use contracts::events::tickets::{TicketState, TicketStatus};
use contracts::ids::TicketId;
use platform::Clock;
use platform::clock::{SystemClock, later};

use crate::check::Finding;
use crate::check::facts::Facts;

/// How long after its end a hold may still stand (L2), with as much again for a busy machine.
const EXPIRED_WITHIN: Duration = Duration::from_secs(4);

pub fn findings(facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut live: BTreeMap<TicketId, Vec<&OrderState>> = BTreeMap::new();
    for order in facts.orders.values().filter(|order| order.status.is_live()) {
        live.entry(order.ticket_id).or_default().push(order);
    }
    for (ticket, orders) in &live {
        if orders.len() > 1 {
            let ids: Vec<_> = orders.iter().map(|order| order.id.to_string()).collect();
            let what = format!(
                "ticket {ticket} has {} live orders: {}",
                ids.len(),
                ids.join(", ")
            );
            found.push(Finding::violation("T1", what));
        }
    }
    for ticket in facts.tickets.values() {
        found.extend(sold_to_a_buyer(facts, ticket));
    }
    let now = SystemClock::new().now();
    for order in facts.orders.values() {
        found.extend(bought_ticket_is_sold(facts, order));
        found.extend(ended_hold(order, now));
    }
    found
}

/// A sold ticket has an order that has paid; a locked one has an order that lives.
fn sold_to_a_buyer(facts: &Facts, ticket: &TicketState) -> Option<Finding> {
    let (order_id, sold) = match ticket.status {
        TicketStatus::Sold { order_id } => (order_id, true),
        TicketStatus::Locked { order_id } => (order_id, false),
        TicketStatus::Listed | TicketStatus::Withdrawn => return None,
    };
    let Some(order) = facts.orders.get(&order_id) else {
        let what = format!(
            "ticket {} belongs to order {order_id}, which is unknown",
            ticket.id
        );
        return Some(Finding::violation("T2", what));
    };
    let paid = matches!(order.status, OrderStatus::Complete | OrderStatus::Refunding);
    let right = order.ticket_id == ticket.id
        && if sold {
            paid
        } else {
            order.status.is_live() && !paid
        };
    if right {
        return None;
    }
    let what = format!(
        "ticket {} is {:?}, its order is {:?}",
        ticket.id, ticket.status, order.status
    );
    Some(Finding {
        rule: "T2",
        what,
        pending: !facts.is_settled(order),
    })
}

/// A ticket is sold exactly while its order is complete or refunding.
fn bought_ticket_is_sold(facts: &Facts, order: &OrderState) -> Option<Finding> {
    if !matches!(order.status, OrderStatus::Complete | OrderStatus::Refunding) {
        return None;
    }
    let status = facts
        .tickets
        .get(&order.ticket_id)
        .map(|ticket| ticket.status);
    if status == Some(TicketStatus::Sold { order_id: order.id }) {
        return None;
    }
    let what = format!(
        "order {} is {:?}, its ticket {} is {status:?}",
        order.id, order.status, order.ticket_id
    );
    Some(Finding {
        rule: "T2",
        what,
        pending: !facts.is_settled(order),
    })
}

/// A hold that has ended is cancelled soon; while nothing runs, it can't be.
fn ended_hold(order: &OrderState, now: Timestamp) -> Option<Finding> {
    let waiting = matches!(
        order.status,
        OrderStatus::Created | OrderStatus::AwaitingPayment
    );
    if !waiting || later(order.expires_at, EXPIRED_WITHIN) >= now {
        return None;
    }
    let what = format!(
        "order {} has ended at {} and still holds its ticket",
        order.id, order.expires_at
    );
    Some(Finding::pending("L2", what))
}

#[cfg(test)]
mod tests;
