//! Answers of auth, under `/api/users`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::{SessionId, UserId};

/// Body of sign-up and sign-in.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Credentials {
    /// The e-mail address.
    pub email: String,
    /// 8–128 characters, any.
    pub password: String,
}

/// A person, to that person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UserView {
    /// The person's id.
    pub id: UserId,
    /// The normalised address.
    pub email: String,
}

/// Answer of `GET /api/users/currentuser`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CurrentUserAnswer {
    /// Nobody when the request carries no valid session.
    pub current_user: Option<CurrentUser>,
}

/// Who the request comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CurrentUser {
    /// The person's id.
    pub id: UserId,
    /// The normalised address.
    pub email: String,
    /// When the session began, in Unix seconds.
    pub iat: i64,
}

/// One place where a person is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionView {
    /// The session's id.
    pub id: SessionId,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it ends by itself.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// The browser's `User-Agent` at sign-in, cut to 200 characters.
    pub user_agent: String,
    /// Whether it is the session of this very request.
    pub current: bool,
}

/// Body of `POST /api/users/password`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PasswordChange {
    /// The password until now.
    pub current: String,
    /// The password from now on, 8–128 characters.
    pub new: String,
}

/// Body of `POST /api/users/password-resets`: asks for a mail with a link. Always answered 202.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PasswordResetRequest {
    /// Where the link is to be sent, if somebody has signed up with it.
    pub email: String,
}

/// Body of `POST /api/users/password-resets/confirm`: 204, and every session ends.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PasswordReset {
    /// What the link carried; it works once, for an hour.
    pub token: String,
    /// The password from now on, 8–128 characters.
    pub password: String,
}
