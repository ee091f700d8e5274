//! Takes a ticket off the market.

use contracts::ids::{TicketId, UserId};
use platform::http::conditional::IfMatch;
use platform::{Result, Tx};

use super::{requested, settle};
use crate::domain::{Outcome, Ticket};

/// The seller takes the ticket back. Doing so again succeeds and changes nothing, whatever version
/// the repeated request names.
///
/// # Errors
/// When there is no such ticket, it is somebody else's, held or sold, or the version is another.
pub async fn withdraw(tx: &mut Tx, id: TicketId, by: UserId, if_match: &IfMatch) -> Result<Ticket> {
    let ticket = requested(tx, id).await?;
    let version = ticket.version;
    let outcome = ticket.withdraw(by)?;
    if let Outcome::Changed(_) = outcome {
        if_match.check(version)?;
    }
    settle(tx, outcome).await
}
