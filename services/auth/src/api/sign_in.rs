//! Signing in.

use axum::extract::State;
use contracts::api::problem::Problem;
use contracts::api::users::{Credentials, UserView};
use http::StatusCode;
use platform::Result;
use platform::db::Tx;
use platform::http::answer::Answer;
use platform::http::fields::{Fields, fingerprint};
use platform::http::idempotency::{Begun, Idempotency, Written};

use super::visitor::Visitor;
use super::{ANONYMOUS, Auth};
use crate::api::sessions::Noted;
use crate::commands::open_session::{Proven, open_session};
use crate::domain::email::Email;
use crate::domain::password::Password;

/// Signs in: the answer sets the session's cookie.
#[utoipa::path(
    post, path = "/api/users/signin", tag = "users", request_body = Credentials,
    responses(
        (status = 200, description = "signed in", body = UserView),
        (status = 400, description = "`wrong_credentials`, or every bad field", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "`too_many_failures`; see `Retry-After`", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "`busy`; see `Retry-After`", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn sign_in(
    State(auth): State<Auth>,
    visitor: Visitor,
    idempotency: Idempotency,
    mut fields: Fields,
) -> Result<Answer> {
    let parsed = (
        fields.text("email", Email::parse),
        fields.text("password", Password::typed),
    );
    let (email, password) = fields.take(parsed)?;
    // The password is no part of it: a fast hash of a password must not be stored.
    let fingerprint = fingerprint(email.as_str().as_bytes());
    let begun = idempotency
        .begin(&auth.ctx, ANONYMOUS, &fingerprint)
        .await?;
    let proven = auth.prove(&email, password, &visitor).await?;
    let guard = match begun {
        Begun::Replay(answer) => return auth.sign_in_again(proven, &visitor, answer).await,
        Begun::New(guard) => guard,
    };
    let view = UserView {
        id: proven.user.id,
        email: proven.user.email.clone(),
    };
    let session = auth.new_session(view.id, &visitor);
    let (new_session, sessions_max) = (session.clone(), auth.settings.sessions_max);
    let (known, (ended, note)) = (proven.clone(), Noted::new());
    let written = guard
        .write_first(&auth.ctx, async move |tx: &mut Tx| {
            note.set(open_session(tx, &proven, &new_session, sessions_max).await?);
            Answer::json(StatusCode::OK, &view)
        })
        .await?;
    let answer = match written {
        Written::Now(answer) => answer,
        // The session that was made here was not kept.
        Written::Earlier(answer) => return auth.sign_in_again(known, &visitor, answer).await,
    };
    ended.tell(&auth.ctx.sessions);
    auth.with_cookie(answer, &session, email.as_str())
}

impl Auth {
    /// A repeated request: the answer of the first one, with a session of its own.
    pub(super) async fn sign_in_again(
        &self,
        proven: Proven,
        visitor: &Visitor,
        answer: Answer,
    ) -> Result<Answer> {
        let session = self.new_session(proven.user.id, visitor);
        let email = proven.user.email.clone();
        let (new_session, sessions_max) = (session.clone(), self.settings.sessions_max);
        let ended = self
            .ctx
            .db
            .write(async move |tx: &mut Tx| {
                open_session(tx, &proven, &new_session, sessions_max).await
            })
            .await?;
        ended.tell(&self.ctx.sessions);
        self.with_cookie(answer, &session, &email)
    }
}
