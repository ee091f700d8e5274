//! The table `messages`.

use contracts::Timestamp;
use contracts::ids::{MessageId, UserId};
use platform::db::{Row, params};
use platform::{Result, Tx, lease};

use crate::domain::delivery::State;

/// A message that is to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft<'a> {
    /// The occasion's name.
    pub template: &'static str,
    /// The event that it tells of.
    pub event_id: &'a str,
    /// Who it goes to.
    pub person: UserId,
    /// Their address.
    pub recipient: String,
    /// The content as text.
    pub text: String,
    /// The content as HTML.
    pub html: String,
}

/// A message that is to be handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Its id.
    pub id: String,
    /// The occasion's name.
    pub template: String,
    /// The event that it tells of.
    pub event_id: String,
    /// The address it goes to.
    pub recipient: String,
    /// The subject.
    pub subject: String,
    /// The content as text.
    pub text: String,
    /// The content as HTML.
    pub html: String,
    /// How often it was tried, this time included.
    pub tries: i64,
    /// When it was written.
    pub created_at: Timestamp,
}

/// Inserts a message, unless there is one of the same template and event.
///
/// # Errors
/// When the database does not answer.
pub async fn insert(tx: &mut Tx, draft: &Draft<'_>, subject: &str) -> Result<()> {
    let (id, now) = (tx.new_id::<MessageId>(), tx.now());
    tx.execute_later(
        "insert into messages (id, template, event_id, user_id, recipient, subject, body_text, \
         body_html, state, tries, next_try_at, error, created_at) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, $10, '', $10) on conflict do nothing",
        params![
            id,
            draft.template,
            draft.event_id,
            draft.person,
            draft.recipient,
            subject,
            draft.text,
            draft.html,
            State::Queued.name(),
            now
        ],
    )
    .await
}

/// Takes the messages that are due, at most `limit`, first those that wait longest: each is noted as
/// being handed over by this replica, and is due again when the lease ends.
///
/// # Errors
/// When the database does not answer.
pub async fn take(
    tx: &mut Tx,
    limit: i64,
    (replica, lease_ends): (&str, Timestamp),
) -> Result<Vec<Due>> {
    let now = tx.now();
    let sql = format!(
        "with due as materialized (select id from messages \
         where state in ('queued', 'sending') and next_try_at <= $1 \
         order by next_try_at, id limit $2{}) \
         update messages set state = $3, tries = tries + 1, next_try_at = $4, holder = $5 \
         where id in (select id from due) \
         returning id, template, event_id, recipient, subject, body_text, body_html, tries, \
         created_at",
        tx.skip_locked()
    );
    let sending = State::Sending.name();
    let rows = tx
        .query(&sql, params![now, limit, sending, lease_ends, replica])
        .await?;
    rows.iter().map(read).collect()
}

/// When the next message is due, and whether some are being handed over.
///
/// # Errors
/// When the database does not answer.
pub async fn next_due(tx: &mut Tx) -> Result<(Option<Timestamp>, bool)> {
    let sql = "select min(next_try_at), coalesce(max(case state when 'sending' then 1 else 0 end), 0) \
               from messages where state in ('queued', 'sending')";
    let row = tx.query_one(sql, &[]).await?;
    Ok((row.get(0)?, row.get(1)?))
}

/// Makes due again what was being handed over with a lease that ends before `until`. How many.
///
/// # Errors
/// When the database does not answer.
pub async fn release(tx: &mut Tx, until: Timestamp) -> Result<u64> {
    let now = tx.now();
    tx.execute(
        "update messages set next_try_at = $1 \
         where state = $3 and next_try_at > $1 and next_try_at <= $2",
        params![now, until, State::Sending.name()],
    )
    .await
}

/// Makes due again what another replica was handing over that has gone. How many.
///
/// # Errors
/// When the database does not answer.
pub async fn release_of_gone(tx: &mut Tx, replica: &str) -> Result<u64> {
    let now = tx.now();
    let sql = format!(
        "update messages set next_try_at = $1 where state = $3 and next_try_at > $1 and {}",
        lease::is_gone("messages.holder", "$2", "$1")
    );
    let sending = State::Sending.name();
    tx.execute(&sql, params![now, replica, sending]).await
}

/// Notes where a message that was being handed over stands now, and when it is due if it is. One that
/// is being handed over anew, because this try took longer than its lease, is left to that try.
///
/// # Errors
/// When the database does not answer.
pub async fn end(
    tx: &mut Tx,
    message: &Due,
    (state, next_try_at): (State, Timestamp),
    error: &str,
) -> Result<()> {
    tx.execute_later(
        "update messages set state = $2, next_try_at = $3, error = $4, holder = null \
         where id = $1 and state = $5 and tries = $6",
        params![
            message.id,
            state.name(),
            next_try_at,
            error,
            State::Sending.name(),
            message.tries
        ],
    )
    .await
}

/// Empties at most `limit` messages written before `time` that are done with: what stays is that
/// they were written. How many.
///
/// # Errors
/// When the database does not answer.
pub async fn forget(tx: &mut Tx, time: Timestamp, limit: i64) -> Result<u64> {
    let sql = format!(
        "with old as materialized (select id from messages where state in ('sent', 'failed') \
         and recipient <> '' and created_at < $1 order by created_at limit $2{}) \
         update messages set recipient = '', subject = '', body_text = '', body_html = '' \
         where id in (select id from old)",
        tx.skip_locked()
    );
    tx.execute(&sql, params![time, limit]).await
}

fn read(row: &Row) -> Result<Due> {
    Ok(Due {
        id: row.get(0)?,
        template: row.get(1)?,
        event_id: row.get(2)?,
        recipient: row.get(3)?,
        subject: row.get(4)?,
        text: row.get(5)?,
        html: row.get(6)?,
        tries: row.get(7)?,
        created_at: row.get(8)?,
    })
}
