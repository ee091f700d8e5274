//! Where a person is signed in, and signing out there.

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use contracts::api::problem::Problem;
use contracts::api::users::SessionView;
use contracts::ids::SessionId;
use http::StatusCode;
use platform::Result;
use platform::db::Tx;
use platform::http::answer::Answer;
use platform::http::pages::{PageRequest, invalid_cursor};
use platform::http::path::Id;
use platform::session::{Sessions, SignedIn, clear_cookie};

use super::Auth;
use crate::commands::end_session::{Ended, end_named};
use crate::store::sessions;

/// Where one is signed in, newest first.
#[utoipa::path(
    get, path = "/api/users/sessions", tag = "users",
    params(
        ("limit" = Option<i64>, Query, description = "how many at most, to 200; 100 by default"),
        ("cursor" = Option<String>, Query, description = "from the link to the next page"),
    ),
    responses(
        (status = 200, description = "the sessions", body = Vec<SessionView>),
        (status = 401, description = "not signed in", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn list(
    State(auth): State<Auth>,
    user: SignedIn,
    page: PageRequest,
) -> Result<Answer> {
    let cursor = page.cursor.as_ref().map(|text| text.parse::<SessionId>());
    let before = cursor.transpose().map_err(|_| invalid_cursor())?;
    let (user_id, limit) = (user.user_id, page.limit);
    let read = async move |tx: &mut Tx| sessions::live_of(tx, user_id, before, limit + 1).await;
    let mut found = auth.ctx.db.read(read).await?;
    let room = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = found.len() > room;
    found.truncate(room);
    let next = found
        .last()
        .filter(|_| more)
        .map(|last| last.id.to_string());
    let views: Vec<SessionView> = found
        .into_iter()
        .map(|session| SessionView {
            id: session.id,
            created_at: session.created_at,
            expires_at: session.expires_at,
            user_agent: session.user_agent,
            current: session.id == user.session_id,
        })
        .collect();
    Ok(Answer::json(StatusCode::OK, &views)?.next_page(&page, next.as_deref()))
}

/// Signs out in one place. Again 204 when that was done before.
#[utoipa::path(
    delete, path = "/api/users/sessions/{id}", tag = "users",
    params(("id" = SessionId, Path, description = "the session")),
    responses(
        (status = 204, description = "signed out there"),
        (status = 401, description = "not signed in", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "not one of one's own", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn end(
    State(auth): State<Auth>,
    user: SignedIn,
    Id(id): Id<SessionId>,
) -> Result<Answer> {
    let user_id = user.user_id;
    let write = async move |tx: &mut Tx| end_named(tx, user_id, id).await;
    auth.ctx.db.write(write).await?.tell(&auth.ctx.sessions);
    let answer = Answer::empty(StatusCode::NO_CONTENT);
    if id != user.session_id {
        return Ok(answer);
    }
    Ok(answer.header(
        http::header::SET_COOKIE,
        clear_cookie(auth.ctx.secure_cookies()),
    ))
}

/// Carries what a transaction has ended out of it, where its answer is one for the client.
#[derive(Debug, Clone, Default)]
pub(super) struct Noted(Arc<Mutex<Ended>>);

impl Noted {
    /// One to read after the commit, one to write in the transaction.
    pub(super) fn new() -> (Self, Self) {
        let noted = Self::default();
        (noted.clone(), noted)
    }

    /// Replaces what an earlier run of the same transaction has noted.
    pub(super) fn set(&self, ended: Ended) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = ended;
    }

    /// As [`Ended::tell`].
    pub(super) fn tell(&self, sessions: &Sessions) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .tell(sessions);
    }
}
