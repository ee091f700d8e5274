//! Idempotency keys: a request that is sent again gets the first answer, and has no second effect.
//!
//! After draft-ietf-httpapi-idempotency-key-header. A key counts for one user, method and path, for a
//! day. The answer is bound to it in the transaction that has the effect.

mod header;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{FromRequestParts, OriginalUri};
use contracts::Timestamp;
use http::StatusCode;
use http::request::Parts;

use super::answer::{Answer, Stored};
use crate::context::Context;
use crate::db::{Db, Tx, params};
use crate::failure::{Failure, Refused, Result};
use crate::flaws;

/// How long a key is remembered.
pub const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// How many rows one transaction of [`sweep`] deletes, so that it holds the writer for a moment only.
const SWEEP_BATCH: i64 = 500;

/// The request's idempotency key, and what it counts for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    key: Option<String>,
    method_and_path: String,
}

/// What is to be done with a request.
#[derive(Debug)]
pub enum Begun {
    /// It was answered before: answer this again.
    Replay(Answer),
    /// It is new (or has no key): do it.
    New(Guard),
}

/// The requests with a key that are running in this process.
#[derive(Debug, Clone, Default)]
pub struct InFlight(Arc<Mutex<HashSet<(String, String)>>>);

/// A key whose request is running. While it lives, the same request is refused.
#[derive(Debug)]
pub struct Guard(Option<Claim>);

/// Whose answer a transaction has led to.
#[derive(Debug)]
pub enum Written {
    /// Its own.
    Now(Answer),
    /// That of an earlier request with the same key, which came first after all.
    Earlier(Answer),
}

/// A key as it stands in the table, and the place among the running requests.
#[derive(Debug)]
struct Claim {
    binding: Binding,
    in_flight: InFlight,
}

/// Ties answers to one key.
#[derive(Debug, Clone)]
struct Binding {
    scope: String,
    key: String,
    fingerprint: String,
}

impl Idempotency {
    /// The key, if the request has one.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Looks up whether this request was answered before. `scope` is who asks (a user's id, or
    /// `anonymous`); `fingerprint` tells whether it asks the same.
    ///
    /// # Errors
    /// 409 `idempotency_in_progress` while the first one runs; 422 `idempotency_key_reused` when the
    /// key was used for something else.
    pub async fn begin(&self, ctx: &Context, scope: &str, fingerprint: &str) -> Result<Begun> {
        let Some(key) = &self.key else {
            return Ok(Begun::New(Guard(None)));
        };
        let binding = Binding {
            scope: format!("{scope}|{}", self.method_and_path),
            key: key.clone(),
            fingerprint: fingerprint.to_owned(),
        };
        let claim = ctx.in_flight.claim(binding).ok_or_else(in_progress)?;
        let binding = claim.binding.clone();
        let now = ctx.now();
        let found = ctx
            .db
            .read(async move |tx: &mut Tx| binding.find(tx, now).await)
            .await?;
        match found {
            Some(answer) => Ok(Begun::Replay(answer)),
            None => Ok(Begun::New(Guard(Some(claim)))),
        }
    }

    /// [`Self::begin`], and if the request is new [`Guard::write`].
    ///
    /// # Errors
    /// As both.
    pub async fn run<F>(
        &self,
        ctx: &Context,
        scope: &str,
        fingerprint: &str,
        work: F,
    ) -> Result<Answer>
    where
        F: AsyncFn(&mut Tx) -> Result<Answer> + Send + 'static,
    {
        match self.begin(ctx, scope, fingerprint).await? {
            Begun::Replay(answer) => Ok(answer),
            Begun::New(guard) => guard.write(ctx, work).await,
        }
    }
}

