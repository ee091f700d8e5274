//! Tests of what surrounds every route, through a router and, for large bodies, through a socket.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::body::{Body, Bytes};
use axum::routing::{get, post};
use contracts::api::problem::Problem;
use http_body_util::BodyExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tower::ServiceExt as _;

use super::*;
use crate::clock::SystemClock;
use crate::http::fields::Fields;
use crate::random::SystemRandom;

mod logs;

fn settings() -> LayerSettings {
    LayerSettings::new(Arc::new(SystemClock::new()), Arc::new(SystemRandom))
}

async fn seen_origin() -> String {
    let origin = Origin::current();
    format!(
        "{}|{}",
        origin.correlation.unwrap(),
        origin.traceparent.unwrap()
    )
}

async fn panics() -> &'static str {
    panic!("on purpose")
}

fn routes() -> Router {
    let own_headers = [
        ("cache-control", "max-age=60"),
        ("x-content-type-options", "own"),
    ];
    Router::new()
        .route(
            "/api/things/{id}",
            get(seen_origin).post(|_: Fields| async { "read" }),
        )
        .route(
            "/api/bytes",
            post(|body: Bytes| async move { body.len().to_string() }),
        )
        .route("/api/unread", post(|| async { StatusCode::UNAUTHORIZED }))
        .route("/api/panics", get(panics))
        .route("/api/never", get(std::future::pending::<()>))
        .route(
            "/api/query",
            get(|_: axum::extract::Query<Vec<(String, u8)>>| async {}),
        )
        .route("/api/own", get(move || async move { (own_headers, "own") }))
        .route("/page", get(|| async { "page" }))
}

fn request(method: &str, path: &str, headers: &[(&str, &str)]) -> Request {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).unwrap()
}

async fn ask(router: &Router, request: Request) -> (StatusCode, HeaderMap, String) {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (
        parts.status,
        parts.headers,
        String::from_utf8(body.to_vec()).unwrap(),
    )
}

async fn problem(router: &Router, request: Request) -> (u16, String) {
    let (status, headers, body) = ask(router, request).await;
    assert_eq!(
        headers["content-type"], "application/problem+json",
        "{status} {body}"
    );
    let problem: Problem = serde_json::from_str(&body).unwrap();
    assert_eq!(problem.status, status.as_u16());
    assert!(!problem.errors.is_empty());
    (problem.status, problem.code)
}

#[tokio::test]
async fn ids_and_traces_go_in_and_the_id_comes_out() {
    let router = layered(routes(), &settings());
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let parent = format!("00-{trace}-00f067aa0ba902b7-01");
    let given = [
        ("x-request-id", "given-1"),
        ("traceparent", parent.as_str()),
    ];
    let (_, headers, body) = ask(&router, request("GET", "/api/things/1", &given)).await;
    assert_eq!(headers["x-request-id"], "given-1");
    assert!(body.starts_with(&format!("given-1|00-{trace}-")), "{body}");
    let (_, headers, body) = ask(&router, request("GET", "/api/things/1", &[])).await;
    let id = headers["x-request-id"].to_str().unwrap();
    assert!(
        body.starts_with(&format!("{id}|00-")) && id.len() == 32,
        "{body}"
    );
}

#[tokio::test]
async fn handlers_can_pass_the_ids_on() {
    let echo = async |headers: HeaderMap| {
        let text = |name: &str| headers[name].to_str().unwrap().to_owned();
        let passed = format!("{}|{}", text("x-request-id"), text("traceparent"));
        assert_eq!(passed, seen_origin().await);
    };
    let router = layered(Router::new().route("/echo", get(echo)), &settings());
    let insane = [
        ("x-request-id", "two words"),
        ("traceparent", "00-nonsense"),
    ];
    for given in [&[][..], &insane] {
        assert_eq!(ask(&router, request("GET", "/echo", given)).await.0, 200);
    }
}

