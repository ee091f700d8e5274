//! The table `password_resets`.

use contracts::Timestamp;
use contracts::ids::UserId;
use platform::Result;
use platform::db::{Tx, params};
use uuid::Uuid;

use crate::domain::email::Email;

/// A request whose mail is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// What the token is computed from.
    pub id: String,
    /// Where the mail is to go, if somebody has signed up with it.
    pub email: String,
    /// How often the mail was tried.
    pub tries: i64,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// Until when the link works.
    pub expires_at: Timestamp,
}

/// Inserts a request. Whether anybody has this address is looked up later.
///
/// # Errors
/// When the database does not answer.
pub async fn insert(tx: &mut Tx, id: Uuid, email: &Email, expires_at: Timestamp) -> Result<()> {
    let now = tx.now();
    tx.execute_later(
        "insert into password_resets \
         (id, email, state, tries, next_try_at, requested_at, expires_at) \
         values ($1, $2, 'requested', 0, $3, $3, $4)",
        params![id.to_string(), email.as_str(), now, expires_at],
    )
    .await
}

/// The requests whose mails are due, at most `limit`; not those that another replica is taking. They
/// stay as they are until the transaction ends.
///
/// # Errors
/// When the database does not answer.
pub async fn due(tx: &mut Tx, limit: i64) -> Result<Vec<Due>> {
    let now = tx.now();
    let sql = format!(
        "select id, email, tries, requested_at, expires_at from password_resets \
         where state in ('requested', 'sending') and next_try_at <= $1 \
         order by next_try_at, id limit $2{}",
        tx.skip_locked()
    );
    let rows = tx.query(&sql, params![now, limit]).await?;
    let read = |row: &platform::db::Row| {
        Ok(Due {
            id: row.get(0)?,
            email: row.get(1)?,
            tries: row.get(2)?,
            requested_at: row.get(3)?,
            expires_at: row.get(4)?,
        })
    };
    rows.iter().map(read).collect()
}

/// When the next mail is due.
///
/// # Errors
/// When the database does not answer.
pub async fn next_due(tx: &mut Tx) -> Result<Option<Timestamp>> {
    let sql =
        "select min(next_try_at) from password_resets where state in ('requested', 'sending')";
    tx.query_one(sql, &[]).await?.get(0)
}

/// How many links were sent, or begun to be sent, to an address for requests after `since`.
///
/// # Errors
/// When the database does not answer.
pub async fn sent_since(tx: &mut Tx, email: &str, since: Timestamp) -> Result<i64> {
    let row = tx
        .query_one(
            "select count(*) from password_resets \
             where email = $1 and requested_at > $2 and token_hash is not null",
            params![email, since],
        )
        .await?;
    row.get(0)
}

/// Notes, before the mail goes out, whose password the link resets and the hash of its token.
///
/// # Errors
/// When the database does not answer.
pub async fn begin_sending(
    tx: &mut Tx,
    id: &str,
    user_id: UserId,
    token_hash: &str,
    next_try_at: Timestamp,
) -> Result<()> {
    tx.execute_later(
        "update password_resets set state = 'sending', user_id = $2, token_hash = $3, \
         tries = tries + 1, next_try_at = $4 where id = $1",
        params![id, user_id, token_hash, next_try_at],
    )
    .await
}

/// Notes what became of sending: `sent`, `failed`, or `sending` to try again at `next_try_at`.
/// A link that was used meanwhile stays used; one whose mail is being sent anew, because this try took
/// longer than its lease, is left to that try.
///
/// # Errors
/// When the database does not answer.
pub async fn end_sending(
    tx: &mut Tx,
    (id, tries): (&str, i64),
    state: &str,
    next_try_at: Timestamp,
) -> Result<()> {
    tx.execute_later(
        "update password_resets set state = $3, next_try_at = $4 \
         where id = $1 and state = 'sending' and tries = $2",
        params![id, tries, state, next_try_at],
    )
    .await
}

/// Whose password the link with this token resets, while it works.
///
/// # Errors
/// When the database does not answer.
pub async fn usable(tx: &mut Tx, token_hash: &str) -> Result<Option<UserId>> {
    let now = tx.now();
    let row = tx
        .query_opt(
            "select user_id from password_resets where token_hash = $1 \
             and state in ('sending', 'sent') and expires_at > $2",
            params![token_hash, now],
        )
        .await?;
    row.map(|row| row.get(0)).transpose()
}

/// Uses the link with this token up. Whether it still worked.
///
/// # Errors
/// When the database does not answer.
pub async fn use_one(tx: &mut Tx, token_hash: &str) -> Result<bool> {
    let now = tx.now();
    let used = tx
        .execute(
            "update password_resets set state = 'used' where token_hash = $1 \
             and state in ('sending', 'sent') and expires_at > $2",
            params![token_hash, now],
        )
        .await?;
    Ok(used == 1)
}

/// Ends every link of a person: a password has just been chosen.
///
/// # Errors
/// When the database does not answer.
pub async fn use_up(tx: &mut Tx, user_id: UserId) -> Result<()> {
    tx.execute_later(
        "update password_resets set state = 'used' \
         where user_id = $1 and state in ('sending', 'sent')",
        params![user_id],
    )
    .await
}

/// Deletes a request that nobody will be written to about.
///
/// # Errors
/// When the database does not answer.
pub async fn delete(tx: &mut Tx, id: &str) -> Result<()> {
    tx.execute_later("delete from password_resets where id = $1", params![id])
        .await
}

/// Deletes a request whose mail was never begun.
///
/// # Errors
/// When the database does not answer.
pub async fn drop_unbegun(tx: &mut Tx, id: &str) -> Result<()> {
    tx.execute_later(
        "delete from password_resets where id = $1 and state = 'requested'",
        params![id],
    )
    .await
}

/// Deletes at most `limit` requests whose links stopped working before `time`. How many.
///
/// # Errors
/// When the database does not answer.
pub async fn delete_expired(tx: &mut Tx, time: Timestamp, limit: i64) -> Result<u64> {
    let sql = format!(
        "with old as materialized (select id from password_resets where expires_at < $1 \
         order by expires_at limit $2{}) \
         delete from password_resets where id in (select id from old)",
        tx.skip_locked()
    );
    tx.execute(&sql, params![time, limit]).await
}