impl Guard {
    /// Runs the transaction; the answer is bound to the key in it. A refusal is bound too, after the
    /// rollback, if it is final: a 4xx other than 400 and 404 that does not say `Retry-After`.
    ///
    /// # Errors
    /// What `work` fails with.
    pub async fn write<F>(self, ctx: &Context, work: F) -> Result<Answer>
    where
        F: AsyncFn(&mut Tx) -> Result<Answer> + Send + 'static,
    {
        match self.write_first(ctx, work).await? {
            Written::Now(answer) | Written::Earlier(answer) => Ok(answer),
        }
    }

    /// [`Self::write`], and says whose answer it is: what else `work` made is not there when the answer
    /// is that of an earlier request with the key.
    ///
    /// # Errors
    /// What `work` fails with.
    pub async fn write_first<F>(self, ctx: &Context, work: F) -> Result<Written>
    where
        F: AsyncFn(&mut Tx) -> Result<Answer> + Send + 'static,
    {
        let Some(claim) = &self.0 else {
            return ctx.db.write(work).await.map(Written::Now);
        };
        let binding = claim.binding.clone();
        let written = ctx
            .db
            .write(async move |tx: &mut Tx| {
                if let Some(answer) = binding.find_shared(tx).await? {
                    return Ok(Written::Earlier(answer));
                }
                let answer = work(tx).await?;
                binding.bind(tx, &answer).await?;
                Ok(Written::Now(answer))
            })
            .await;
        match written {
            Err(Failure::Refused(refused)) => {
                self.refuse(ctx, *refused).await.map(Written::Earlier)
            }
            other => other,
        }
    }

    /// Binds a refusal that was decided outside of a transaction, if there is a key and the refusal
    /// is final. If the same request was answered by another replica meanwhile, that answer counts:
    /// this refusal may be about what that one has done.
    ///
    /// # Errors
    /// The refusal, unless there is such an answer.
    pub async fn refuse(self, ctx: &Context, refused: Refused) -> Result<Answer> {
        let Some(claim) = self.0.as_ref().filter(|_| is_final(&refused)) else {
            return Err(refused.into());
        };
        let (binding, answer) = (claim.binding.clone(), refused.answer());
        let bound = ctx
            .db
            .write(async move |tx: &mut Tx| {
                let earlier = binding.find_in_line(tx).await?;
                if earlier.is_none() {
                    binding.bind(tx, &answer).await?;
                }
                Ok(earlier)
            })
            .await;
        match bound {
            Ok(Some(earlier)) => Ok(earlier),
            Ok(None) => Err(refused.into()),
            Err(error) => {
                // Nothing has had an effect: a repeat is judged anew.
                tracing::warn!(%error, "a refusal was not stored for its idempotency key");
                Err(refused.into())
            }
        }
    }

    /// Binds an answer whose effect is already durable, in a transaction of its own.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn store(&self, ctx: &Context, answer: &Answer) -> Result<()> {
        let Some(claim) = &self.0 else { return Ok(()) };
        let (binding, answer) = (claim.binding.clone(), answer.clone());
        ctx.db
            .write(async move |tx: &mut Tx| binding.bind(tx, &answer).await)
            .await
    }
}

impl Binding {
    /// Waits for other replicas that are at the same request, and looks what came of it there: judged
    /// beside it, this one would be refused for what that one has done.
    async fn find_shared(&self, tx: &mut Tx) -> Result<Option<Answer>> {
        if !tx.is_shared() {
            return Ok(None);
        }
        self.find_in_line(tx).await
    }

    /// What the request was answered, once nobody else is at it.
    async fn find_in_line(&self, tx: &mut Tx) -> Result<Option<Answer>> {
        let name = format!("idempotency/{}/{}", self.scope, self.key);
        tx.lock(&[&name]).await?;
        let now = tx.now();
        self.find(tx, now).await
    }

