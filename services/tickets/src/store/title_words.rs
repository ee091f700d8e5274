//! The table `title_words`: which tickets, newest first, have a word in their title.

use platform::{Result, Tx, params};

use crate::domain::Ticket;
use crate::domain::words::Term;

/// The ticket can be found by these words.
///
/// # Errors
/// When the database does not answer.
pub async fn add(tx: &mut Tx, ticket: &Ticket, words: &[String]) -> Result<()> {
    for word in words {
        tx.put_row_later(
            3,
            "insert into title_words (word, created_at, ticket_id) values ($1, $2, $3) \
             on conflict do nothing",
            params![word, ticket.created_at, ticket.id],
        )
        .await?;
    }
    Ok(())
}

/// The ticket can no longer be found by these words.
///
/// # Errors
/// When the database does not answer.
pub async fn remove(tx: &mut Tx, ticket: &Ticket, words: &[String]) -> Result<()> {
    for word in words {
        tx.execute_later(
            "delete from title_words where word = $1 and created_at = $2 and ticket_id = $3",
            params![word, ticket.created_at, ticket.id],
        )
        .await?;
    }
    Ok(())
}

/// The distinct words that a term matches, in byte order, at most `max`. It jumps from word to word
/// over the index, and so costs as much as there are words, however many tickets have them.
///
/// # Errors
/// When the database does not answer.
pub async fn matching(tx: &mut Tx, term: &Term, max: i64) -> Result<Vec<String>> {
    let rows = tx
        .query(
            "with recursive matching (word) as ( \
             select min(word) from title_words where word >= $1 and word < $2 \
             union all \
             select (select min(w.word) from title_words w where w.word > m.word and w.word < $2) \
             from matching m where m.word is not null) \
             select word from matching where word is not null limit $3",
            params![term.word(), term.end(), max],
        )
        .await?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// How often the words that a term matches stand in titles, counted up to `max`.
///
/// # Errors
/// When the database does not answer.
pub async fn count(tx: &mut Tx, term: &Term, max: i64) -> Result<i64> {
    let row = tx
        .query_one(
            "select count(*) from (select 1 from title_words \
             where word >= $1 and word < $2 limit $3) as found",
            params![term.word(), term.end(), max],
        )
        .await?;
    row.get(0)
}
