//! What services hear of the way: addresses that can't be forged, no headers of one connection, no
//! request inside of another.

use platform::http::forwarded::{TrustedProxies, parse_network};

use crate::world::{Client, Edge, Seen, Server, noting};

const CLAIMED: &str = "x-forwarded-for: 203.0.113.9\r\nx-forwarded-proto: https\r\n\
    x-forwarded-host: shown.example\r\nforwarded: for=203.0.113.9\r\n";

#[expect(clippy::unwrap_used, reason = "a test may panic")]
async fn edge(server: &Server, trusted: &str) -> Edge {
    Edge::with(&[("orders", &[server.address])], |settings| {
        settings.trusted = TrustedProxies::new([parse_network(trusted).unwrap()]);
    })
    .await
}

#[tokio::test]
async fn what_a_stranger_claims_is_replaced() {
    let seen = Seen::default();
    let server = Server::start(noting("orders", &seen)).await;
    let edge = edge(&server, "192.0.2.0/24").await;
    edge.ask(&format!(
        "GET /api/orders HTTP/1.1\r\nhost: tickets.example\r\n{CLAIMED}\r\n"
    ))
    .await;
    let asked = seen.last();
    assert_eq!(asked.header("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(asked.header("x-forwarded-proto"), Some("http"));
    assert_eq!(asked.header("x-forwarded-host"), Some("tickets.example"));
    assert_eq!(asked.header("forwarded"), None);
}

#[tokio::test]
async fn what_a_trusted_proxy_says_is_kept_and_added_to() {
    let seen = Seen::default();
    let server = Server::start(noting("orders", &seen)).await;
    let edge = edge(&server, "127.0.0.0/8").await;
    edge.ask(&format!(
        "GET /api/orders HTTP/1.1\r\nhost: tickets.example\r\n{CLAIMED}\r\n"
    ))
    .await;
    let asked = seen.last();
    assert_eq!(
        asked.header("x-forwarded-for"),
        Some("203.0.113.9, 127.0.0.1")
    );
    assert_eq!(asked.header("x-forwarded-proto"), Some("https"));
    assert_eq!(asked.header("x-forwarded-host"), Some("shown.example"));
}

#[tokio::test]
async fn headers_of_one_connection_stay_there() {
    let seen = Seen::default();
    let server = Server::start(noting("orders", &seen)).await;
    let edge = edge(&server, "192.0.2.1").await;
    let answer = edge
        .ask(
            "GET /api/orders HTTP/1.1\r\nhost: x\r\nconnection: keep-alive, upgrade, x-private, x-forwarded-for\r\n\
             x-private: 1\r\nupgrade: websocket\r\nte: trailers\r\nkeep-alive: timeout=5\r\n\
             proxy-authorization: Basic eA==\r\nx-public: 1\r\n\r\n",
        )
        .await;
    assert_eq!(answer.status, 200, "an upgrade is not taken up");
    let asked = seen.last();
    for name in [
        "connection",
        "x-private",
        "upgrade",
        "te",
        "keep-alive",
        "proxy-authorization",
    ] {
        assert_eq!(asked.header(name), None, "{name}");
    }
    assert_eq!(asked.header("x-public"), Some("1"));
    assert_eq!(asked.header("x-forwarded-for"), Some("127.0.0.1"));
}

/// Sends a request whose end could be seen in two places, with another one hidden in it.
async fn smuggle(head: &str) -> (String, Vec<String>) {
    let seen = Seen::default();
    let server = Server::start(noting("orders", &seen)).await;
    let edge = edge(&server, "192.0.2.1").await;
    let mut client = Client::connect(edge.server.address).await;
    client
        .send(&format!(
            "POST /api/orders HTTP/1.1\r\nhost: x\r\n{head}\r\n0\r\n\r\nGET /api/orders/hidden HTTP/1.1\r\nhost: x\r\n\r\n"
        ))
        .await;
    let text = client.read_to_end().await;
    (
        text,
        seen.all().into_iter().map(|asked| asked.line).collect(),
    )
}

#[tokio::test]
async fn a_length_beside_chunks_hides_no_request() {
    for head in [
        "content-length: 5\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 5\r\n",
    ] {
        let (text, seen) = smuggle(head).await;
        assert_eq!(
            text.matches("HTTP/1.1 ").count(),
            1,
            "closed after one answer: {text}"
        );
        assert!(
            seen.iter().all(|line| line == "POST /api/orders"),
            "{seen:?}"
        );
    }
}

#[tokio::test]
async fn requests_that_can_be_read_in_two_ways_are_refused() {
    for head in [
        "content-length: 5\r\ncontent-length: 6\r\n",
        "transfer-encoding: chunked, identity\r\n",
        "transfer-encoding: identity\r\n",
        "content-length: +5\r\n",
        "content-length: 5, 5\r\n",
        "host: y\r\ncontent-length: 0\r\nconnection: close\r\n",
    ] {
        let (text, seen) = smuggle(head).await;
        assert!(text.starts_with("HTTP/1.1 400"), "{head}: {text}");
        assert!(seen.is_empty(), "{head}: {seen:?}");
    }
}