#[tokio::test]
async fn headers_are_added_but_not_replaced() {
    let router = layered(routes(), &settings());
    let (_, headers, _) = ask(&router, request("GET", "/api/things/1", &[])).await;
    assert_eq!(headers["cache-control"], "no-store");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(
        headers["content-security-policy"],
        "default-src 'none'; frame-ancestors 'none'"
    );
    let (_, headers, _) = ask(&router, request("GET", "/api/own", &[])).await;
    assert_eq!(headers["cache-control"], "max-age=60");
    assert_eq!(headers["x-content-type-options"], "own");
    let (_, headers, _) = ask(&router, request("GET", "/page", &[])).await;
    assert!(!headers.contains_key("cache-control"));
    assert!(!headers.contains_key("content-security-policy"));
}

#[tokio::test]
async fn what_the_framework_refuses_is_a_problem_too() {
    let router = layered(routes(), &settings());
    let not_found = problem(&router, request("GET", "/api/nothing", &[])).await;
    assert_eq!(not_found, (404, "not_found".to_owned()));
    let wrong_method = problem(&router, request("PUT", "/api/things/1", &[])).await;
    assert_eq!(wrong_method, (405, "method_not_allowed".to_owned()));
    let (_, headers, _) = ask(&router, request("PUT", "/api/things/1", &[])).await;
    assert_eq!(headers["allow"], "GET,HEAD,POST");
    let wrong_query = problem(&router, request("GET", "/api/query?a=1000", &[])).await;
    assert_eq!(wrong_query, (400, "invalid_request".to_owned()));
}

#[tokio::test]
async fn panics_and_endless_waits_are_answered() {
    let router = layered(
        routes(),
        &LayerSettings {
            timeout: Duration::from_millis(5),
            ..settings()
        },
    );
    let panicked = problem(&router, request("GET", "/api/panics", &[])).await;
    assert_eq!(panicked, (500, "internal_error".to_owned()));
    let endless = problem(&router, request("GET", "/api/never", &[])).await;
    assert_eq!(endless, (503, "unavailable".to_owned()));
    let (_, headers, body) = ask(&router, request("GET", "/api/panics", &[])).await;
    assert!(
        !body.contains("on purpose"),
        "the cause is nobody's business"
    );
    assert!(headers.contains_key("x-request-id"));
}

