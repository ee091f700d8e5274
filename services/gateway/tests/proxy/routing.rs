//! Which service answers what, and what reaches it: paths, hosts, cookies, methods, ids.

use axum::Router;
use axum::http::StatusCode;
use axum::response::AppendHeaders;

use crate::world::{Edge, Seen, Server, noting, ready};

#[tokio::test]
async fn the_table_decides_who_answers() {
    let seen = Seen::default();
    let mut servers = Vec::new();
    for name in [
        "auth",
        "tickets",
        "orders",
        "payments",
        "notifications",
        "web",
    ] {
        servers.push((name, Server::start(noting(name, &seen)).await));
    }
    let addresses: Vec<_> = servers
        .iter()
        .map(|(name, server)| (*name, [server.address]))
        .collect();
    let upstreams: Vec<_> = addresses
        .iter()
        .map(|(name, list)| (*name, &list[..]))
        .collect();
    let edge = Edge::before(&upstreams).await;
    for (path, service) in [
        ("/", "web"),
        ("/tickets/1?q=x", "web"),
        ("/live/orders/1", "web"),
        ("/api/users/signin", "auth"),
        ("/api/tickets", "tickets"),
        ("/api/orders/1/refund", "orders"),
        ("/api/payments?orderId=1", "payments"),
        ("/sandbox/x", "payments"),
        ("/dev/mail", "notifications"),
        ("//api/orders", "web"),
    ] {
        assert_eq!(edge.get(path).await.body, service, "{path}");
    }
}

#[tokio::test]
async fn what_is_the_gateways_own_reaches_nobody() {
    let seen = Seen::default();
    let web = Server::start(noting("web", &seen)).await;
    let edge = Edge::before(&[("web", &[web.address])]).await;
    for path in ["/api", "/api/", "/api/nowhere", "/api/ordersx"] {
        let answer = edge.get(path).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (404, "not_found"),
            "{path}"
        );
    }
    let document = edge.get("/api/openapi.json").await;
    assert_eq!(document.body, r#"{"openapi":"3.1.0"}"#);
    assert_eq!(document.header("content-type"), Some("application/json"));
    assert_eq!(edge.get("/healthz").await.status, 200);
    assert_eq!(edge.get("/readyz").await.status, 200);
    let figures = edge.get("/metrics").await.body;
    let up = format!(
        r#"ticketing_gateway_upstream_up{{service="web",address="{}"}} 1"#,
        web.address
    );
    assert!(figures.contains(&up), "{figures}");
    assert_eq!(seen.all().len(), 0);
    edge.get("/").await;
    let figures = edge.get("/metrics").await.body;
    assert!(figures.contains(r#"ticketing_gateway_requests_total{service="web",status="200"}"#));
}

#[tokio::test]
async fn paths_and_queries_are_passed_on_as_they_are() {
    let seen = Seen::default();
    let server = Server::start(noting("x", &seen)).await;
    let edge = Edge::before(&[("tickets", &[server.address]), ("web", &[server.address])]).await;
    for path in [
        "/api/tickets/%2e%2e",
        "/api/tickets/../orders",
        "/api/tickets//",
        "/api/tickets/%E2%82%AC%2F?q=a+b%20c&q=&&=;x?y",
        "/api/tickets?",
        "//",
        "//evil.example/x",
        "/a;b=c/'\"()*~!$",
    ] {
        assert_eq!(edge.get(path).await.status, 200, "{path}");
        assert_eq!(seen.last().line, format!("GET {path}"));
    }
}

#[tokio::test]
async fn host_and_cookies_are_kept_both_ways() {
    let seen = Seen::default();
    let noted = seen.clone();
    let server = Server::start(ready(Router::new().fallback(move |request| {
        let seen = noted.clone();
        async move {
            seen.note(request).await;
            let cookies = AppendHeaders([("set-cookie", "a=1; HttpOnly"), ("set-cookie", "b=2")]);
            (
                StatusCode::CREATED,
                cookies,
                [("etag", "\"3\""), ("x-own", "1")],
                "made",
            )
        }
    })))
    .await;
    let edge = Edge::before(&[("auth", &[server.address])]).await;
    let answer = edge
        .ask("POST /api/users/signup HTTP/1.1\r\nHost: tickets.example:8443\r\ncookie: s=1\r\ncookie: t=2\r\ncontent-length: 2\r\n\r\n{}")
        .await;
    assert_eq!((answer.status, answer.body.as_str()), (201, "made"));
    assert_eq!(answer.headers("set-cookie"), ["a=1; HttpOnly", "b=2"]);
    assert_eq!(
        (answer.header("etag"), answer.header("x-own")),
        (Some("\"3\""), Some("1"))
    );
    let asked = seen.last();
    assert_eq!(asked.header("host"), Some("tickets.example:8443"));
    assert_eq!(asked.headers.get_all("cookie").iter().count(), 2);
    assert_eq!(asked.body, "{}");
}

#[tokio::test]
async fn a_head_request_has_the_length_and_no_body() {
    let seen = Seen::default();
    let server = Server::start(noting("tickets", &seen)).await;
    let edge = Edge::before(&[("tickets", &[server.address])]).await;
    let mut client = crate::world::Client::connect(edge.server.address).await;
    client
        .send("HEAD /api/tickets HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .await;
    let text = client.read_to_end().await;
    assert!(
        text.starts_with("HTTP/1.1 200") && text.contains("content-length: 7\r\n"),
        "{text}"
    );
    assert!(text.ends_with("\r\n\r\n"), "{text}");
    assert_eq!(seen.last().line, "HEAD /api/tickets");
}

#[tokio::test]
async fn ids_are_passed_on_and_made_where_they_are_missing() {
    let seen = Seen::default();
    let server = Server::start(noting("tickets", &seen)).await;
    let edge = Edge::before(&[("tickets", &[server.address])]).await;
    let answer = edge.get("/api/tickets").await;
    let asked = seen.last();
    assert_eq!(asked.header("x-request-id"), answer.header("x-request-id"));
    assert!(
        asked
            .header("traceparent")
            .is_some_and(|trace| trace.len() == 55)
    );
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    edge.ask(&format!(
        "GET /api/tickets HTTP/1.1\r\nhost: x\r\nx-request-id: r-1\r\ntraceparent: {trace}\r\n\r\n"
    ))
    .await;
    let asked = seen.last();
    assert_eq!(asked.header("x-request-id"), Some("r-1"));
    let passed_on = asked.header("traceparent").unwrap();
    assert_eq!(passed_on.get(..36), trace.get(..36));
}

#[tokio::test]
async fn a_services_own_errors_are_passed_on_as_they_are() {
    let server =
        Server::start(ready(Router::new().fallback(|| async {
            (StatusCode::NOT_FOUND, [("x-own", "1")], "own words")
        })))
        .await;
    let edge = Edge::before(&[("tickets", &[server.address])]).await;
    let answer = edge.get("/api/tickets/1").await;
    assert_eq!((answer.status, answer.body.as_str()), (404, "own words"));
    assert_eq!(answer.header("x-own"), Some("1"));
}
