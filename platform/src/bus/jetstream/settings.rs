//! How the JetStream bus is reached, and what it keeps.

use std::path::PathBuf;
use std::time::Duration;

use async_nats::ServerAddr;
use percent_encoding::percent_decode_str;

use super::connection::ConnectError;
use crate::tls::{Authorities, Identity};

/// How the servers are reached, and what they are asked to keep.
#[derive(Clone)]
pub struct Settings {
    /// Servers, separated by commas: `nats://host:4222`, or `tls://…` for encrypted connections (one is
    /// enough to encrypt those to all). A user and password may stand before the host
    /// (`nats://user:password@host`), or a token (`nats://token@host`); the first that are found count
    /// for all servers.
    pub urls: String,
    /// A file with a JWT and its seed, as `nsc` writes it.
    pub credentials_file: Option<PathBuf>,
    /// A token, where the server wants one and the URL has none.
    pub token: Option<String>,
    /// Who must have signed the servers' certificates, instead of whom the machine trusts.
    pub authorities: Option<Authorities>,
    /// What is shown to servers that want a certificate.
    pub identity: Option<Identity>,
    /// The first part of every subject and stream name, so that several sites can share a server.
    pub namespace: String,
    /// How many servers keep each stream: 1, 3 or 5. By default 3 in a cluster that has so many, else 1;
    /// a stream that is kept by more stays as it is.
    pub replicas: Option<usize>,
    /// For how long events are kept for consumers that are away. The owners' logs have the older ones.
    pub max_age: Duration,
    /// How much of one service's events is kept, in bytes; servers reserve that much space.
    pub max_bytes: i64,
    /// How long the first connection may take, and each single attempt.
    pub connect_timeout: Duration,
}

impl Settings {
    /// The servers at `urls`, and defaults for the rest.
    #[must_use]
    pub fn new(urls: impl Into<String>) -> Self {
        Self {
            urls: urls.into(),
            credentials_file: None,
            token: None,
            authorities: None,
            identity: None,
            namespace: "ticketing".to_owned(),
            replicas: None,
            max_age: Duration::from_secs(7 * 24 * 60 * 60),
            max_bytes: 512 * 1024 * 1024,
            connect_timeout: Duration::from_secs(5),
        }
    }
}

/// Debug output holds no secret.
impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("namespace", &self.namespace)
            .field("replicas", &self.replicas)
            .field("max_age", &self.max_age)
            .field("max_bytes", &self.max_bytes)
            .finish_non_exhaustive()
    }
}

/// What a list of servers looks like.
const FORM: &str = "write it as nats://host:4222, several with commas between";

/// Servers, and what one shows them.
pub(super) struct Addresses {
    pub(super) servers: Vec<ServerAddr>,
    pub(super) login: Option<Login>,
}

/// What was before the host in a URL.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Login {
    Password { user: String, password: String },
    Token(String),
}

/// Reads the list of servers.
pub(super) fn addresses(urls: &str) -> Result<Addresses, ConnectError> {
    let (mut servers, mut login) = (Vec::new(), None);
    for url in urls.split(',').map(str::trim).filter(|url| !url.is_empty()) {
        // What was given may hold a password, so only the reason is shown.
        let malformed = |reason: String| ConnectError::Malformed(format!("{reason}; {FORM}"));
        let server: ServerAddr = url.parse().map_err(|error| malformed(format!("{error}")))?;
        if !matches!(server.scheme(), "nats" | "tls") {
            return Err(malformed(format!(
                "`{}://` is not `nats://` or `tls://`",
                server.scheme()
            )));
        }
        if server.host().is_empty() {
            return Err(malformed("a host is missing".to_owned()));
        }
        login = login.or_else(|| login_of(&server));
        let bare = format!("{}://{}", server.scheme(), place(&server));
        servers.push(
            bare.parse()
                .map_err(|error| malformed(format!("{error}")))?,
        );
    }
    if servers.is_empty() {
        let nobody = format!("no server is named; {FORM}");
        return Err(ConnectError::Malformed(nobody));
    }
    Ok(Addresses { servers, login })
}

/// A server's host and port.
pub(super) fn place(server: &ServerAddr) -> String {
    let host = server.host();
    if host.contains(':') && !host.starts_with('[') {
        format!("[{host}]:{}", server.port())
    } else {
        format!("{host}:{}", server.port())
    }
}

fn login_of(server: &ServerAddr) -> Option<Login> {
    let plain = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let user = plain(server.username()?);
    Some(match server.password() {
        Some(password) => Login::Password {
            user,
            password: plain(password),
        },
        None => Login::Token(user),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(urls: &str) -> Vec<String> {
        addresses(urls).unwrap().servers.iter().map(place).collect()
    }

    #[test]
    fn a_list_of_servers_is_read() {
        assert_eq!(
            places("nats://a:1, b ,tls://[::1]:3"),
            ["a:1", "b:4222", "[::1]:3"]
        );
    }

    #[test]
    fn credentials_are_taken_out_of_the_urls() {
        let read = addresses("nats://a,nats://user:p%40ss@b:1").unwrap();
        assert_eq!(
            read.login,
            Some(Login::Password {
                user: "user".to_owned(),
                password: "p@ss".to_owned()
            })
        );
        assert!(read.servers.iter().all(|server| !server.has_user_pass()));
        let token = addresses("nats://s3cret@a").unwrap().login;
        assert_eq!(token, Some(Login::Token("s3cret".to_owned())));
    }

    #[test]
    fn a_malformed_list_is_refused_without_showing_a_password() {
        for urls in [
            "",
            " , ",
            "http://a:1",
            "ws://a",
            "nats://u:secret@a:port",
            "nats://",
        ] {
            let refused = addresses(urls).err().unwrap().to_string();
            assert!(refused.contains("malformed"), "{refused}");
            assert!(!refused.contains("secret"), "{refused}");
        }
    }
}
