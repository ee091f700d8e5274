//! Lists of tickets, newest first, page by page: each is read along an index from where the last
//! page ended.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use contracts::Timestamp;
use contracts::ids::{TicketId, UserId};
use platform::db::{ToValue as _, Value};
use platform::{Result, Tx, params};

use super::tickets::{COLUMNS, ticket_in};
use super::title_words;
use crate::domain::Ticket;
use crate::domain::words::Term;

/// A search whose leading term matches more words than this reads the tickets themselves instead of
/// the index of words: then so many titles have one that a page of them is found soon.
const WORDS_MAX: i64 = 32;

/// How many terms of a search are weighed to find the rarest.
const COUNTED_TERMS_MAX: usize = 5;

/// Up to where titles are counted to weigh a term: some 50 µs of reading.
const COUNT_MAX: i64 = 1_000;

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

/// Those that can be bought now and have all these words in their title.
///
/// # Errors
/// When the database does not answer.
pub async fn search(
    tx: &mut Tx,
    terms: &[Term],
    after: Option<Position>,
    limit: i64,
) -> Result<Page> {
    let Some((leading, others)) = rarest(tx, terms).await? else {
        return Ok(Page {
            tickets: Vec::new(),
            next: None,
        });
    };
    let words = title_words::matching(tx, leading, WORDS_MAX + 1).await?;
    let [created_at, id] = bounds(after);
    let mut parameters = vec![created_at, id, (limit + 1).to_value()];
    let sql = if i64::try_from(words.len()).is_ok_and(|count| count > WORDS_MAX) {
        let all: Vec<&Term> = terms.iter().collect();
        let filter = title_filter(&all, &mut parameters);
        format!(
            "select {COLUMNS} from tickets t \
             where t.status = 'listed' and (t.created_at, t.id) < ($1, $2){filter} \
             order by t.created_at desc, t.id desc limit $3"
        )
    } else if words.is_empty() {
        return Ok(Page {
            tickets: Vec::new(),
            next: None,
        });
    } else {
        let filter = title_filter(&others, &mut parameters);
        merged(&words, &filter, &mut parameters)
    };
    page(tx, &sql, &parameters, limit).await
}

/// The term that the fewest titles have, by a bounded count of the longest few, and the other terms.
async fn rarest<'a>(tx: &mut Tx, terms: &'a [Term]) -> Result<Option<(&'a Term, Vec<&'a Term>)>> {
    let mut leading = None;
    if terms.len() > 1 {
        for (place, term) in terms.iter().enumerate().take(COUNTED_TERMS_MAX) {
            let count = title_words::count(tx, term, COUNT_MAX).await?;
            if leading.is_none_or(|(fewest, _)| count < fewest) {
                leading = Some((count, place));
            }
        }
    }
    let leading = leading.map_or(0, |(_, place)| place);
    let others = terms
        .iter()
        .enumerate()
        .filter(|(place, _)| *place != leading);
    let others = others.map(|(_, term)| term).collect();
    Ok(terms.get(leading).map(|term| (term, others)))
}

/// The newest tickets of each word, each read along the index; then the newest of them all. (`cross
/// join` keeps SQLite from beginning at the other table.)
fn merged(words: &[String], filter: &str, parameters: &mut Vec<Value>) -> String {
    let mut parts = Vec::new();
    for (number, word) in words.iter().enumerate() {
        parameters.push(word.to_value());
        let place = parameters.len();
        parts.push(format!(
            "select * from (select {COLUMNS} from title_words w cross join tickets t \
             where w.word = ${place} and (w.created_at, w.ticket_id) < ($1, $2) \
             and t.id = w.ticket_id and t.status = 'listed'{filter} \
             order by w.created_at desc, w.ticket_id desc limit $3) as found_{number}"
        ));
    }
    format!(
        "{} order by created_at desc, id desc limit $3",
        parts.join(" union ")
    )
}

fn title_filter(terms: &[&Term], parameters: &mut Vec<Value>) -> String {
    let mut filter = String::new();
    for term in terms {
        parameters.push(term.pattern().to_value());
        let _ = write!(filter, " and t.words like ${}", parameters.len());
    }
    filter
}

/// What comes before the page, as `$1` and `$2`; before the first page comes the end of time.
fn bounds(after: Option<Position>) -> [Value; 2] {
    match after {
        Some(position) => [position.created_at.to_value(), position.id.to_value()],
        None => [Value::Int(i64::MAX), Value::Text(String::new())],
    }
}

async fn page(tx: &mut Tx, sql: &str, parameters: &[Value], limit: i64) -> Result<Page> {
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
