//! Lets an event of another service work on an order.

use contracts::ids::OrderId;
use platform::{Result, Tx};

use super::record::record;
use crate::domain::order::{Heard, Order};
use crate::store::orders;

/// Takes the order through `step` and writes what came of it; an ignored event leaves no trace.
pub async fn hear(tx: &mut Tx, id: OrderId, step: impl FnOnce(Order) -> Heard) -> Result<()> {
    let Some(saved) = orders::load(tx, id).await? else {
        // Orders makes every order: one that it does not know was lost with an older database.
        tracing::warn!(order = %id, "heard of an order that is not known here");
        return Ok(());
    };
    match step(saved.order) {
        Ok(changed) => record(tx, saved.version, changed).await.map(drop),
        Err(ignored) => {
            tracing::debug!(order = %id, reason = %ignored, "an event was ignored");
            Ok(())
        }
    }
}
