//! Headers on their way through: those of one connection are taken off, those of the way are added.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use axum::http::HeaderMap;
use axum::http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderName, HeaderValue, PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use axum::http::request::Parts;
use platform::http::forwarded::{FORWARDED_FOR, Peer};

const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// What is about one connection only (RFC 9110 §7.6.1), and what the gateway answers by itself.
const OF_ONE_CONNECTION: [HeaderName; 11] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("http2-settings"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    EXPECT,
];

/// Takes off what is about one connection, also what `Connection` names.
pub fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        // Whoever names these wants to confuse: a request is nothing without them.
        .filter(|name| *name != HOST && *name != CONTENT_LENGTH)
        .collect();
    for name in named.iter().chain(&OF_ONE_CONNECTION) {
        headers.remove(name);
    }
}

/// Whether a request's head says one thing only.
pub fn is_sound(parts: &Parts) -> bool {
    let is_framed_twice =
        parts.headers.contains_key(TRANSFER_ENCODING) && parts.headers.contains_key(CONTENT_LENGTH);
    let hosts = parts.headers.get_all(HOST).iter().count();
    hosts <= 1 && !is_framed_twice
}

/// Adds whom the request is from, and how it came. What strangers said about it is gone by now.
pub fn add_way(parts: &mut Parts) {
    // A target with an authority is the host, whatever the header says (RFC 9112 §3.2.2).
    let host = parts.uri.authority().map(|host| host.as_str());
    if let Some(host) = host.and_then(|host| HeaderValue::from_str(host).ok()) {
        parts.headers.insert(HOST, host);
    }
    if let Some(Peer(peer)) = parts.extensions.get::<Peer>() {
        let way = parts.headers.get_all(FORWARDED_FOR).iter();
        let mut way: Vec<&str> = way.filter_map(|line| line.to_str().ok()).collect();
        let nearest = peer.ip().to_canonical().to_string();
        way.push(&nearest);
        if let Ok(way) = HeaderValue::from_str(&way.join(", ")) {
            parts.headers.insert(FORWARDED_FOR, way);
        }
    }
    parts
        .headers
        .entry(FORWARDED_PROTO)
        .or_insert(HeaderValue::from_static("http"));
    if let Some(host) = parts.headers.get(HOST).cloned() {
        parts.headers.entry(FORWARDED_HOST).or_insert(host);
    }
}

/// Says whom the request is from, where the listener has found that out already.
pub fn name_client(parts: &mut Parts) {
    let client = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    let client = client.map(|ConnectInfo(client)| client.ip().to_canonical().to_string());
    if let Some(client) = client.and_then(|client| HeaderValue::from_str(&client).ok()) {
        parts.headers.insert(FORWARDED_FOR, client);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_about_one_connection_is_taken_off() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, X-Private"),
            ("connection", "host, content-length"),
            ("x-private", "1"),
            ("keep-alive", "timeout=5"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("http2-settings", "AAMAAABkAAQAAP__"),
            ("proxy-authorization", "Basic eA=="),
            ("host", "tickets.example"),
            ("content-length", "3"),
            ("cookie", "a=b"),
        ] {
            let name: HeaderName = name.parse().unwrap();
            headers.append(name, HeaderValue::from_static(value));
        }
        strip(&mut headers);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["content-length", "cookie", "host"]);
    }
}
