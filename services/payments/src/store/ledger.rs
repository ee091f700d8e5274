//! The ledger's entries; never changed, never deleted.

use anyhow::anyhow;
use contracts::ids::PaymentId;
use platform::{Failure, Result, Tx, params};

use crate::domain::ledger::{Account, Posting};

/// The transaction in which an order's money became the seller's.
fn earned_id(payment_id: PaymentId) -> String {
    format!("{payment_id}/earned")
}

/// Posts what a payment's event of this version did.
pub async fn post_event(
    tx: &mut Tx,
    payment_id: PaymentId,
    version: i64,
    posting: &Posting,
) -> Result<()> {
    let id = format!("{payment_id}/{version}");
    if insert(tx, payment_id, &id, posting).await? {
        return Ok(());
    }
    Err(Failure::Broken(anyhow!("{id} is in the ledger already")))
}

/// Posts that the buyer's money is the seller's, once.
pub async fn post_earned(tx: &mut Tx, payment_id: PaymentId, posting: &Posting) -> Result<()> {
    insert(tx, payment_id, &earned_id(payment_id), posting)
        .await
        .map(drop)
}

/// Whether the money of a payment has become the seller's.
pub async fn is_earned(tx: &mut Tx, payment_id: PaymentId) -> Result<bool> {
    let row = tx
        .query_opt(
            "select 1 from ledger_entries where transaction_id = $1",
            params![earned_id(payment_id)],
        )
        .await?;
    Ok(row.is_some())
}

/// Whether the entries are new.
async fn insert(
    tx: &mut Tx,
    payment_id: PaymentId,
    transaction_id: &str,
    posting: &Posting,
) -> Result<bool> {
    let now = tx.now();
    let mut whole = true;
    for entry in posting.entries() {
        let written = tx
            .execute(
                "insert into ledger_entries \
             (transaction_id, account, payment_id, amount_minor, currency, at) \
             values ($1, $2, $3, $4, $5, $6) on conflict do nothing",
                params![
                    transaction_id,
                    entry.account.to_string(),
                    payment_id,
                    entry.amount.minor,
                    entry.amount.currency,
                    now,
                ],
            )
            .await?;
        whole &= written == 1;
    }
    Ok(whole)
}

/// The transactions whose entries do not sum to zero in a currency: id, currency and sum.
pub async fn unbalanced(tx: &mut Tx) -> Result<Vec<(String, String, i64)>> {
    let rows = tx
        .query(
            "select transaction_id, currency, cast(sum(amount_minor) as bigint) \
             from ledger_entries group by transaction_id, currency \
             having sum(amount_minor) <> 0 order by transaction_id",
            &[],
        )
        .await?;
    rows.iter()
        .map(|row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .collect()
}

/// What the provider holds of a payment by the ledger, in each currency.
pub async fn clearing(tx: &mut Tx, payment_id: PaymentId) -> Result<Vec<(String, i64)>> {
    let rows = tx
        .query(
            "select currency, cast(sum(amount_minor) as bigint) from ledger_entries \
             where payment_id = $1 and account = $2 group by currency order by currency",
            params![payment_id, Account::ProviderClearing.to_string()],
        )
        .await?;
    rows.iter()
        .map(|row| Ok((row.get(0)?, row.get(1)?)))
        .collect()
}

/// The balance of an account in each currency, in minor units. A debit is positive.
pub async fn balance(tx: &mut Tx, account: Account) -> Result<Vec<(String, i64)>> {
    let rows = tx
        .query(
            "select currency, cast(sum(amount_minor) as bigint) from ledger_entries \
             where account = $1 group by currency order by currency",
            params![account.to_string()],
        )
        .await?;
    rows.iter()
        .map(|row| Ok((row.get(0)?, row.get(1)?)))
        .collect()
}
