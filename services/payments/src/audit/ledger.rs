//! M4: the ledger sums to zero, and shows what was captured and given back.

use contracts::events::payments::PaymentStatus;
use platform::{Result, Tx};

use super::{Audited, Finding};
use crate::store::ledger as entries;

/// What is wrong with the ledger.
///
/// # Errors
/// When the database does not answer.
pub async fn ledger(tx: &mut Tx, payments: &[Audited]) -> Result<Vec<Finding>> {
    let mut found = Vec::new();
    let mut say = |what: String| {
        found.push(Finding {
            rule: "M4",
            what,
            pending: false,
        })
    };
    for (id, currency, sum) in entries::unbalanced(tx).await? {
        say(format!("ledger transaction {id} sums to {sum} {currency}"));
    }
    for audited in payments {
        let payment = &audited.payment;
        let taken = matches!(
            payment.status(),
            PaymentStatus::Captured | PaymentStatus::Refunded
        );
        let rest = if taken {
            payment.amount.minor - payment.refunded_minor()
        } else {
            0
        };
        let currency = payment.amount.currency.to_string();
        let cleared = entries::clearing(tx, payment.id).await?;
        let shown: i64 = cleared.iter().map(|(_, sum)| *sum).sum();
        let foreign = cleared.iter().any(|(other, _)| *other != currency);
        if shown != rest || foreign {
            say(format!(
                "payment {}: the ledger shows {shown} held, the payment {rest} {currency}",
                payment.id
            ));
        }
    }
    Ok(found)
}
