//! Takes what is to be asked of the provider.

use platform::{Result, Tx};

use crate::domain::payment::{Act, Payment};
use crate::store::due::Taker;
use crate::store::payments::Stored;
use crate::store::work::{self, Work};
use crate::store::{order_copies, payments};

/// An act that one attempt has taken, with all that it needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// The work row as it stands now.
    pub work: Work,
    /// The payment.
    pub payment: Payment,
    /// What is to be asked.
    pub act: Act,
    /// Whether its order can still be paid: only then may a request that the provider never saw be
    /// sent again.
    pub payable: bool,
}

/// Takes acts that are due, so that nobody else does for the length of the lease.
///
/// # Errors
/// When the database does not answer.
pub async fn take(tx: &mut Tx, limit: i64, taker: &Taker) -> Result<Vec<Task>> {
    let mut tasks = Vec::new();
    for work in work::take_due(tx, limit, taker).await? {
        tasks.extend(task(tx, work).await?);
    }
    Ok(tasks)
}

/// The work with what it is about; `None` if there is nothing to do any more.
async fn task(tx: &mut Tx, work: Work) -> Result<Option<Task>> {
    let stored = payments::find(tx, work.payment_id).await?;
    let Some((payment, act)) =
        stored.and_then(|Stored { payment, .. }| payment.next_act().map(|act| (payment, act)))
    else {
        work::remove(tx, work.payment_id).await?;
        return Ok(None);
    };
    let order = order_copies::find(tx, payment.order_id).await?;
    let now = tx.now();
    let payable = order.is_some_and(|order| order.payable(now).is_ok());
    Ok(Some(Task {
        work,
        payment,
        act,
        payable,
    }))
}
