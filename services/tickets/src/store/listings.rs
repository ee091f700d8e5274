//! Lists of tickets, newest first, page by page: each is read along an index from where the last
//! page ended.

use std::fmt;
use std::str::FromStr;

use contracts::Timestamp;
use contracts::ids::{TicketId, UserId};
use platform::db::{ToValue as _, Value};
use platform::{Result, Tx, params};

use super::tickets::{COLUMNS, ticket_in};
use crate::domain::Ticket;

/// A ticket's place in a list; pages begin after one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    created_at: Timestamp,
    id: TicketId,
}

/// A page, and where the next one begins if there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Newest first.
    pub tickets: Vec<Ticket>,
    /// The last ticket's place, if more follow.
    pub next: Option<Position>,
}

impl Position {
    fn of(ticket: &Ticket) -> Self {
        Self {
            created_at: ticket.created_at,
            id: ticket.id,
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.created_at.as_microsecond(), self.id)
    }
}

impl FromStr for Position {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (created_at, id) = text.split_once('/').ok_or(())?;
        let created_at = created_at
            .parse()
            .ok()
            .and_then(|t| Timestamp::from_microsecond(t).ok());
        Ok(Self {
            created_at: created_at.ok_or(())?,
            id: id.parse().map_err(drop)?,
        })
    }
}

/// Those that can be bought now.
///
/// # Errors
/// When the database does not answer.
pub async fn listed(tx: &mut Tx, after: Option<Position>, limit: i64) -> Result<Page> {
    let sql = format!(
        "select {COLUMNS} from tickets t \
         where t.status = 'listed' and (t.created_at, t.id) < ($1, $2) \
         order by t.created_at desc, t.id desc limit $3"
    );
    let [created_at, id] = bounds(after);
    page(tx, &sql, params![created_at, id, limit + 1], limit).await
}

/// A seller's own, in every state.
///
/// # Errors
/// When the database does not answer.
pub async fn of_seller(
    tx: &mut Tx,
    seller: UserId,
    after: Option<Position>,
    limit: i64,
) -> Result<Page> {
    let sql = format!(
        "select {COLUMNS} from tickets t \
         where t.seller_id = $4 and (t.created_at, t.id) < ($1, $2) \
         order by t.created_at desc, t.id desc limit $3"
    );
    let [created_at, id] = bounds(after);
    page(tx, &sql, params![created_at, id, limit + 1, seller], limit).await
}

/// What comes before the page, as `$1` and `$2`; before the first page comes the end of time.
pub(super) fn bounds(after: Option<Position>) -> [Value; 2] {
    match after {
        Some(position) => [position.created_at.to_value(), position.id.to_value()],
        None => [Value::Int(i64::MAX), Value::Text(String::new())],
    }
}

pub(super) async fn page(tx: &mut Tx, sql: &str, parameters: &[Value], limit: i64) -> Result<Page> {
    let rows = tx.query(sql, parameters).await?;
    let mut tickets = rows.iter().map(ticket_in).collect::<Result<Vec<_>>>()?;
    let full = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = tickets.len() > full;
    tickets.truncate(full);
    let next = tickets.last().filter(|_| more).map(Position::of);
    Ok(Page { tickets, next })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_read_as_it_was_written() {
        let text = "1764000000000000/0192aaaa-bbbb-7ccc-8ddd-eeeeffff0000";
        assert_eq!(text.parse::<Position>().unwrap().to_string(), text);
        for bad in [
            "",
            "/",
            "1/",
            "x/0192aaaa-bbbb-7ccc-8ddd-eeeeffff0000",
            "1764000000000000",
        ] {
            assert_eq!(bad.parse::<Position>(), Err(()), "{bad}");
        }
    }
}
