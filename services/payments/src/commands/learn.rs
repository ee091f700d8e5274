//! Brings a payment to what the provider shows.

use std::time::Duration;

use anyhow::anyhow;
use platform::{Failure, Result, Tx};

use super::record::record;
use crate::domain::charge::Charge;
use crate::domain::payment::Payment;
use crate::store::payments::{self, Stored};
use crate::store::work::{self, Work};

/// The provider shows this of the payment. Answers whether money went back that nobody had asked for.
///
/// # Errors
/// When it shows another amount.
pub async fn learn(tx: &mut Tx, of: &Payment, charge: &Charge) -> Result<bool> {
    let stored = now(tx, of).await?;
    let unasked = stored.payment.shows_unasked_return(charge);
    let (payment, happened) = stored.payment.clone().learn(charge)?;
    record(tx, stored, payment, &happened).await?;
    Ok(unasked)
}

/// The provider refuses what it was asked for the payment.
///
/// # Errors
/// When the payment has ended meanwhile.
pub async fn fail(tx: &mut Tx, of: &Payment, code: &str) -> Result<Stored> {
    let stored = now(tx, of).await?;
    let (payment, happened) = stored.payment.clone().fail(code)?;
    record(tx, stored, payment, &[happened]).await
}

/// The provider has no record of the payment, and will not get one.
///
/// # Errors
/// When something was heard of it meanwhile.
pub async fn give_up(tx: &mut Tx, of: &Payment) -> Result<Stored> {
    let stored = now(tx, of).await?;
    let (payment, happened) = stored.payment.clone().give_up()?;
    record(tx, stored, payment, &[happened]).await
}

/// Puts an act off, unless another one has taken its place, or another attempt has it.
///
/// # Errors
/// When the database does not answer.
pub async fn postpone(tx: &mut Tx, work: &Work, pause: Duration) -> Result<()> {
    work::postpone(tx, work, pause).await
}

/// The payment as it is now, and until the commit; it was seen before.
async fn now(tx: &mut Tx, of: &Payment) -> Result<Stored> {
    payments::lock(tx, of.order_id).await?;
    let stored = payments::find(tx, of.id).await?;
    stored.ok_or_else(|| Failure::Broken(anyhow!("payment {} is gone", of.id)))
}
