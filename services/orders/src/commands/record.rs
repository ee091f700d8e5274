//! Writes a step of an order: the row and its event, together.

use contracts::events::orders::Order as Aggregate;
use platform::{Result, Tx};

use crate::domain::order::Changed;
use crate::store::orders::{self, Saved};

/// Brings an order that was read at `version` to what it has become.
pub async fn record(tx: &mut Tx, version: i64, changed: Changed) -> Result<Saved> {
    let Changed { order, fact } = changed;
    orders::update(tx, &order, version).await?;
    let subject = order.terms.id.to_string();
    let version = tx
        .append::<Aggregate>(&subject, version, &fact, &order.public_state())
        .await?;
    Ok(Saved { version, order })
}
