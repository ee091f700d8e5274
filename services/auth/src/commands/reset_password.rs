//! Replaces a forgotten password, for whoever has the link.

use platform::Result;
use platform::db::Tx;

use crate::commands::change_password::replace;
use crate::commands::end_session::{Ended, end_all};
use crate::domain::refusal::Refusal;
use crate::store::{password_resets, users};

/// Replaces the password and ends every session. The link, and any other of the same person, works
/// no more.
///
/// # Errors
/// [`Refusal::ResetLinkInvalid`] when the link does not work.
pub async fn reset_password(tx: &mut Tx, token_hash: &str, hash: &str) -> Result<Ended> {
    let user_id = password_resets::usable(tx, token_hash)
        .await?
        .ok_or(Refusal::ResetLinkInvalid)?;
    users::lock(tx, user_id).await?;
    // Of two that come with the same link at once, one only gets further.
    if !password_resets::use_one(tx, token_hash).await? {
        return Err(Refusal::ResetLinkInvalid.into());
    }
    let version = users::by_id(tx, user_id).await?.password_version;
    if !replace(tx, user_id, version, hash).await? {
        return Err(Refusal::ResetLinkInvalid.into());
    }
    end_all(tx, user_id, None).await
}
