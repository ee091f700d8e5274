//! Signing up.

use axum::extract::State;
use contracts::api::problem::Problem;
use contracts::api::users::{Credentials, UserView};
use http::StatusCode;
use platform::db::Tx;
use platform::http::answer::Answer;
use platform::http::fields::{Fields, fingerprint};
use platform::http::idempotency::{Begun, Guard, Idempotency, Written};
use platform::{Failure, Result};

use super::visitor::Visitor;
use super::{ANONYMOUS, Auth};
use crate::commands::register::register;
use crate::domain::email::Email;
use crate::domain::password::Password;
use crate::domain::refusal::Refusal;
use crate::store::users::{self, User};

/// Signs up, and in: the answer sets the session's cookie.
#[utoipa::path(
    post, path = "/api/users/signup", tag = "users", request_body = Credentials,
    responses(
        (status = 201, description = "signed up and in", body = UserView),
        (status = 400, description = "every bad field", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`email_in_use`", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "`busy`; see `Retry-After`", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn sign_up(
    State(auth): State<Auth>,
    visitor: Visitor,
    idempotency: Idempotency,
    mut fields: Fields,
) -> Result<Answer> {
    let parsed = (
        fields.text("email", Email::parse),
        fields.text("password", |text| auth.new_password(text)),
    );
    let (email, password) = fields.take(parsed)?;
    // The password is no part of it: a fast hash of a password must not be stored.
    let fingerprint = fingerprint(email.as_str().as_bytes());
    match idempotency
        .begin(&auth.ctx, ANONYMOUS, &fingerprint)
        .await?
    {
        Begun::New(guard) => first(&auth, guard, &visitor, (email, password)).await,
        Begun::Replay(answer) => again(&auth, &visitor, (email, password), answer).await,
    }
}

/// Who has signed up with this key and the same password is signed in; a refusal is repeated.
async fn again(
    auth: &Auth,
    visitor: &Visitor,
    (email, password): (Email, Password),
    answer: Answer,
) -> Result<Answer> {
    if answer.status() != StatusCode::CREATED {
        return Ok(answer);
    }
    let proven = match auth.prove(&email, password, visitor).await {
        Err(failure) if is_wrong(&failure) => return Err(Refusal::KeyReused.into()),
        proven => proven?,
    };
    auth.sign_in_again(proven, visitor, answer).await
}

async fn first(
    auth: &Auth,
    guard: Guard,
    visitor: &Visitor,
    (email, password): (Email, Password),
) -> Result<Answer> {
    let wanted = email.clone();
    let look = async move |tx: &mut Tx| users::by_email(tx, &wanted).await;
    if auth.ctx.db.read(look).await?.is_some() {
        // Before the hash: it would be wasted.
        let earlier = guard.refuse(&auth.ctx, Refusal::EmailInUse.into()).await?;
        return again(auth, visitor, (email, password), earlier).await;
    }
    let user = User {
        id: auth.ctx.new_id(),
        email: email.as_str().to_owned(),
        password_hash: auth.hashing.hash(password.clone()).await?,
        password_version: 1,
        language: visitor.language.clone(),
    };
    let session = auth.new_session(user.id, visitor);
    let (new_user, new_session) = (user.clone(), session.clone());
    let written = guard
        .write_first(&auth.ctx, async move |tx: &mut Tx| {
            register(tx, &new_user, &new_session).await?;
            let view = UserView {
                id: new_user.id,
                email: new_user.email.clone(),
            };
            Answer::json(StatusCode::CREATED, &view)
        })
        .await?;
    match written {
        Written::Now(answer) => auth.with_cookie(answer, &session, &user.email),
        // Whoever it took in, nobody of this id and with this session is known.
        Written::Earlier(answer) => again(auth, visitor, (email, password), answer).await,
    }
}

/// Whether a failure is that of a wrong password.
fn is_wrong(failure: &Failure) -> bool {
    let (_, code, _) = Refusal::WrongCredentials.answer();
    failure
        .refused()
        .is_some_and(|refused| refused.code == code)
}
