//! What a request tells of the browser that it comes from.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use http::header::{ACCEPT_LANGUAGE, HeaderName, USER_AGENT};
use http::request::Parts;

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
            address: peer.map(|ConnectInfo(peer)| counted(peer.ip())),
            user_agent: user_agent::shown(header(USER_AGENT).as_deref()),
            language: language::preferred(header(ACCEPT_LANGUAGE).as_deref()),
        })
    }
}

/// The address that failures are counted for: of IPv6 the first 64 bits, because whoever has one such
/// address has all those that differ only in the rest (RFC 6177).
fn counted(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_in_one_network_count_as_one() {
        let counted = |text: &str| counted(text.parse().unwrap());
        assert_eq!(counted("2001:db8:1:2:3:4:5:6"), counted("2001:db8:1:2::9"));
        assert_ne!(counted("2001:db8:1:2::1"), counted("2001:db8:1:3::1"));
        assert_eq!(counted("::ffff:192.0.2.1"), "192.0.2.1");
    }
}
