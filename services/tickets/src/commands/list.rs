//! Lists a ticket.

use contracts::ids::UserId;
use platform::{Result, Tx};

use super::{append, put_into_search};
use crate::domain::{Offer, Ticket};
use crate::store::tickets;

/// A seller offers a ticket.
///
/// # Errors
/// When the database does not answer.
pub async fn list(tx: &mut Tx, seller: UserId, offer: Offer) -> Result<Ticket> {
    let change = Ticket::list(tx.new_id(), seller, offer, tx.now());
    append(tx, &change).await?;
    tickets::insert(tx, &change.ticket).await?;
    put_into_search(tx, &change.ticket).await?;
    Ok(change.ticket)
}
