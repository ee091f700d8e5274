//! How far the reconciler has come with the provider's records.

use platform::{Result, Tx, params};

use crate::provider::Position;

/// The one row's name.
const NAME: &str = "strangers";

/// Up to where the provider's records have been compared with the payments.
pub async fn position(tx: &mut Tx) -> Result<Position> {
    let row = tx
        .query_opt(
            "select created_at, reference from reconciled where name = $1",
            params![NAME],
        )
        .await?;
    let Some(row) = row else {
        return Ok(Position::beginning());
    };
    Ok(Position {
        created_at: row.get(0)?,
        reference: row.get(1)?,
    })
}

/// Moves on, never back: another replica may be further.
pub async fn set_position(tx: &mut Tx, position: &Position) -> Result<()> {
    tx.execute_later(
        "insert into reconciled (name, created_at, reference) values ($1, $2, $3) \
         on conflict (name) do update set created_at = excluded.created_at, \
         reference = excluded.reference \
         where (reconciled.created_at, reconciled.reference) \
         < (excluded.created_at, excluded.reference)",
        params![NAME, position.created_at, position.reference],
    )
    .await
}
