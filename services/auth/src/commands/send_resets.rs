//! Prepares the mails with reset links, and notes what became of them.

use std::time::Duration;

use contracts::Timestamp;
use platform::clock::later;
use platform::db::Tx;
use platform::{Failure, Result};

use crate::domain::email::Email;
use crate::domain::reset_token;
use crate::store::{password_resets, users};

/// How many mails are prepared in one transaction.
const BATCH: i64 = 16;

/// After how long a mail that was begun and not reported on is begun again.
const LEASE: Duration = Duration::from_secs(60);

/// The waits between tries of one mail double from this …
const BACKOFF_MIN: Duration = Duration::from_secs(5);

/// … to this: the link works for an hour only.
const BACKOFF_MAX: Duration = Duration::from_secs(300);

/// The window of the limit on links to one address.
const HOUR: Duration = Duration::from_secs(3600);

/// A mail with a reset link that is to be sent now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The request's id.
    pub id: String,
    /// Where to.
    pub email: String,
    /// What the link carries.
    pub token: String,
    /// How often it was tried, this time included.
    pub tries: i64,
    /// Until when it works.
    pub expires_at: Timestamp,
}

impl Link {
    /// This try to send it.
    #[must_use]
    pub fn attempt(&self) -> (&str, i64) {
        (&self.id, self.tries)
    }
}

/// Takes the mails that are due. Each request is noted as being sent, with its token's hash, before
/// the mail goes out; those for nobody, and those beyond `per_hour`, are dropped.
///
/// # Errors
/// When the database does not answer.
pub async fn take_due(tx: &mut Tx, key: &str, per_hour: i64) -> Result<Vec<Link>> {
    let now = tx.now();
    let mut links = Vec::new();
    let all = password_resets::due(tx, BATCH).await?;
    if all.is_empty() {
        return Ok(links);
    }
    // Another replica counts the links to an address before or after, not at the same time.
    let addresses: Vec<_> = all
        .iter()
        .map(|due| format!("links to {}", due.email))
        .collect();
    let addresses: Vec<_> = addresses.iter().map(String::as_str).collect();
    tx.lock(&addresses).await?;
    for due in all {
        let user = match Email::parse(&due.email) {
            Ok(email) => users::by_email(tx, &email).await?,
            Err(_) => None,
        };
        let Some(user) = user else {
            password_resets::delete(tx, &due.id).await?;
            continue;
        };
        if due.expires_at <= now {
            fail(tx, (&due.id, due.tries)).await?;
            continue;
        }
        let since = due.requested_at.checked_sub(HOUR).unwrap_or(Timestamp::MIN);
        if due.tries == 0 && password_resets::sent_since(tx, &due.email, since).await? >= per_hour {
            password_resets::delete(tx, &due.id).await?;
            continue;
        }
        let token =
            reset_token::token(key, &due.id).map_err(|error| Failure::Broken(error.into()))?;
        let hash = reset_token::hash(&token);
        password_resets::begin_sending(tx, &due.id, user.id, &hash, later(now, LEASE)).await?;
        let (id, tries, expires_at) = (due.id, due.tries + 1, due.expires_at);
        links.push(Link {
            id,
            email: user.email,
            token,
            tries,
            expires_at,
        });
    }
    Ok(links)
}

/// Notes that the mail is on its way.
///
/// # Errors
/// When the database does not answer.
pub async fn sent(tx: &mut Tx, link: &Link) -> Result<()> {
    let now = tx.now();
    password_resets::end_sending(tx, link.attempt(), "sent", now).await
}

/// Notes that the mail could not be sent now, and when to try again.
///
/// # Errors
/// When the database does not answer.
pub async fn retry(tx: &mut Tx, link: &Link) -> Result<()> {
    let before = link.tries.saturating_sub(1);
    let doublings = u32::try_from(before.clamp(0, 16)).unwrap_or(16);
    let wait = BACKOFF_MIN.saturating_mul(1 << doublings).min(BACKOFF_MAX);
    let at = later(tx.now(), wait);
    password_resets::end_sending(tx, link.attempt(), "sending", at).await
}

/// Notes that the mail can't be sent at all, or not in time.
///
/// # Errors
/// When the database does not answer.
pub async fn fail(tx: &mut Tx, (id, tries): (&str, i64)) -> Result<()> {
    let now = tx.now();
    // One that was never begun has no link that could fail.
    password_resets::end_sending(tx, (id, tries), "failed", now).await?;
    password_resets::drop_unbegun(tx, id).await
}
