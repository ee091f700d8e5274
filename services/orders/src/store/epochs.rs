//! Each ticket's epoch counter.

use contracts::ids::TicketId;
use platform::{Result, Tx, params};

/// The next epoch of a ticket: one more than the last, and at least the time in microseconds, so that
/// a database restored from a backup gives out none that tickets has seen.
pub async fn next(tx: &mut Tx, ticket_id: TicketId) -> Result<i64> {
    let row = tx
        .query_one(
            "insert into epochs (ticket_id, epoch) values ($1, $2) \
             on conflict (ticket_id) do update set epoch = case \
             when excluded.epoch > epochs.epoch then excluded.epoch else epochs.epoch + 1 end \
             returning epoch",
            params![ticket_id, tx.now().as_microsecond()],
        )
        .await?;
    row.get(0)
}
