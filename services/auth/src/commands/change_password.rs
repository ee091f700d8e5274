//! Replaces a password by one that its owner chose.

use contracts::events::auth::{User as UserAggregate, UserFact};
use contracts::ids::{SessionId, UserId};
use platform::db::Tx;
use platform::{Refused, Result};

use crate::commands::end_session::{Ended, end_all};
use crate::domain::refusal::Refusal;
use crate::store::users::User;
use crate::store::{password_resets, sessions, users};

/// Changes the password of somebody who has shown the one until now, and ends the other sessions.
///
/// # Errors
/// 401 when the session ended meanwhile, [`Refusal::WrongPassword`] when the password was changed
/// since it was compared.
pub async fn change_password(
    tx: &mut Tx,
    user: &User,
    session_id: SessionId,
    hash: &str,
) -> Result<Ended> {
    users::lock(tx, user.id).await?;
    if sessions::owner(tx, session_id).await? != Some((user.id, false)) {
        return Err(Refused::not_signed_in().into());
    }
    if !replace(tx, user.id, user.password_version, hash).await? {
        return Err(Refusal::WrongPassword.into());
    }
    end_all(tx, user.id, Some(session_id)).await
}

/// Replaces the password of this version, ends the links that could reset it, and says so. Whether
/// it still was of this version.
///
/// # Errors
/// When the database does not answer.
pub async fn replace(tx: &mut Tx, user_id: UserId, version: i64, hash: &str) -> Result<bool> {
    if !users::replace_password(tx, user_id, version, hash).await? {
        return Ok(false);
    }
    password_resets::use_up(tx, user_id).await?;
    let state = users::by_id(tx, user_id).await?.public();
    let subject = user_id.to_string();
    let head = tx.head::<UserAggregate>(&subject).await?;
    tx.append::<UserAggregate>(&subject, head, &UserFact::Changed, &state)
        .await?;
    Ok(true)
}
