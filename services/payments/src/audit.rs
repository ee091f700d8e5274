//! What an audit needs to know of payments: M1 to M4, from the service's own data and the provider's.

mod findings;
mod ledger;

use contracts::events::orders::OrderStatus;
use contracts::events::payments::PaymentStatus;
use platform::{Result, Tx};

use crate::domain::order::Order;
use crate::domain::payment::Payment;
use crate::store::{hints, order_copies, payments, work};

pub use findings::{Finding, findings};
pub use ledger::ledger;

/// How many payments are read at a time.
const PAGE: i64 = 500;

/// A payment with what is known of its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audited {
    /// The payment.
    pub payment: Payment,
    /// The version of its newest event.
    pub version: i64,
    /// The copy of its order.
    pub order: Option<Order>,
}

impl Audited {
    /// Whether the provider is still to be asked, or orders is still to decide.
    #[must_use]
    pub fn is_under_way(&self) -> bool {
        let status = self.payment.status();
        self.payment.next_act().is_some()
            || matches!(status, PaymentStatus::Started | PaymentStatus::Authorized)
            || self
                .order
                .as_ref()
                .is_some_and(|order| order.status == OrderStatus::Refunding)
    }
}

/// All payments.
///
/// # Errors
/// When the database does not answer.
pub async fn payments(tx: &mut Tx) -> Result<Vec<Audited>> {
    let mut all = Vec::new();
    let mut after = String::new();
    loop {
        let page = payments::page(tx, &after, PAGE).await?;
        let Some(last) = page.last() else {
            return Ok(all);
        };
        after = last.payment.id.to_string();
        for stored in page {
            let order = order_copies::find(tx, stored.payment.order_id).await?;
            all.push(Audited {
                payment: stored.payment,
                version: stored.version,
                order,
            });
        }
    }
}

/// How many payments are still to be acted on, or looked up, at the provider.
///
/// # Errors
/// When the database does not answer.
pub async fn open_work(tx: &mut Tx) -> Result<i64> {
    Ok(work::count(tx).await? + hints::count(tx).await?)
}
