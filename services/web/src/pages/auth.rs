//! Signing up, in and out, and a forgotten password.

pub mod reset;
pub mod signin;
pub mod signout;
pub mod signup;

use serde::Deserialize;

use crate::fields::Label;

/// The fields of these forms.
pub const LABELS: [Label; 2] = [("email", "E-mail"), ("password", "Password")];

/// Where one wanted to go.
#[derive(Debug, Default, Deserialize)]
pub struct Wanted {
    /// A path; followed only if it is of this site.
    #[serde(default)]
    pub next: String,
}

/// What one signs up and in with.
#[derive(Debug, Default, Deserialize)]
pub struct Credentials {
    #[serde(default)]
    pub email: String,
    #[serde(default)]
    pub password: String,
    #[serde(default)]
    pub next: String,
    #[serde(default)]
    pub idempotency_key: String,
}
