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
            // The job sleeps until what was the first timer rings. That this is earlier it sees itself:
            // asking here would keep each order's timer from being written with the others'.
            tx.wake(RING);
            timers::arm(tx, order.id, due_at).await
        }
    }
}
