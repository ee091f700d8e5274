//! The copy of revoked sessions that every service keeps.

use std::time::Duration;

use contracts::Timestamp;
use contracts::envelope::{self, Aggregate};
use contracts::events::auth::Session;
use futures::StreamExt;

use super::Sessions;
use crate::context::Context;
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

/// How often a replica looks for revocations that another one has heard of, should the bus have lost
/// them on the way to it.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Keeps the memory of a replica in step with the copy that it shares with others: it hears every
/// revocation itself, and looks whether the copy has grown.
pub(crate) async fn keep_up(context: Context) {
    let hear = async {
        let mut events = loop {
            match context.bus.follow(Session::OWNER, Session::NAME).await {
                Ok(events) => break events,
                Err(_) => context.clock.sleep(LOOK_EVERY).await,
            }
        };
        while let Some(event) = events.next().await {
            if let Ok(state) = envelope::decode_state::<Session>(&event) {
                context.sessions.revoke(state.id, state.expires_at);
            }
        }
    };
    let look = async {
        let mut known = -1;
        loop {
            context.clock.sleep(LOOK_EVERY).await;
            let count = async |tx: &mut Tx| {
                let sql = "select count(*) from revoked_sessions";
                tx.query_one(sql, params![]).await?.get::<i64>(0)
            };
            match context.db.read(count).await {
                Ok(count) if count == known => {}
                Ok(count) => {
                    let loaded = context
                        .sessions
                        .load_revoked(&context.db, context.now())
                        .await;
                    known = if loaded.is_ok() { count } else { -1 };
                }
                Err(failure) => {
                    tracing::debug!(service = context.service, %failure, "revocations not looked up");
                }
            }
        }
    };
    tokio::join!(hear, look);
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
