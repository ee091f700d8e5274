//! The table `tickets`: one row for each listing.

use contracts::events::tickets::{Ticket as Aggregate, TicketStatus};
use contracts::ids::{OrderId, TicketId};
use contracts::money::Money;
use platform::db::{Row, Value};
use platform::{Current, Result, Tx, params};

use crate::domain::words::{stored_words, words_of};
use crate::domain::{Offer, Ticket, Title};

/// What [`ticket_in`] reads, from `tickets as t`.
pub const COLUMNS: &str = "t.id, t.seller_id, t.title, t.price_minor, t.currency, t.status, \
     t.order_id, t.offer_version, t.epoch, t.version, t.created_at";

/// The listing of this id.
///
/// # Errors
/// When the database does not answer.
pub async fn find(tx: &mut Tx, id: TicketId) -> Result<Option<Ticket>> {
    let sql = format!("select {COLUMNS} from tickets t where t.id = $1");
    let row = tx.query_opt(&sql, params![id]).await?;
    row.as_ref().map(ticket_in).transpose()
}

/// The tickets that an order holds or has bought.
///
/// # Errors
/// When the database does not answer.
pub async fn of_order(tx: &mut Tx, order_id: OrderId) -> Result<Vec<TicketId>> {
    let sql = "select id from tickets where order_id = $1";
    let rows = tx.query(sql, params![order_id]).await?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// A new row.
///
/// # Errors
/// When the database does not answer.
pub async fn insert(tx: &mut Tx, ticket: &Ticket) -> Result<()> {
    let (status, order_id) = status_columns(ticket.status);
    let title = ticket.offer.title.as_str();
    tx.execute_later(
        "insert into tickets (id, seller_id, title, words, price_minor, currency, status, \
         order_id, offer_version, epoch, version, created_at) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        params![
            ticket.id,
            ticket.seller_id,
            title,
            stored_words(&words_of(title)),
            ticket.offer.price.minor,
            ticket.offer.price.currency,
            status,
            order_id,
            ticket.offer_version,
            ticket.epoch,
            ticket.version,
            ticket.created_at
        ],
    )
    .await
}

/// The row after a change that left the offer as it was.
///
/// # Errors
/// When the database does not answer.
pub async fn update(tx: &mut Tx, ticket: &Ticket) -> Result<()> {
    let (status, order_id) = status_columns(ticket.status);
    tx.execute_later(
        "update tickets set status = $2, order_id = $3, offer_version = $4, epoch = $5, \
         version = $6 where id = $1",
        params![
            ticket.id,
            status,
            order_id,
            ticket.offer_version,
            ticket.epoch,
            ticket.version
        ],
    )
    .await
}

/// The offer in the row, with the words of its title.
///
/// # Errors
/// When the database does not answer.
pub async fn update_offer(tx: &mut Tx, ticket: &Ticket) -> Result<()> {
    let Offer { title, price } = &ticket.offer;
    let words = stored_words(&words_of(title.as_str()));
    tx.execute_later(
        "update tickets set title = $2, words = $3, price_minor = $4, currency = $5 where id = $1",
        params![
            ticket.id,
            title.as_str(),
            words,
            price.minor,
            price.currency
        ],
    )
    .await
}

/// The words under which the title stands in `title_words`.
///
/// # Errors
/// When the database does not answer or there is no such ticket.
pub async fn words(tx: &mut Tx, id: TicketId) -> Result<Vec<String>> {
    let row = tx
        .query_one("select words from tickets where id = $1", params![id])
        .await?;
    Ok(row
        .get::<String>(0)?
        .split_whitespace()
        .map(str::to_owned)
        .collect())
}

/// What the rows after this id say, in order of id: for audits.
///
/// # Errors
/// When the database does not answer.
pub async fn current(tx: &mut Tx, after: &str, limit: i64) -> Result<Vec<Current<Aggregate>>> {
    let sql = format!("select {COLUMNS} from tickets t where t.id > $1 order by t.id limit $2");
    let rows = tx.query(&sql, params![after, limit]).await?;
    let current = |row: &Row| {
        let ticket = ticket_in(row)?;
        Ok(Current {
            subject: ticket.id.to_string(),
            version: Some(ticket.version),
            state: ticket.public_state(),
        })
    };
    rows.iter().map(current).collect()
}

/// Reads [`COLUMNS`].
///
/// # Errors
/// When they hold something else: a fault of our own.
pub fn ticket_in(row: &Row) -> Result<Ticket> {
    let title = Title::stored(row.get(2)?);
    let price = Money {
        minor: row.get(3)?,
        currency: row.get(4)?,
    };
    Ok(Ticket {
        id: row.get(0)?,
        seller_id: row.get(1)?,
        offer: Offer { title, price },
        status: status_in(row)?,
        offer_version: row.get(7)?,
        epoch: row.get(8)?,
        version: row.get(9)?,
        created_at: row.get(10)?,
    })
}

fn status_in(row: &Row) -> Result<TicketStatus> {
    let status: String = row.get(5)?;
    Ok(match status.as_str() {
        "listed" => TicketStatus::Listed,
        "locked" => TicketStatus::Locked {
            order_id: row.get(6)?,
        },
        "sold" => TicketStatus::Sold {
            order_id: row.get(6)?,
        },
        "withdrawn" => TicketStatus::Withdrawn,
        other => return Err(anyhow::anyhow!("unknown ticket status {other:?}").into()),
    })
}

fn status_columns(status: TicketStatus) -> (Value, Option<OrderId>) {
    let (text, order_id) = match status {
        TicketStatus::Listed => ("listed", None),
        TicketStatus::Locked { order_id } => ("locked", Some(order_id)),
        TicketStatus::Sold { order_id } => ("sold", Some(order_id)),
        TicketStatus::Withdrawn => ("withdrawn", None),
    };
    (Value::Text(text.to_owned()), order_id)
}
