//! An order speaks of a payment that this database has lost with an older backup: it is taken on again.

use std::time::Duration;

use contracts::Timestamp;
use contracts::events::payments::Payment as Event;
use contracts::ids::{OrderId, PaymentId};
use platform::clock::later;
use platform::random::uuid_time;
use platform::{Result, Tx};
use uuid::Uuid;

use crate::domain::payment::Payment;
use crate::flaws;
use crate::jobs::settle::SETTLE;
use crate::store::payments::{self, Stored};
use crate::store::{order_copies, work};

/// How far the clocks of those who made ids, and began this life, may be from each other.
const CLOCKS: Duration = Duration::from_secs(10 * 60);

/// Takes on a payment that its order names and that is not known here: it begins again under its id,
/// and what has become of it the provider shows.
///
/// # Errors
/// When the database does not answer.
pub async fn adopt(tx: &mut Tx, order_id: OrderId, payment_id: PaymentId) -> Result<()> {
    if !may_be_lost(tx, payment_id.uuid()) || payments::find(tx, payment_id).await?.is_some() {
        return Ok(());
    }
    if flaws::LOST_PAYMENT_LEFT.is_there() {
        return Ok(());
    }
    payments::lock(tx, order_id).await?;
    let Some(order) = order_copies::find(tx, order_id).await? else {
        return Ok(());
    };
    let (payment, happened) = Payment::begin_again(payment_id, &order, tx.now());
    tracing::warn!(%payment_id, %order_id, "a payment that was lost is taken on again");
    let stored = Stored {
        payment,
        version: 1,
    };
    payments::insert_adopted(tx, &stored).await?;
    let subject = payment_id.to_string();
    tx.append::<Event>(&subject, 0, &happened.fact, &happened.state)
        .await?;
    work::insert_look(tx, &stored.payment).await?;
    tx.wake(SETTLE);
    Ok(())
}

/// Whether what has this id may be older than this life of the database, so that it, or what became of
/// it, may have been lost.
#[must_use]
pub fn may_be_lost(tx: &Tx, id: Uuid) -> bool {
    let born = Timestamp::from_microsecond(tx.incarnation()).unwrap_or(Timestamp::MAX);
    uuid_time(id).is_none_or(|made| made < later(born, CLOCKS))
}
