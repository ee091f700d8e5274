//! The buyer gives a ticket back before paying.

use contracts::ids::{OrderId, UserId};
use platform::http::conditional::IfMatch;
use platform::{Refused, Result, Tx};

use super::record::record;
use crate::domain::order::State;
use crate::store::orders;

/// Cancels an order of this buyer. One that was cancelled before, however that came, stays so: what
/// the buyer wanted is the case.
///
/// # Errors
/// 404, 403 when it is somebody else's, 412 when it has changed, 409 when it is (being) paid.
pub async fn cancel(tx: &mut Tx, id: OrderId, buyer_id: UserId, if_match: &IfMatch) -> Result<()> {
    let saved = orders::load(tx, id).await?.ok_or_else(Refused::not_found)?;
    if saved.order.terms.buyer_id != buyer_id {
        return Err(Refused::forbidden("not_yours", "this is somebody else's order").into());
    }
    if matches!(saved.order.state, State::Cancelled { .. }) {
        return Ok(());
    }
    if_match.check(saved.version)?;
    let changed = saved.order.cancel()?;
    record(tx, saved.version, changed).await.map(drop)
}
