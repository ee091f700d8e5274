//! Published by auth: people and their sessions.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::envelope::Aggregate;
use crate::ids::{SessionId, UserId};

/// A person who has signed up.
#[derive(Debug)]
pub struct User;

impl Aggregate for User {
    const NAME: &'static str = "user";
    const OWNER: &'static str = "auth";
    type State = UserState;
    type Fact = UserFact;
}

/// What others may know of a person. The only state that carries personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UserState {
    /// The person's id.
    pub id: UserId,
    /// Normalised address, where messages go.
    pub email: String,
    /// BCP 47 tag of the language for messages, such as `en`.
    pub language: String,
    /// Whether the account was closed.
    pub closed: bool,
}

/// What happened to a person's account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type")]
pub enum UserFact {
    /// Signed up.
    #[serde(rename = "ticketing.user.registered.v1")]
    Registered,
    /// Changed the password, the address or the language (the state shows what is public of it).
    #[serde(rename = "ticketing.user.changed.v1")]
    Changed,
    /// Closed the account.
    #[serde(rename = "ticketing.user.closed.v1")]
    Closed,
}

/// One sign-in; it becomes public only when it is revoked.
#[derive(Debug)]
pub struct Session;

impl Aggregate for Session {
    const NAME: &'static str = "session";
    const OWNER: &'static str = "auth";
    type State = SessionState;
    type Fact = SessionFact;
}

/// A revoked session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionState {
    /// The session's id, as the token carries it.
    pub id: SessionId,
    /// Whose session it was.
    pub user_id: UserId,
    /// When its token would have expired by itself: until then the revocation must be kept.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub expires_at: Timestamp,
}

/// What happened to a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type")]
pub enum SessionFact {
    /// Its token is no longer to be believed.
    #[serde(rename = "ticketing.session.revoked.v1")]
    Revoked,
}
