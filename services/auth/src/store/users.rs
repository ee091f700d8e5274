//! The table `users`.

use contracts::Timestamp;
use contracts::events::auth::{User as UserAggregate, UserState};
use contracts::ids::UserId;
use platform::db::{Row, Tx, params};
use platform::{Current, Failure, Result};

use crate::domain::email::Email;

/// A person's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The person's id.
    pub id: UserId,
    /// The normalised address.
    pub email: String,
    /// The password, as a PHC string.
    pub password_hash: String,
    /// How often the password was chosen; hashing it anew does not count.
    pub password_version: i64,
    /// BCP 47 tag of the language for messages.
    pub language: String,
}

impl User {
    /// What others may know of the person.
    #[must_use]
    pub fn public(&self) -> UserState {
        UserState {
            id: self.id,
            email: self.email.clone(),
            language: self.language.clone(),
            closed: false,
        }
    }
}

/// Lets one transaction at a time change a person's password and sessions: its first statement. A
/// password that is being replaced opens no session that the change would not see.
///
/// # Errors
/// When the database does not answer.
pub async fn lock(tx: &mut Tx, id: UserId) -> Result<()> {
    tx.lock(&[&format!("user {id}")]).await
}

/// Inserts a person, unless the address is taken. Whether it was inserted.
///
/// # Errors
/// When the database does not answer.
pub async fn insert(tx: &mut Tx, user: &User, now: Timestamp) -> Result<bool> {
    let inserted = tx
        .execute(
            "insert into users \
             (id, email, password_hash, password_version, language, created_at) \
             values ($1, $2, $3, $4, $5, $6) on conflict do nothing",
            params![
                user.id,
                user.email,
                user.password_hash,
                user.password_version,
                user.language,
                now
            ],
        )
        .await?;
    Ok(inserted == 1)
}

/// The person with this address.
///
/// # Errors
/// When the database does not answer.
pub async fn by_email(tx: &mut Tx, email: &Email) -> Result<Option<User>> {
    let row = tx
        .query_opt(
            "select id, email, password_hash, password_version, language from users where email = $1",
            params![email.as_str()],
        )
        .await?;
    row.map(|row| read(&row)).transpose()
}

/// The person with this id.
///
/// # Errors
/// When the database does not answer, or there is no such person.
pub async fn by_id(tx: &mut Tx, id: UserId) -> Result<User> {
    let row = tx
        .query_opt(
            "select id, email, password_hash, password_version, language from users where id = $1",
            params![id],
        )
        .await?;
    let row = row.ok_or_else(|| Failure::Broken(anyhow::anyhow!("no user {id}")))?;
    read(&row)
}

/// Replaces the password if it still is the one of this version. Whether it was.
///
/// # Errors
/// When the database does not answer.
pub async fn replace_password(tx: &mut Tx, id: UserId, version: i64, hash: &str) -> Result<bool> {
    let changed = tx
        .execute(
            "update users set password_hash = $3, password_version = password_version + 1 \
             where id = $1 and password_version = $2",
            params![id, version, hash],
        )
        .await?;
    Ok(changed == 1)
}

/// Replaces the hash of the same password.
///
/// # Errors
/// When the database does not answer.
pub async fn rehash(tx: &mut Tx, id: UserId, version: i64, hash: &str) -> Result<()> {
    tx.execute_later(
        "update users set password_hash = $3 where id = $1 and password_version = $2",
        params![id, version, hash],
    )
    .await
}

/// What the rows after this id say of people, in order of id: for audits.
///
/// # Errors
/// When the database does not answer.
pub async fn current(tx: &mut Tx, after: &str, limit: i64) -> Result<Vec<Current<UserAggregate>>> {
    let rows = tx
        .query(
            "select id, email, password_hash, password_version, language from users \
             where id > $1 order by id limit $2",
            params![after, limit],
        )
        .await?;
    let current = |row: &Row| {
        let user = read(row)?;
        Ok(Current {
            subject: user.id.to_string(),
            version: None,
            state: user.public(),
        })
    };
    rows.iter().map(current).collect()
}

fn read(row: &Row) -> Result<User> {
    Ok(User {
        id: row.get(0)?,
        email: row.get(1)?,
        password_hash: row.get(2)?,
        password_version: row.get(3)?,
        language: row.get(4)?,
    })
}
