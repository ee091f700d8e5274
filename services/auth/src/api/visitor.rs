//! What a request tells of the browser that it comes from.

use std::convert::Infallible;
use std::net::SocketAddr;

use axum::extract::{ConnectInfo, FromRequestParts};
use http::header::{ACCEPT_LANGUAGE, HeaderName, USER_AGENT};
use http::request::Parts;
use platform::http::forwarded::counted;

use crate::domain::{language, user_agent};

/// The browser that a request comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visitor {
    /// The network address that failures are counted for, if it is known.
    pub address: Option<String>,
    /// What it calls itself.
    pub user_agent: String,
    /// The language that it asks for.
    pub language: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let header = |name: HeaderName| {
            let value = parts.headers.get(name)?;
            Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        Ok(Self {
            address: peer.map(|ConnectInfo(peer)| counted(peer.ip()).to_string()),
            user_agent: user_agent::shown(header(USER_AGENT).as_deref()),
            language: language::preferred(header(ACCEPT_LANGUAGE).as_deref()),
        })
    }
}
