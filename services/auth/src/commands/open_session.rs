//! Signs a person in who has just shown the password.

use platform::Result;
use platform::db::Tx;

use crate::commands::end_session::{Ended, end};
use crate::domain::refusal::Refusal;
use crate::store::sessions::{self, Session};
use crate::store::users::{self, User};

/// Somebody who has shown their password.
#[derive(Debug, Clone)]
pub struct Proven {
    /// The account as it was when the password was compared.
    pub user: User,
    /// A hash of today's cost, when the stored one is of an older cost.
    pub rehashed: Option<String>,
}

/// Opens a session; of more than `sessions_max` the oldest end.
///
/// # Errors
/// [`Refusal::WrongCredentials`] when the password was changed since it was compared.
pub async fn open_session(
    tx: &mut Tx,
    proven: &Proven,
    session: &Session,
    sessions_max: i64,
) -> Result<Ended> {
    let user = &proven.user;
    users::lock(tx, user.id).await?;
    if users::by_id(tx, user.id).await?.password_version != user.password_version {
        return Err(Refusal::WrongCredentials.into());
    }
    if let Some(hash) = &proven.rehashed {
        users::rehash(tx, user.id, user.password_version, hash).await?;
    }
    sessions::insert(tx, session).await?;
    let oldest = sessions::beyond(tx, user.id, sessions_max).await?;
    end(tx, &oldest).await
}
