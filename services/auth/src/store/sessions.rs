//! The table `sessions`.

use contracts::Timestamp;
use contracts::events::auth::{Session as SessionAggregate, SessionState};
use contracts::ids::{SessionId, UserId};
use platform::db::{Row, Tx, params};
use platform::{Current, Result};

/// One sign-in of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The session's id, as the token carries it.
    pub id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// What the browser calls itself.
    pub user_agent: String,
    /// When it began.
    pub created_at: Timestamp,
    /// When its token expires.
    pub expires_at: Timestamp,
}

/// Inserts a session.
///
/// # Errors
/// When the database does not answer.
pub async fn insert(tx: &mut Tx, session: &Session) -> Result<()> {
    tx.execute_later(
        "insert into sessions (id, user_id, user_agent, created_at, expires_at) \
         values ($1, $2, $3, $4, $5)",
        params![
            session.id,
            session.user_id,
            session.user_agent,
            session.created_at,
            session.expires_at
        ],
    )
    .await
}

/// A person's live sessions, newest first, at most `limit`, those before `before` only.
///
/// # Errors
/// When the database does not answer.
pub async fn live_of(
    tx: &mut Tx,
    user_id: UserId,
    before: Option<SessionId>,
    limit: i64,
) -> Result<Vec<Session>> {
    // Ids begin with their time, so their order is the order of the sign-ins; every id sorts before "g".
    let before = before.map_or_else(|| "g".to_owned(), |id| id.to_string());
    let now = tx.now();
    let rows = tx
        .query(
            "select id, user_id, user_agent, created_at, expires_at from sessions \
             where user_id = $1 and id < $2 and revoked_at is null and expires_at > $3 \
             order by id desc limit $4",
            params![user_id, before, now, limit],
        )
        .await?;
    rows.iter().map(read).collect()
}

/// A person's live sessions after the newest `keep`.
///
/// # Errors
/// When the database does not answer.
pub async fn beyond(tx: &mut Tx, user_id: UserId, keep: i64) -> Result<Vec<SessionId>> {
    let now = tx.now();
    let rows = tx
        .query(
            "select id from sessions where user_id = $1 and revoked_at is null and expires_at > $2 \
             order by id desc limit 100 offset $3",
            params![user_id, now, keep],
        )
        .await?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// The ids of all of a person's live sessions.
///
/// # Errors
/// When the database does not answer.
pub async fn ids_of(tx: &mut Tx, user_id: UserId) -> Result<Vec<SessionId>> {
    let now = tx.now();
    let rows = tx
        .query(
            "select id from sessions \
             where user_id = $1 and revoked_at is null and expires_at > $2 order by id",
            params![user_id, now],
        )
        .await?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// Whose session this is, and whether it is revoked; `None` for one that never was or is long over.
///
/// # Errors
/// When the database does not answer.
pub async fn owner(tx: &mut Tx, id: SessionId) -> Result<Option<(UserId, bool)>> {
    let row = tx
        .query_opt(
            "select user_id, revoked_at from sessions where id = $1",
            params![id],
        )
        .await?;
    row.map(|row| Ok((row.get(0)?, row.get::<Option<i64>>(1)?.is_some())))
        .transpose()
}

/// Marks a session as revoked. The session, if it was live.
///
/// # Errors
/// When the database does not answer.
pub async fn revoke(tx: &mut Tx, id: SessionId) -> Result<Option<Session>> {
    let now = tx.now();
    let row = tx
        .query_opt(
            "update sessions set revoked_at = $2 where id = $1 and revoked_at is null \
             returning id, user_id, user_agent, created_at, expires_at",
            params![id, now],
        )
        .await?;
    row.map(|row| read(&row)).transpose()
}

/// Deletes at most `limit` sessions whose tokens expired before `time`. How many.
///
/// # Errors
/// When the database does not answer.
pub async fn delete_expired(tx: &mut Tx, time: Timestamp, limit: i64) -> Result<u64> {
    let sql = format!(
        "with old as materialized (select id from sessions where expires_at < $1 \
         order by expires_at limit $2{}) \
         delete from sessions where id in (select id from old)",
        tx.skip_locked()
    );
    tx.execute(&sql, params![time, limit]).await
}

/// What the rows after this id say of revoked sessions, in order of id: for audits.
///
/// # Errors
/// When the database does not answer.
pub async fn current(
    tx: &mut Tx,
    after: &str,
    limit: i64,
) -> Result<Vec<Current<SessionAggregate>>> {
    let rows = tx
        .query(
            "select id, user_id, user_agent, created_at, expires_at from sessions \
             where id > $1 and revoked_at is not null order by id limit $2",
            params![after, limit],
        )
        .await?;
    let current = |row: &Row| {
        let Session {
            id,
            user_id,
            expires_at,
            ..
        } = read(row)?;
        Ok(Current {
            subject: id.to_string(),
            version: Some(1),
            state: SessionState {
                id,
                user_id,
                expires_at,
            },
        })
    };
    rows.iter().map(current).collect()
}

fn read(row: &Row) -> Result<Session> {
    Ok(Session {
        id: row.get(0)?,
        user_id: row.get(1)?,
        user_agent: row.get(2)?,
        created_at: row.get(3)?,
        expires_at: row.get(4)?,
    })
}
