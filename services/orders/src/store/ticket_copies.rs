//! The copy of tickets, and what else decides about a reservation.

use contracts::events::tickets::{TicketState, TicketStatus};
use contracts::ids::{TicketId, UserId};
use contracts::money::Money;
use platform::{Failure, Result, Tx, params};

use crate::domain::reservation::{Market, Offer};

/// Brings the copy to this state.
pub async fn put(tx: &mut Tx, state: &TicketState, version: i64) -> Result<()> {
    tx.put_row_later(
        1,
        "insert into ticket_copies \
         (ticket_id, version, offer_version, seller_id, title, price_minor, currency, status) \
         values ($1, $2, $3, $4, $5, $6, $7, $8) \
         on conflict (ticket_id) do update set version = excluded.version, \
         offer_version = excluded.offer_version, seller_id = excluded.seller_id, \
         title = excluded.title, price_minor = excluded.price_minor, \
         currency = excluded.currency, status = excluded.status",
        params![
            state.id,
            version,
            state.offer_version,
            state.seller_id,
            state.title,
            state.price_minor,
            state.currency,
            status_text(state.status)
        ],
    )
    .await
}

/// Forgets a ticket that its owner lost.
pub async fn remove(tx: &mut Tx, ticket_id: &str) -> Result<()> {
    tx.execute_later(
        "delete from ticket_copies where ticket_id = $1",
        params![ticket_id],
    )
    .await
}

/// The offer as it is known here, with the number of live orders on the ticket and the number of
/// orders of the buyer that wait for money: one statement, because every loser of a race runs it.
pub async fn look(
    tx: &mut Tx,
    ticket_id: TicketId,
    buyer_id: UserId,
) -> Result<Option<(Offer, i64, i64)>> {
    let row = tx
        .query_opt(
            "select version, offer_version, seller_id, title, price_minor, currency, status, \
             (select count(*) from orders where ticket_id = $1 and status in \
             ('created', 'awaiting_payment', 'capturing', 'complete', 'refunding')), \
             (select count(*) from orders where buyer_id = $2 \
             and status in ('created', 'awaiting_payment')) \
             from ticket_copies where ticket_id = $1",
            params![ticket_id, buyer_id],
        )
        .await?;
    let Some(row) = row else { return Ok(None) };
    let offer = Offer {
        ticket_id,
        version: row.get(0)?,
        offer_version: row.get(1)?,
        seller_id: row.get(2)?,
        title: row.get(3)?,
        price: Money {
            minor: row.get(4)?,
            currency: row.get(5)?,
        },
        market: market(&row.get::<String>(6)?)?,
    };
    Ok(Some((offer, row.get(7)?, row.get(8)?)))
}

/// The version of the ticket that is known here.
pub async fn version(tx: &mut Tx, ticket_id: TicketId) -> Result<Option<i64>> {
    let sql = "select version from ticket_copies where ticket_id = $1";
    let row = tx.query_opt(sql, params![ticket_id]).await?;
    row.map(|row| row.get(0)).transpose()
}

fn status_text(status: TicketStatus) -> &'static str {
    match status {
        TicketStatus::Listed => "listed",
        TicketStatus::Locked { .. } => "locked",
        TicketStatus::Sold { .. } => "sold",
        TicketStatus::Withdrawn => "withdrawn",
    }
}

fn market(status: &str) -> Result<Market> {
    match status {
        "listed" | "locked" => Ok(Market::Open),
        "sold" => Ok(Market::Sold),
        "withdrawn" => Ok(Market::Withdrawn),
        other => Err(Failure::Broken(anyhow::anyhow!(
            "a ticket is stored as {other:?}"
        ))),
    }
}
