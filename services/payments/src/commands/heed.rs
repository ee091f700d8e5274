//! The provider says something of a charge: if that is news, it is to be looked up.

use platform::{Result, Tx};

use super::learn;
use crate::domain::charge::Charge;
use crate::domain::payment::Payment;
use crate::flaws;
use crate::jobs::heed::HEED;
use crate::store::{hints, payments};

/// Which payment is to be looked up: one of ours of which something is said that is not known. What
/// comes twice, or long after it was seen, costs nothing.
///
/// # Errors
/// When the database does not answer.
pub async fn of_interest(tx: &mut Tx, said: &Charge) -> Result<Option<Payment>> {
    let found = payments::with_provider_key(tx, &said.key).await?;
    let payment = found.map(|stored| stored.payment);
    Ok(payment.filter(|payment| payment.is_news(said)))
}

/// Sees to it that the payment is looked up.
///
/// # Errors
/// When the database does not answer.
pub async fn heed(tx: &mut Tx, payment: &Payment, said: &Charge) -> Result<()> {
    if flaws::NOTICE_BELIEVED.is_there() {
        return learn::learn(tx, payment, said).await.map(drop);
    }
    hints::put(tx, payment.id).await?;
    tx.wake(HEED);
    Ok(())
}
