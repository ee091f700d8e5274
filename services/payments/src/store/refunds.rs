//! Money to be given back, and given back.

use contracts::ids::PaymentId;
use platform::{Result, Tx, params};

use crate::domain::payment::{Payment, Refund};

/// The refunds of a payment, oldest first.
pub async fn of(tx: &mut Tx, payment_id: PaymentId) -> Result<Vec<Refund>> {
    let rows = tx
        .query(
            "select key, amount_minor, done from refunds where payment_id = $1 \
             order by asked_at, key",
            params![payment_id],
        )
        .await?;
    let read = |row: &platform::db::Row| {
        Ok(Refund {
            key: row.get(0)?,
            amount_minor: row.get(1)?,
            done: row.get(2)?,
        })
    };
    rows.iter().map(read).collect()
}

/// Brings the rows to what the payment says, and what they said `before`.
pub async fn put(tx: &mut Tx, before: &Payment, payment: &Payment) -> Result<()> {
    let now = tx.now();
    let is_kept = |old: &Refund| payment.refunds.iter().any(|refund| refund.key == old.key);
    for dropped in before.refunds.iter().filter(|old| !is_kept(old)) {
        let sql = "delete from refunds where key = $1";
        tx.execute_later(sql, params![dropped.key]).await?;
    }
    for refund in &payment.refunds {
        tx.execute(
            "insert into refunds (key, payment_id, amount_minor, done, asked_at) \
             values ($1, $2, $3, $4, $5) \
             on conflict (key) do update set amount_minor = excluded.amount_minor, \
             done = excluded.done",
            params![
                refund.key,
                payment.id,
                refund.amount_minor,
                refund.done,
                now
            ],
        )
        .await?;
    }
    Ok(())
}
