//! Ends sessions: their tokens are no longer to be believed, here or anywhere.

use contracts::Timestamp;
use contracts::events::auth::{Session as SessionAggregate, SessionFact, SessionState};
use contracts::ids::{SessionId, UserId};
use platform::db::Tx;
use platform::session::Sessions;
use platform::{Refused, Result};

use crate::store::{sessions, users};

/// Sessions that a transaction has ended, with the times at which their tokens expire.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ended(Vec<(SessionId, Timestamp)>);

impl Ended {
    /// Tells the checks in this process at once; all others hear it by the events.
    pub fn tell(&self, sessions: &Sessions) {
        for (id, expires_at) in &self.0 {
            sessions.revoke(*id, *expires_at);
        }
    }
}

/// Ends the session whose token a request carries. A session that this database does not know (it
/// was restored from a backup) is revoked too: the token is good, and others believe it.
///
/// # Errors
/// When the database does not answer.
pub async fn end_own(tx: &mut Tx, state: &SessionState) -> Result<Ended> {
    users::lock(tx, state.user_id).await?;
    sessions::revoke(tx, state.id).await?;
    revoked(tx, state).await?;
    Ok(Ended(vec![(state.id, state.expires_at)]))
}

/// Ends one session of a person, who names it. One that has ended already is fine.
///
/// # Errors
/// 404 when the person has no such session.
pub async fn end_named(tx: &mut Tx, user_id: UserId, id: SessionId) -> Result<Ended> {
    users::lock(tx, user_id).await?;
    match sessions::owner(tx, id).await? {
        Some((owner, _)) if owner == user_id => end(tx, &[id]).await,
        _ => Err(Refused::not_found().into()),
    }
}

/// Ends a person's sessions, all but `except`.
///
/// # Errors
/// When the database does not answer.
pub async fn end_all(tx: &mut Tx, user_id: UserId, except: Option<SessionId>) -> Result<Ended> {
    let mut ids = sessions::ids_of(tx, user_id).await?;
    ids.retain(|id| Some(*id) != except);
    end(tx, &ids).await
}

/// Ends these sessions, as far as they are live; in one order, so that two who end the same never
/// wait for each other.
///
/// # Errors
/// When the database does not answer.
pub async fn end(tx: &mut Tx, ids: &[SessionId]) -> Result<Ended> {
    let mut ended = Ended::default();
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    for id in &ids {
        if let Some(session) = sessions::revoke(tx, *id).await? {
            let (user_id, expires_at) = (session.user_id, session.expires_at);
            revoked(
                tx,
                &SessionState {
                    id: *id,
                    user_id,
                    expires_at,
                },
            )
            .await?;
            ended.0.push((*id, expires_at));
        }
    }
    Ok(ended)
}

/// A session has one event at most: it becomes public when it ends.
async fn revoked(tx: &mut Tx, state: &SessionState) -> Result<()> {
    let subject = state.id.to_string();
    if tx.head::<SessionAggregate>(&subject).await? == 0 {
        tx.append::<SessionAggregate>(&subject, 0, &SessionFact::Revoked, state)
            .await?;
    }
    Ok(())
}
