//! Brings a payment to what the provider shows.

use std::time::Duration;

use anyhow::anyhow;
use contracts::ids::PaymentId;
use platform::{Failure, Result, Tx};

use super::record::record;
use crate::domain::charge::Charge;
use crate::store::payments::{self, Stored};
use crate::store::work::{self, Work};

/// The provider shows this of the payment.
///
/// # Errors
/// When it shows another amount.
pub async fn learn(tx: &mut Tx, id: PaymentId, charge: &Charge) -> Result<Stored> {
    let stored = find(tx, id).await?;
    let (payment, happened) = stored.payment.clone().learn(charge)?;
    record(tx, stored, payment, &happened).await
}

/// The provider refuses what it was asked for the payment.
///
/// # Errors
/// When the payment has ended meanwhile.
pub async fn fail(tx: &mut Tx, id: PaymentId, code: &str) -> Result<Stored> {
    let stored = find(tx, id).await?;
    let (payment, happened) = stored.payment.clone().fail(code)?;
    record(tx, stored, payment, &[happened]).await
}

/// The provider has no record of the payment, and will not get one.
///
/// # Errors
/// When something was heard of it meanwhile.
pub async fn give_up(tx: &mut Tx, id: PaymentId) -> Result<Stored> {
    let stored = find(tx, id).await?;
    let (payment, happened) = stored.payment.clone().give_up()?;
    record(tx, stored, payment, &[happened]).await
}

/// Puts an act off, unless another one has taken its place.
///
/// # Errors
/// When the database does not answer.
pub async fn postpone(tx: &mut Tx, work: &Work, pause: Duration) -> Result<()> {
    let now = work::find(tx, work.payment_id).await?;
    if now.is_some_and(|now| now.act == work.act && now.key == work.key) {
        work::postpone(tx, work.payment_id, pause).await?;
    }
    Ok(())
}

async fn find(tx: &mut Tx, id: PaymentId) -> Result<Stored> {
    let stored = payments::find(tx, id).await?;
    stored.ok_or_else(|| Failure::Broken(anyhow!("payment {id} is gone")))
}
