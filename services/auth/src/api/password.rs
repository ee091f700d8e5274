//! Changing one's password.

use axum::extract::State;
use contracts::api::problem::Problem;
use contracts::api::users::PasswordChange;
use http::StatusCode;
use platform::db::Tx;
use platform::http::answer::Answer;
use platform::http::fields::{Fields, fingerprint};
use platform::http::idempotency::{Begun, Guard, Idempotency};
use platform::session::SignedIn;
use platform::{Failure, Result};

use super::Auth;
use super::sessions::Noted;
use super::visitor::Visitor;
use crate::commands::change_password::change_password;
use crate::domain::email::Email;
use crate::domain::password::Password;
use crate::domain::refusal::Refusal;

/// Changes one's password, and signs out everywhere else.
#[utoipa::path(
    post, path = "/api/users/password", tag = "users", request_body = PasswordChange,
    responses(
        (status = 204, description = "changed; the other sessions have ended"),
        (status = 400, description = "`wrong_password`, or every bad field", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "not signed in", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "`too_many_failures`; see `Retry-After`", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "`busy`; see `Retry-After`", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn change(
    State(auth): State<Auth>,
    user: SignedIn,
    visitor: Visitor,
    idempotency: Idempotency,
    mut fields: Fields,
) -> Result<Answer> {
    let parsed = (
        fields.text("current", Password::typed),
        fields.text("new", |text| auth.new_password(text)),
    );
    let (current, new) = fields.take(parsed)?;
    let email = Email::parse(&user.email).map_err(anyhow::Error::from)?;
    // Nothing of the passwords is stored, not even to tell one request from another.
    let (scope, fingerprint) = (user.user_id.to_string(), fingerprint(b"password"));
    match idempotency.begin(&auth.ctx, &scope, &fingerprint).await? {
        Begun::New(guard) => first(&auth, guard, (user, email), (current, new), &visitor).await,
        // So what the new password was is seen from the one that holds now.
        Begun::Replay(answer) => match auth.prove(&email, new, &visitor).await {
            Ok(_) => Ok(answer),
            Err(failure)
                if failure
                    .refused()
                    .is_some_and(|refused| refused.status == 400) =>
            {
                Err(Refusal::KeyReused.into())
            }
            Err(failure) => Err(failure),
        },
    }
}

async fn first(
    auth: &Auth,
    guard: Guard,
    (user, email): (SignedIn, Email),
    (current, new): (Password, Password),
    visitor: &Visitor,
) -> Result<Answer> {
    let proven = auth
        .prove(&email, current, visitor)
        .await
        .map_err(about_the_field)?;
    let hash = auth.hashing.hash(new).await?;
    let (ended, note) = Noted::new();
    let answer = guard
        .write(&auth.ctx, async move |tx: &mut Tx| {
            note.set(change_password(tx, &proven.user, user.session_id, &hash).await?);
            Ok(Answer::empty(StatusCode::NO_CONTENT))
        })
        .await?;
    ended.tell(&auth.ctx.sessions);
    Ok(answer)
}

/// Who is signed in is known by name: only the password can be wrong.
fn about_the_field(failure: Failure) -> Failure {
    match failure.refused() {
        Some(refused) if refused.status == StatusCode::BAD_REQUEST => Refusal::WrongPassword.into(),
        _ => failure,
    }
}
