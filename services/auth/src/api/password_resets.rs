//! Forgotten passwords: asking for the mail with the link, and using the link.

use axum::extract::State;
use contracts::api::problem::Problem;
use contracts::api::users::{PasswordReset, PasswordResetRequest};
use http::StatusCode;
use platform::Result;
use platform::db::Tx;
use platform::http::answer::Answer;
use platform::http::fields::{Fields, fingerprint};
use platform::http::idempotency::{Begun, Idempotency};

use super::sessions::Noted;
use super::{ANONYMOUS, Auth};
use crate::commands::request_reset::request_reset;
use crate::commands::reset_password::reset_password;
use crate::domain::email::Email;
use crate::domain::refusal::Refusal;
use crate::domain::reset_token;
use crate::store::password_resets::usable;

/// Asks for a mail with a link that sets a new password. The answer does not tell whether anybody
/// has this address.
#[utoipa::path(
    post, path = "/api/users/password-resets", tag = "users", request_body = PasswordResetRequest,
    responses(
        (status = 202, description = "if somebody has this address, a mail is on its way"),
        (status = 400, description = "not an address", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn request(
    State(auth): State<Auth>,
    idempotency: Idempotency,
    mut fields: Fields,
) -> Result<Answer> {
    let email = fields.text("email", Email::parse);
    let email = fields.take(email)?;
    let accepted = Answer::empty(StatusCode::ACCEPTED);
    // Counted for any address, so that the limit tells nothing either.
    if auth.resets.check(email.as_str()).is_err() {
        return Ok(accepted);
    }
    let (lifetime, wanted) = (auth.settings.reset_lifetime, email.clone());
    let fingerprint = fingerprint(email.as_str().as_bytes());
    let guard = match idempotency
        .begin(&auth.ctx, ANONYMOUS, &fingerprint)
        .await?
    {
        Begun::Replay(answer) => return Ok(answer),
        Begun::New(guard) => guard,
    };
    auth.resets.record(email.as_str());
    guard
        .write(&auth.ctx, async move |tx: &mut Tx| {
            request_reset(tx, &wanted, lifetime).await?;
            Ok(accepted.clone())
        })
        .await
}

/// Sets a new password with what the link carries. Every session ends.
#[utoipa::path(
    post, path = "/api/users/password-resets/confirm", tag = "users", request_body = PasswordReset,
    responses(
        (status = 204, description = "the new password holds; every session has ended"),
        (status = 400, description = "`reset_link_invalid`, or every bad field", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn confirm(
    State(auth): State<Auth>,
    idempotency: Idempotency,
    mut fields: Fields,
) -> Result<Answer> {
    let token = fields.text("token", |text| {
        if text.is_empty() {
            Err(Refusal::ResetLinkInvalid.answer().2)
        } else {
            Ok(text.to_owned())
        }
    });
    let parsed = (
        token,
        fields.text("password", |text| auth.new_password(text)),
    );
    let (token, password) = fields.take(parsed)?;
    let token_hash = reset_token::hash(&token);
    // Nothing of the password is stored; the link is good for one request anyhow.
    let fingerprint = fingerprint(token_hash.as_bytes());
    let guard = match idempotency
        .begin(&auth.ctx, ANONYMOUS, &fingerprint)
        .await?
    {
        Begun::Replay(answer) => return Ok(answer),
        Begun::New(guard) => guard,
    };
    let wanted = token_hash.clone();
    let look = async move |tx: &mut Tx| usable(tx, &wanted).await;
    // Before the hash: nobody without a link gets us to work.
    auth.ctx
        .db
        .read(look)
        .await?
        .ok_or(Refusal::ResetLinkInvalid)?;
    let hash = auth.hashing.hash(password).await?;
    let (ended, note) = Noted::new();
    let answer = guard
        .write(&auth.ctx, async move |tx: &mut Tx| {
            note.set(reset_password(tx, &token_hash, &hash).await?);
            Ok(Answer::empty(StatusCode::NO_CONTENT))
        })
        .await?;
    ended.tell(&auth.ctx.sessions);
    Ok(answer)
}