    async fn find(&self, tx: &mut Tx, now: Timestamp) -> Result<Option<Answer>> {
        let row = tx
            .query_opt(
                "select fingerprint, status, headers, body from idempotency_keys \
                 where scope = $1 and key = $2 and created_at > $3",
                params![self.scope, self.key, oldest(now)],
            )
            .await?;
        let Some(row) = row else { return Ok(None) };
        if row.get::<String>(0)? != self.fingerprint {
            return Err(reused().into());
        }
        let stored = Stored {
            status: row.get(1)?,
            headers: row.get(2)?,
            body: row.get(3)?,
        };
        Answer::from_stored(stored).map(Some)
    }

    /// Refuses, and so undoes the transaction, when the key was bound meanwhile: by a replica of this
    /// service, or by the same request after its client had gone away and come back.
    async fn bind(&self, tx: &mut Tx, answer: &Answer) -> Result<()> {
        if flaws::KEYS_FORGOTTEN.is_there() {
            return Ok(());
        }
        let stored = answer.to_stored()?;
        let now = tx.now();
        tx.change_one_later(
            "insert into idempotency_keys \
                 (scope, key, fingerprint, status, headers, body, created_at) \
                 values ($1, $2, $3, $4, $5, $6, $7) \
                 on conflict (scope, key) do update set fingerprint = excluded.fingerprint, \
                 status = excluded.status, headers = excluded.headers, body = excluded.body, \
                 created_at = excluded.created_at where idempotency_keys.created_at <= $8",
            params![
                self.scope,
                self.key,
                self.fingerprint,
                stored.status,
                stored.headers,
                stored.body,
                now,
                oldest(now)
            ],
            || in_progress().into(),
        )
        .await
    }
}

impl InFlight {
    fn claim(&self, binding: Binding) -> Option<Claim> {
        let running = (binding.scope.clone(), binding.key.clone());
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(running).then(|| Claim {
            binding,
            in_flight: self.clone(),
        })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let running = (self.binding.scope.clone(), self.binding.key.clone());
        let mut all = self
            .in_flight
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        all.remove(&running);
    }
}

/// Forgets the keys that are older than a day, in small transactions. How many those were.
///
/// # Errors
/// When the database does not answer.
pub async fn sweep(db: &Db, now: Timestamp) -> Result<u64> {
    let mut forgotten = 0;
    loop {
        let batch = db
            .write(async move |tx: &mut Tx| {
                let sql = format!(
                    "with old as materialized (select scope, key from idempotency_keys \
                     where created_at <= $1 order by created_at limit $2{}) \
                     delete from idempotency_keys where (scope, key) in \
                     (select scope, key from old)",
                    tx.skip_locked()
                );
                tx.execute(&sql, params![oldest(now), SWEEP_BATCH]).await
            })
            .await?;
        forgotten += batch;
        if batch < SWEEP_BATCH.unsigned_abs() {
            return Ok(forgotten);
        }
    }
}

/// A key that was bound then or earlier counts no more.
fn oldest(now: Timestamp) -> Timestamp {
    now.checked_sub(KEPT_FOR).unwrap_or(Timestamp::MIN)
}

/// What is unknown here may be known elsewhere, its news on the way: a 404 that was kept would stand
/// for a day after the news has come.
fn is_final(refused: &Refused) -> bool {
    let status = refused.status;
    status.is_client_error()
        && !matches!(status, StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND)
        && refused.retry_after.is_none()
}

fn in_progress() -> Refused {
    let message =
        "the first request with this idempotency key is still running; try again in a second";
    Refused {
        retry_after: Some(1),
        ..Refused::conflict("idempotency_in_progress", message)
    }
}

fn reused() -> Refused {
    Refused::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "idempotency_key_reused",
        "this idempotency key was used for another request; take a new one",
    )
}

impl<S: Send + Sync> FromRequestParts<S> for Idempotency {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let uri = parts
            .extensions
            .get::<OriginalUri>()
            .map_or(&parts.uri, |original| &original.0);
        Ok(Self {
            key: header::key_in(&parts.headers)?,
            method_and_path: format!("{}|{}", parts.method, uri.path()),
        })
    }
}

#[cfg(test)]
mod tests;
