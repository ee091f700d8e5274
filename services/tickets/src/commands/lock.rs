//! What orders do to the lock on a ticket.

use contracts::events::orders::TicketFate;
use contracts::ids::{OrderId, TicketId};
use platform::{Result, Tx};

use super::settle;
use crate::domain::{Claim, Outcome, Ticket};
use crate::store::tickets;

/// A new order claims the ticket.
///
/// # Errors
/// When the database does not answer.
pub async fn claim(tx: &mut Tx, id: TicketId, claim: Claim) -> Result<()> {
    change(tx, id, |ticket| ticket.claim(claim)).await
}

/// A cancelled order lets go of the ticket.
///
/// # Errors
/// When the database does not answer.
pub async fn let_go(tx: &mut Tx, id: TicketId, order_id: OrderId) -> Result<()> {
    change(tx, id, |ticket| ticket.let_go(order_id)).await
}

/// A paid order has bought the ticket.
///
/// # Errors
/// When the database does not answer.
pub async fn sell(tx: &mut Tx, id: TicketId, order_id: OrderId, epoch: i64) -> Result<()> {
    change(tx, id, |ticket| ticket.sell(order_id, epoch)).await
}

/// A wholly refunded order gives the ticket back.
///
/// # Errors
/// When the database does not answer.
pub async fn take_back(
    tx: &mut Tx,
    id: TicketId,
    order_id: OrderId,
    fate: TicketFate,
) -> Result<()> {
    change(tx, id, |ticket| ticket.take_back(order_id, fate)).await
}

/// An order was lost with an older backup of orders: it lets go of whatever it had.
///
/// # Errors
/// When the database does not answer.
pub async fn forsake(tx: &mut Tx, order_id: OrderId) -> Result<()> {
    for id in tickets::of_order(tx, order_id).await? {
        change(tx, id, |ticket| ticket.let_go(order_id)).await?;
    }
    Ok(())
}

async fn change(tx: &mut Tx, id: TicketId, act: impl FnOnce(Ticket) -> Outcome) -> Result<()> {
    let Some(ticket) = tickets::find(tx, id).await? else {
        // An order is placed on a ticket that exists: this one was lost with an older backup.
        tracing::warn!(ticket = %id, "an order names a ticket that is not here");
        return Ok(());
    };
    settle(tx, act(ticket)).await?;
    Ok(())
}
