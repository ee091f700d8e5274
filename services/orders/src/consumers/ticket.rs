//! Tickets: a copy of each offer, and the answers to the locks that orders asked for.

use contracts::events::tickets::{Ticket, TicketFact};
use platform::{Consumer, Event, Result, Tx};

use crate::commands::hear::hear;
use crate::store::ticket_copies;

/// Keeps the copy and hears who got the lock.
#[must_use]
pub fn consumer() -> Consumer {
    Consumer::of::<Ticket>()
        .copy(&["ticket_copies"], copy)
        .react(react)
        .remove(ticket_copies::remove)
        .build()
}

async fn copy(tx: &mut Tx, event: &Event<Ticket>) -> Result<()> {
    ticket_copies::put(tx, &event.state, event.version).await
}

async fn react(tx: &mut Tx, event: &Event<Ticket>) -> Result<()> {
    match event.fact {
        Some(TicketFact::Locked { order_id, epoch }) => {
            hear(tx, order_id, |order| order.ticket_locked(epoch)).await
        }
        Some(TicketFact::LockRefused {
            order_id,
            epoch,
            reason,
        }) => hear(tx, order_id, |order| order.lock_refused(epoch, reason)).await,
        _ => Ok(()),
    }
}
