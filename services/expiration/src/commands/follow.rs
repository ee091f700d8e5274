//! Arms and disarms the timer of an order.

use contracts::events::orders::OrderState;
use platform::{Result, Tx};

use crate::domain::timer::{Wanted, wanted};
use crate::jobs::ring::RING;
use crate::store::timers;

/// Brings the timer to what the order's state asks for.
///
/// # Errors
/// When the database does not answer.
pub async fn follow(tx: &mut Tx, order: &OrderState) -> Result<()> {
    match wanted(order.status, order.expires_at) {
        Wanted::Gone => timers::remove(tx, &order.id.to_string()).await,
        Wanted::Armed(due_at) => {
            let changed = timers::arm(tx, order.id, due_at).await?;
            // The job sleeps until the first timer rings: only a new first one has to wake it.
            if changed
                && timers::first(tx)
                    .await?
                    .is_some_and(|(first, _)| first == order.id)
            {
                tx.wake(RING);
            }
            Ok(())
        }
    }
}
