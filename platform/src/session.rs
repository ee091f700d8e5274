//! Sessions: signed tokens that every service verifies by itself, and the ids of those revoked.

mod cookie;
mod key;
mod revocations;
mod verified;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::extract::{FromRef, FromRequestParts};
use contracts::Timestamp;
use contracts::ids::{SessionId, UserId};
use http::HeaderMap;
use http::request::Parts;

use crate::clock::later;
use crate::context::Context;
use crate::failure::{Failure, Refused};
use crate::flaws;
use verified::Verified;

pub use cookie::{COOKIE, clear_cookie, set_cookie, token_in};
pub use key::{InvalidKey, PublicKey, SigningKey};
pub(crate) use revocations::keep_up;
pub use revocations::revocations;

/// How long a token is believed.
pub const LIFETIME: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// How far the clock of the machine that signed may be ahead of ours.
const CLOCK_SKEW: Duration = Duration::from_secs(60);

/// Who a request comes from. As an extractor it refuses (401) when nobody is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    /// The person.
    pub user_id: UserId,
    /// The sign-in.
    pub session_id: SessionId,
    /// The person's address at sign-in.
    pub email: String,
    /// When the session began.
    pub issued_at: Timestamp,
    /// When the token ends by itself.
    pub expires_at: Timestamp,
}

impl SignedIn {
    /// A session that begins now and lives for [`LIFETIME`].
    #[must_use]
    pub fn begin(user_id: UserId, session_id: SessionId, email: String, now: Timestamp) -> Self {
        Self {
            user_id,
            session_id,
            email,
            issued_at: now,
            expires_at: later(now, LIFETIME),
        }
    }

    fn is_valid_at(&self, now: Timestamp) -> bool {
        now < self.expires_at && self.issued_at <= later(now, CLOCK_SKEW)
    }
}

/// Who a request comes from, if anybody is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaybeSignedIn(pub Option<SignedIn>);

/// Judges tokens. Cheap to clone; clones share what they know.
#[derive(Debug, Clone)]
pub struct Sessions(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    keys: Vec<PublicKey>,
    /// Until when the revocation of each session matters.
    revoked: RwLock<HashMap<SessionId, Timestamp>>,
    verified: Verified,
}

impl Sessions {
    /// Believes tokens that one of these keys has signed (several while a key is being replaced).
    #[must_use]
    pub fn new(keys: Vec<PublicKey>) -> Self {
        let (revoked, verified) = (RwLock::default(), Verified::default());
        Self(Arc::new(Inner {
            keys,
            revoked,
            verified,
        }))
    }

    /// Who a token speaks for; nobody when it is forged, malformed, expired or revoked.
    #[must_use]
    pub fn verify(&self, token: &str, now: Timestamp) -> Option<SignedIn> {
        let signed_in = self.open(token)?;
        signed_in.is_valid_at(now).then_some(signed_in)
    }

    /// Who a token speaks for, whatever the time is; nobody when it is forged, malformed or revoked.
    fn open(&self, token: &str) -> Option<SignedIn> {
        let signed_in = self
            .0
            .verified
            .get_or_verify(token, || self.0.keys.iter().find_map(|key| key.open(token)))?;
        let revoked = self
            .0
            .revoked
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let is_revoked = revoked.contains_key(&signed_in.session_id);
        let is_over = is_revoked && !flaws::REVOCATIONS_IGNORED.is_there();
        (!is_over).then_some(signed_in)
    }

    /// The session that the request's cookie carries, also one that our clock takes for too young or
    /// too old: whoever ends it wants it to end, and a clock may be set right.
    #[must_use]
    pub fn carried(&self, headers: &HeaderMap) -> Option<SignedIn> {
        self.open(token_in(headers)?)
    }

    /// Whose session the request's cookie carries.
    #[must_use]
    pub fn signed_in(&self, headers: &HeaderMap, now: Timestamp) -> Option<SignedIn> {
        self.verify(token_in(headers)?, now)
    }

    /// Believes a session no more. `expires_at`: when its token would have ended by itself.
    pub fn revoke(&self, session_id: SessionId, expires_at: Timestamp) {
        let mut revoked = self
            .0
            .revoked
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        revoked.insert(session_id, expires_at);
    }

    /// Lets go of revocations whose tokens have expired; only each time that their number has come to
    /// a power of two, so that it costs next to nothing for each.
    fn forget_expired(&self, now: Timestamp) {
        let mut revoked = self
            .0
            .revoked
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if revoked.len().is_power_of_two() {
            revoked.retain(|_, expires_at| now < *expires_at);
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for MaybeSignedIn
where
    Context: FromRef<S>,
{
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let ctx = Context::from_ref(state);
        Ok(Self(ctx.sessions.signed_in(&parts.headers, ctx.now())))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for SignedIn
where
    Context: FromRef<S>,
{
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let ctx = Context::from_ref(state);
        let signed_in = ctx.sessions.signed_in(&parts.headers, ctx.now());
        signed_in.ok_or_else(|| Refused::not_signed_in().into())
    }
}

#[cfg(test)]
mod tests;