#[tokio::test]
async fn requests_of_other_sites_do_not_reach_a_handler() {
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let count = move || async move {
        counted.fetch_add(1, Ordering::SeqCst);
    };
    let routes = Router::new().route("/api/act", post(count));
    let public_url = Some(Arc::from("https://site.example"));
    let router = layered(
        routes,
        &LayerSettings {
            public_url,
            ..settings()
        },
    );
    let evil = request("POST", "/api/act", &[("origin", "https://evil.example")]);
    assert_eq!(
        problem(&router, evil).await,
        (403, "cross_site_request".to_owned())
    );
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    let own = request("POST", "/api/act", &[("origin", "https://site.example")]);
    assert_eq!(ask(&router, own).await.0, 200);
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn people_are_shown_pages_and_programs_problems() {
    let shown = Arc::new(Mutex::new(Vec::new()));
    let codes = Arc::clone(&shown);
    let show: Show = Arc::new(move |refused| {
        codes.lock().unwrap().push(refused.code);
        (refused.status, axum::response::Html("<h1>Sorry</h1>")).into_response()
    });
    let router = layered(
        routes(),
        &LayerSettings {
            show: Some(show),
            ..settings()
        },
    );
    let browser = [("accept", "text/html,*/*;q=0.8")];
    let (status, headers, body) = ask(&router, request("GET", "/nothing", &browser)).await;
    assert_eq!((status.as_u16(), body.as_str()), (404, "<h1>Sorry</h1>"));
    assert_eq!(headers["content-type"], "text/html; charset=utf-8");
    assert_eq!(
        problem(&router, request("GET", "/nothing", &[])).await.0,
        404
    );
    assert_eq!(
        problem(&router, request("GET", "/api/nothing", &browser))
            .await
            .0,
        404
    );
    assert_eq!(*shown.lock().unwrap(), ["not_found"]);
}

#[tokio::test]
async fn bodies_are_bounded_with_and_without_an_announced_length() {
    let router = layered(
        routes(),
        &LayerSettings {
            body_limit: 100,
            ..settings()
        },
    );
    let post = |path: &str, size: usize, announced: bool| {
        let bytes = Bytes::from(vec![b' '; size]);
        let chunks = bytes
            .chunks(7)
            .map(|chunk| Ok::<_, Infallible>(Bytes::copy_from_slice(chunk)));
        let chunks: Vec<_> = chunks.collect();
        let mut request = request("POST", path, &[("content-type", "application/json")]);
        *request.body_mut() = Body::from_stream(futures::stream::iter(chunks));
        if announced {
            request
                .headers_mut()
                .insert("content-length", HeaderValue::from(size));
        }
        request
    };
    for announced in [true, false] {
        let (status, _, body) = ask(&router, post("/api/bytes", 100, announced)).await;
        assert_eq!((status.as_u16(), body.as_str()), (200, "100"));
        for path in ["/api/bytes", "/api/things/1"] {
            let refused = problem(&router, post(path, 101, announced)).await;
            assert_eq!(
                refused,
                (413, "body_too_large".to_owned()),
                "{path} {announced}"
            );
        }
    }
}

/// Sends everything before it reads anything, as simple clients do.
async fn send_all_then_read(path: &str, head: &str, body: &[u8]) -> std::io::Result<String> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let server = axum::serve(listener, layered(routes(), &settings()));
    let client = async {
        let mut stream = tokio::net::TcpStream::connect(address).await?;
        let head =
            format!("POST {path} HTTP/1.1\r\nhost: here\r\nconnection: close\r\n{head}\r\n\r\n");
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    };
    tokio::select! {
        answer = client => answer,
        served = server.into_future() => served.map(|()| String::new()),
    }
}

#[tokio::test]
async fn an_answer_reaches_a_client_that_is_still_sending() {
    let body = vec![b'x'; 10 * 1024 * 1024];
    let announced = format!(
        "content-type: application/json\r\ncontent-length: {}",
        body.len()
    );
    let answer = send_all_then_read("/api/things/1", &announced, &body)
        .await
        .unwrap();
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.contains("body_too_large"), "{answer}");

    let mut chunked = format!("{:x}\r\n", body.len()).into_bytes();
    chunked.extend_from_slice(&body);
    chunked.extend_from_slice(b"\r\n0\r\n\r\n");
    let head = "content-type: application/json\r\ntransfer-encoding: chunked";
    let answer = send_all_then_read("/api/things/1", head, &chunked)
        .await
        .unwrap();
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");

    let answer = send_all_then_read("/api/unread", head, &chunked)
        .await
        .unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 401 "),
        "a handler that reads nothing: {answer}"
    );
}

#[tokio::test]
async fn a_client_that_asks_first_is_told_without_sending() {
    let head = "content-length: 10485760\r\nexpect: 100-continue";
    let answer = send_all_then_read("/api/things/1", head, b"")
        .await
        .unwrap();
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn requests_are_counted_by_route() {
    let rendered = crate::telemetry::metrics();
    let routes = Router::new().route("/api/counted/{id}", get(|| async {}));
    let router = layered(routes, &settings());
    for path in ["/api/counted/1", "/api/counted/2", "/api/uncounted/3"] {
        ask(&router, request("GET", path, &[])).await;
    }
    let text = rendered.render();
    let line = r#"http_requests_total{method="GET",route="/api/counted/{id}",status="200"} 2"#;
    assert!(text.contains(line), "{text}");
    assert!(
        !text.contains("/api/counted/1") && !text.contains("/api/uncounted"),
        "{text}"
    );
}
