//! Changes what is offered.

use contracts::api::problem::FieldError;
use contracts::ids::{TicketId, UserId};
use platform::http::conditional::IfMatch;
use platform::{Refused, Result, Tx};

use super::{requested, settle};
use crate::domain::{Draft, Ticket};

/// The seller changes the title or the price. Whether the request is about the present version is
/// judged last: a precondition counts only where the request would succeed (RFC 9110 §13.2.1).
///
/// # Errors
/// When there is no such ticket, it is somebody else's or not listed, the price is none in the
/// ticket's currency, or the version is another.
pub async fn edit(
    tx: &mut Tx,
    (id, by): (TicketId, UserId),
    draft: &Draft,
    price_major_max: i64,
    if_match: &IfMatch,
) -> Result<Ticket> {
    let ticket = requested(tx, id).await?;
    let version = ticket.version;
    let offer = draft
        .offer(ticket.offer.price.currency, price_major_max)
        .map_err(|error| {
            let field = Some("price".to_owned());
            Refused::fields(vec![FieldError {
                message: error.to_string(),
                field,
            }])
        })?;
    let outcome = ticket.edit(by, offer)?;
    if_match.check(version)?;
    settle(tx, outcome).await
}
