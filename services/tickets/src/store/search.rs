//! Search: the tickets on sale whose titles have all the words, newest first, page by page.
//!
//! The rarest word leads. If few titles have it, those are looked at; if it is one word, or the
//! beginning of a few, each is read along the index of words; else so many titles have it that a page
//! is soon found among the tickets themselves.

use std::fmt::Write as _;

use platform::db::{ToValue as _, Value};
use platform::{Result, Tx};

use super::listings::{Page, Position, bounds, page};
use super::tickets::COLUMNS;
use super::title_words;
use crate::domain::words::Term;

/// How many terms of a search, the longest, are weighed to find the rarest.
const WEIGHED_MAX: usize = 5;

/// Up to where titles are counted; fewer are sorted at once, which takes a millisecond or two.
const FEW: i64 = 1_000;

/// How many words are read along the index side by side.
const WORDS_MAX: i64 = 32;

/// Those that can be bought now and have all these words in their title; none for no words.
///
/// # Errors
/// When the database does not answer.
pub async fn search(
    tx: &mut Tx,
    terms: &[Term],
    after: Option<Position>,
    limit: i64,
) -> Result<Page> {
    let Some((count, leading)) = rarest(tx, terms).await?.filter(|(count, _)| *count > 0) else {
        return Ok(Page {
            tickets: Vec::new(),
            next: None,
        });
    };
    let [created_at, id] = bounds(after);
    let mut parameters = vec![created_at, id, (limit + 1).to_value()];
    let mut filter = String::from("t.status = 'listed'");
    for term in terms {
        parameters.push(term.pattern().to_value());
        let _ = write!(filter, " and t.words like ${}", parameters.len());
    }
    let sql = if count < FEW {
        sorted(leading, &filter, &mut parameters)
    } else {
        let words = title_words::matching(tx, leading, WORDS_MAX + 1).await?;
        if i64::try_from(words.len()).is_ok_and(|words| words <= WORDS_MAX) {
            merged(&words, &filter, &mut parameters)
        } else {
            scanned(&filter)
        }
    };
    page(tx, &sql, &parameters, limit).await
}

/// The term that the fewest titles have, and how many (up to [`FEW`]).
async fn rarest<'a>(tx: &mut Tx, terms: &'a [Term]) -> Result<Option<(i64, &'a Term)>> {
    let mut rarest = None;
    for term in terms.iter().take(WEIGHED_MAX) {
        let count = title_words::count(tx, term, FEW).await?;
        if rarest.is_none_or(|(fewest, _)| count < fewest) {
            rarest = Some((count, term));
        }
    }
    Ok(rarest)
}

/// All tickets of the term, sorted. (`cross join` keeps SQLite from beginning at the other table.)
fn sorted(leading: &Term, filter: &str, parameters: &mut Vec<Value>) -> String {
    parameters.push(leading.word().to_value());
    parameters.push(leading.end().to_value());
    let end = parameters.len();
    format!(
        "select {COLUMNS} from (select distinct created_at, ticket_id from title_words \
         where word >= ${begin} and word < ${end} and (created_at, ticket_id) < ($1, $2)) as w \
         cross join tickets t where t.id = w.ticket_id and {filter} \
         order by t.created_at desc, t.id desc limit $3",
        begin = end - 1
    )
}

/// The newest tickets of each word, each read along the index; then the newest of them all.
fn merged(words: &[String], filter: &str, parameters: &mut Vec<Value>) -> String {
    let mut parts = Vec::new();
    for (number, word) in words.iter().enumerate() {
        parameters.push(word.to_value());
        let place = parameters.len();
        parts.push(format!(
            "select * from (select {COLUMNS} from title_words w cross join tickets t \
             where w.word = ${place} and (w.created_at, w.ticket_id) < ($1, $2) \
             and t.id = w.ticket_id and {filter} \
             order by w.created_at desc, w.ticket_id desc limit $3) as found_{number}"
        ));
    }
    format!(
        "{} order by created_at desc, id desc limit $3",
        parts.join(" union ")
    )
}

/// The tickets themselves, newest first, until enough are found.
fn scanned(filter: &str) -> String {
    format!(
        "select {COLUMNS} from tickets t where (t.created_at, t.id) < ($1, $2) and {filter} \
         order by t.created_at desc, t.id desc limit $3"
    )
}

#[cfg(test)]
mod tests;
