//! The copy of revoked sessions that every service keeps.

use contracts::Timestamp;
use contracts::events::auth::Session;

use super::Sessions;
use crate::db::{Db, Tx, params};
use crate::failure::Result;
use crate::gate::consumer::{Consumer, Event};

/// Hears which sessions are revoked, and keeps their ids in the database and in memory.
#[must_use]
pub fn revocations(sessions: Sessions) -> Consumer {
    Consumer::of::<Session>()
        .copy(
            &["revoked_sessions"],
            async move |tx: &mut Tx, event: &Event<Session>| {
                tx.execute(
                    "insert into revoked_sessions (id, expires_at) values ($1, $2) \
                 on conflict (id) do update set expires_at = excluded.expires_at",
                    params![event.state.id, event.state.expires_at],
                )
                .await?;
                // Before the commit, so that nobody is believed a moment longer. After a rollback the
                // session is still revoked: the event comes again.
                sessions.revoke(event.state.id, event.state.expires_at);
                sessions.forget_expired(tx.now());
                Ok(())
            },
        )
        .remove(async |tx: &mut Tx, subject: &str| {
            tx.execute(
                "delete from revoked_sessions where id = $1",
                params![subject],
            )
            .await?;
            Ok(())
        })
        .build()
}

impl Sessions {
    /// Takes over what the database knows of revoked sessions; at start.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn load_revoked(&self, db: &Db, now: Timestamp) -> Result<()> {
        let rows = db
            .read(async move |tx: &mut Tx| {
                tx.query(
                    "select id, expires_at from revoked_sessions where expires_at > $1",
                    params![now],
                )
                .await
            })
            .await?;
        for row in rows {
            self.revoke(row.get(0)?, row.get(1)?);
        }
        Ok(())
    }
}
