//! The cookie that carries the session's token.

use std::time::Duration;

use http::HeaderMap;
use http::header::COOKIE as COOKIE_HEADER;

/// The cookie's name.
pub const COOKIE: &str = "session";

/// The `Set-Cookie` that stores a token. `secure`: send it over https only.
#[must_use]
pub fn set_cookie(token: &str, secure: bool, max_age: Duration) -> String {
    let secure = if secure { "; Secure" } else { "" };
    let seconds = max_age.as_secs();
    format!("{COOKIE}={token}; HttpOnly; SameSite=Lax; Path=/; Max-Age={seconds}{secure}")
}

/// The `Set-Cookie` that removes the token.
#[must_use]
pub fn clear_cookie(secure: bool) -> String {
    set_cookie("", secure, Duration::ZERO)
}

/// The token that a request carries.
#[must_use]
pub fn token_in(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(COOKIE_HEADER)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, value)| *name == COOKIE && !value.is_empty())
        .map(|(_, token)| token)
}
