//! The way to the API for a process behind the load balancer.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{Request, Response};
use axum::response::AppendHeaders;
use gateway::Remote;
use platform::clock::SystemClock;
use platform::http::forwarded::{TrustedProxies, parse_network};
use tower::ServiceExt as _;

use crate::world::{Edge, Seen, Server, nobody, noting};

#[expect(clippy::unwrap_used, reason = "a test may panic")]
fn remote(to: SocketAddr) -> Remote {
    let clock: Arc<dyn platform::Clock> = Arc::new(SystemClock::new());
    gateway::remote(&format!("http://{to}"), &clock).unwrap()
}

#[expect(clippy::unwrap_used, reason = "a test may panic")]
async fn ask(remote: &Remote, request: Request<Body>) -> (Response<()>, String) {
    let answer = remote.clone().oneshot(request).await;
    let (parts, body) = answer.unwrap_or_else(|never| match never {}).into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    (
        Response::from_parts(parts, ()),
        String::from_utf8(body.to_vec()).unwrap(),
    )
}

#[expect(clippy::unwrap_used, reason = "a test may panic")]
fn request(method: &str, path: &str, body: &'static str) -> Request<Body> {
    let request = Request::builder().method(method).uri(path);
    let request = request
        .header("host", "tickets.example")
        .header("cookie", "session=s");
    request.body(Body::from(body)).unwrap()
}

#[tokio::test]
async fn the_relative_path_the_host_and_the_cookies_are_passed_on() {
    let seen = Seen::default();
    let noted = seen.clone();
    let server = Server::start(Router::new().fallback(move |request| {
        let seen = noted.clone();
        async move {
            seen.note(request).await;
            (
                AppendHeaders([("set-cookie", "a=1"), ("set-cookie", "b=2")]),
                "ok",
            )
        }
    }))
    .await;
    let remote = remote(server.address);
    let mut asked = request("POST", "/api/users/signin?x=%2f", "{}");
    asked
        .extensions_mut()
        .insert(ConnectInfo::<SocketAddr>("203.0.113.9:0".parse().unwrap()));
    asked
        .headers_mut()
        .insert("x-forwarded-for", "203.0.113.9, 10.0.0.1".parse().unwrap());
    let (answer, body) = ask(&remote, asked).await;
    assert_eq!(body, "ok");
    assert_eq!(answer.headers().get_all("set-cookie").iter().count(), 2);
    let asked = seen.last();
    assert_eq!(asked.line, "POST /api/users/signin?x=%2f");
    assert_eq!(asked.header("host"), Some("tickets.example"));
    assert_eq!(asked.header("cookie"), Some("session=s"));
    assert_eq!(asked.header("x-forwarded-for"), Some("203.0.113.9"));
    assert_eq!(asked.body, "{}");
}

#[tokio::test]
async fn the_visitors_address_comes_through_the_gateway() {
    let seen = Seen::default();
    let server = Server::start(noting("auth", &seen)).await;
    let trusted = TrustedProxies::new([parse_network("127.0.0.0/8").unwrap()]);
    let edge = Edge::with(&[("auth", &[server.address])], |settings| {
        settings.trusted = trusted.clone();
    })
    .await;
    let mut asked = request("POST", "/api/users/signin", "{}");
    asked.extensions_mut().insert(ConnectInfo::<SocketAddr>(
        "203.0.113.9:4711".parse().unwrap(),
    ));
    assert_eq!(ask(&remote(edge.server.address), asked).await.1, "auth");
    let asked = seen.last();
    assert_eq!(asked.header("host"), Some("tickets.example"));
    let client = trusted.client("127.0.0.1".parse().unwrap(), &asked.headers);
    assert_eq!(client.to_string(), "203.0.113.9");
}

#[tokio::test]
async fn without_an_answer_there_is_a_problem() {
    let remote = remote(nobody().await);
    for method in ["GET", "POST"] {
        let (answer, body) = ask(&remote, request(method, "/api/tickets", "")).await;
        assert_eq!(answer.status(), 503, "{method}");
        assert!(body.contains("service_unreachable"), "{body}");
    }
}
