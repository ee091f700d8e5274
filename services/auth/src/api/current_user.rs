//! Who is signed in. Each page asks, so this touches no database.

use contracts::api::users::{CurrentUser, CurrentUserAnswer};
use http::StatusCode;
use platform::Result;
use platform::http::answer::Answer;
use platform::session::MaybeSignedIn;

/// Says who the request comes from: from the verified token and the revoked sessions in memory.
#[utoipa::path(
    get, path = "/api/users/currentuser", tag = "users",
    responses((status = 200, description = "the person, or null", body = CurrentUserAnswer)),
)]
pub(super) async fn current_user(MaybeSignedIn(user): MaybeSignedIn) -> Result<Answer> {
    let current_user = user.map(|user| CurrentUser {
        id: user.user_id,
        email: user.email,
        iat: user.issued_at.as_second(),
    });
    let answer = Answer::json(StatusCode::OK, &CurrentUserAnswer { current_user })?;
    Ok(answer.header(http::header::CACHE_CONTROL, "no-store"))
}
