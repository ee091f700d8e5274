//! Signing out.

use axum::extract::State;
use contracts::events::auth::SessionState;
use http::{HeaderMap, StatusCode};
use platform::Result;
use platform::db::Tx;
use platform::http::answer::Answer;
use platform::http::idempotency::Idempotency;
use platform::session::clear_cookie;
use serde_json::json;

use super::Auth;
use crate::commands::end_session::end_own;

/// Signs out: the session ends everywhere, and the cookie is cleared. Who is not signed in gets the
/// same answer.
#[utoipa::path(
    post, path = "/api/users/signout", tag = "users",
    responses((status = 200, description = "signed out", body = serde_json::Value)),
)]
pub(super) async fn sign_out(
    State(auth): State<Auth>,
    headers: HeaderMap,
    // Signing out twice is signing out: a key needs only to be well-formed.
    _: Idempotency,
) -> Result<Answer> {
    if let Some(user) = auth.ctx.sessions.carried(&headers) {
        let state = SessionState {
            id: user.session_id,
            user_id: user.user_id,
            expires_at: user.expires_at,
        };
        let write = async move |tx: &mut Tx| end_own(tx, &state).await;
        auth.ctx.db.write(write).await?.tell(&auth.ctx.sessions);
    }
    let cleared = clear_cookie(auth.ctx.secure_cookies());
    Ok(Answer::json(StatusCode::OK, &json!({}))?.header(http::header::SET_COOKIE, cleared))
}
