//! Takes down that somebody has forgotten a password.

use std::time::Duration;

use platform::Result;
use platform::clock::later;
use platform::db::Tx;

use crate::domain::email::Email;
use crate::store::password_resets;

/// The job that writes the mails.
pub const RESET_MAILS: &str = "reset-mails";

/// Asks for a mail with a link that works for `lifetime`. What this does is the same whether anybody
/// has the address or not, so that neither the answer nor its time tells.
///
/// # Errors
/// When the database does not answer.
pub async fn request_reset(tx: &mut Tx, email: &Email, lifetime: Duration) -> Result<()> {
    let (id, expires_at) = (tx.new_id(), later(tx.now(), lifetime));
    password_resets::insert(tx, id, email, expires_at).await?;
    tx.wake(RESET_MAILS);
    Ok(())
}
