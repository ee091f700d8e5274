//! The table `user_copies`: a copy of auth's users.

use contracts::ids::UserId;
use platform::db::params;
use platform::{Result, Tx};

/// Brings a person's row to the present state.
///
/// # Errors
/// When the database does not answer.
pub async fn upsert(tx: &mut Tx, id: UserId, email: &str, language: &str) -> Result<()> {
    tx.put_row_later(
        1,
        "insert into user_copies (id, email, language) values ($1, $2, $3) \
         on conflict (id) do update set email = excluded.email, language = excluded.language",
        params![id, email, language],
    )
    .await
}

/// Where messages to a person go; an empty address when the account is closed.
///
/// # Errors
/// When the database does not answer.
pub async fn email(tx: &mut Tx, id: UserId) -> Result<Option<String>> {
    let row = tx
        .query_opt("select email from user_copies where id = $1", params![id])
        .await?;
    row.map(|row| row.get(0)).transpose()
}

/// Forgets a person whom auth has lost.
///
/// # Errors
/// When the database does not answer.
pub async fn delete(tx: &mut Tx, id: &str) -> Result<()> {
    tx.execute_later("delete from user_copies where id = $1", params![id])
        .await
}
