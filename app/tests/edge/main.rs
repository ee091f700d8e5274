//! Apart: a browser, the gateway, web behind it, which asks through the gateway again, and the API.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use platform::Clock;
use platform::clock::SystemClock;
use platform::http::forwarded::{TrustedProxies, parse_network};
use platform::http::health::Readiness;
use platform::http::layers::{LayerSettings, layered};
use platform::random::SystemRandom;
use platform::tasks::Tasks;
use ticketing::server;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const SOON: Duration = Duration::from_secs(10);
const ME: &str = r#"{"currentUser":{"id":"0196a000-0000-7000-8000-0000000a11ce","email":"alice@example.com","iat":1777000000}}"#;

type Seen = Arc<Mutex<Vec<(String, HeaderMap)>>>;

/// The whole of it; everything stops when it is dropped.
struct Edge {
    address: SocketAddr,
    tasks: Tasks,
    seen: Seen,
    changes: web::Changes,
}

impl Drop for Edge {
    fn drop(&mut self) {
        self.tasks.stopping().cancel();
    }
}

/// Serves as the program does.
async fn listen(
    listener: TcpListener,
    router: Router,
    tasks: &Tasks,
) -> anyhow::Result<SocketAddr> {
    let address = listener.local_addr()?;
    let router = server::by_address(router, trusted()?, None, None);
    tasks.spawn_until_stopped(server::serve(listener, router, tasks.stopping()));
    Ok(address)
}

fn trusted() -> anyhow::Result<TrustedProxies> {
    let network = parse_network("127.0.0.0/8").map_err(anyhow::Error::msg)?;
    Ok(TrustedProxies::new([network]))
}

/// Who answers a question of the API, and notes it.
fn fake(seen: &Seen) -> Router {
    let seen = Arc::clone(seen);
    Router::new()
        .route("/readyz", get(|| async { "ready" }))
        .fallback(move |request: Request| {
            let seen = Arc::clone(&seen);
            async move {
                let asked = format!("{} {}", request.method(), request.uri());
                let answer = answer(&asked, request.headers());
                if let Ok(mut seen) = seen.lock() {
                    seen.push((asked, request.headers().clone()));
                }
                answer
            }
        })
}

fn answer(asked: &str, headers: &HeaderMap) -> Response {
    let is_alice = headers
        .get("cookie")
        .is_some_and(|cookie| cookie == "session=alice");
    match asked {
        "GET /api/users/currentuser" if is_alice => ME.into_response(),
        "GET /api/users/currentuser" => r#"{"currentUser":null}"#.into_response(),
        "POST /api/users/signin" => {
            let cookie = ("set-cookie", "session=alice; HttpOnly; SameSite=Lax");
            let user =
                r#"{"id":"0196a000-0000-7000-8000-0000000a11ce","email":"alice@example.com"}"#;
            ([cookie], user).into_response()
        }
        _ if asked.starts_with("GET /api/tickets?") => "[]".into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

fn pages(
    clock: &Arc<dyn Clock>,
    gateway: SocketAddr,
    changes: &web::Changes,
) -> anyhow::Result<Router> {
    let now = Arc::clone(clock);
    let remote = gateway::remote(&format!("http://{gateway}"), clock)?;
    let pages = web::routes(
        web::Settings::default(),
        remote,
        changes,
        Arc::new(move || now.now()),
        Arc::new(uuid::Uuid::nil),
    );
    let pages = pages.route("/readyz", get(|| async { "ready" }));
    let layers = LayerSettings::new(Arc::clone(clock), Arc::new(SystemRandom));
    Ok(layered(pages, &layers))
}

/// With auth and tickets behind it; no orders, no payments.
async fn edge() -> anyhow::Result<Edge> {
    let (tasks, seen, changes) = (Tasks::default(), Seen::default(), web::Changes::new(4));
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let free = || TcpListener::bind("127.0.0.1:0");
    let (front, behind) = (free().await?, free().await?);
    let address = front.local_addr()?;
    let api = listen(free().await?, fake(&seen), &tasks).await?;
    let web = listen(behind, pages(&clock, address, &changes)?, &tasks).await?;
    let gone = free().await?.local_addr()?;
    let upstreams = [
        ("auth", api),
        ("tickets", api),
        ("web", web),
        ("orders", gone),
    ];
    let upstreams: BTreeMap<_, _> = upstreams
        .map(|(service, at)| (service.to_owned(), vec![at.to_string()]))
        .into();
    let readiness = Readiness::default();
    let settings = gateway::Settings {
        trusted: trusted()?,
        show: Some(Arc::new(|refused| {
            web::failure_page(&web::Settings::default(), refused.status)
        })),
        ..gateway::Settings::new(upstreams, "{}".into())
    };
    let around = gateway::Surroundings {
        clock,
        random: Arc::new(SystemRandom),
        tasks: tasks.clone(),
        readiness: readiness.clone(),
        metrics: platform::telemetry::metrics(),
    };
    listen(front, gateway::proxy(settings, around), &tasks).await?;
    let edge = Edge {
        address,
        tasks,
        seen,
        changes,
    };
    let ready = async {
        while !edge
            .ask("GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            .await?
            .contains("200 OK")
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(SOON, ready).await??;
    Ok(edge)
}

impl Edge {
    async fn ask(&self, request: &str) -> anyhow::Result<String> {
        let mut stream = TcpStream::connect(self.address).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        tokio::time::timeout(SOON, stream.read_to_string(&mut answer)).await??;
        Ok(answer)
    }

    async fn get(&self, path: &str, headers: &str) -> anyhow::Result<String> {
        self.ask(&format!(
            "GET {path} HTTP/1.1\r\nhost: tickets.example\r\naccept: text/html\r\nconnection: close\r\n{headers}\r\n"
        ))
        .await
    }

    fn headers_of(&self, asked: &str) -> HeaderMap {
        let seen = self
            .seen
            .lock()
            .map(|seen| seen.clone())
            .unwrap_or_default();
        let found = seen.into_iter().find(|(what, _)| what.starts_with(asked));
        found.map(|(_, headers)| headers).unwrap_or_default()
    }
}

#[tokio::test]
async fn the_page_is_for_the_one_whose_cookie_it_is() -> anyhow::Result<()> {
    let edge = edge().await?;
    let alice = edge
        .get(
            "/?q=caf%C3%A9",
            "cookie: session=alice\r\naccept-language: de\r\n",
        )
        .await?;
    assert!(
        alice.starts_with("HTTP/1.1 200") && alice.contains("alice@example.com"),
        "{alice}"
    );
    let nobody = edge.get("/", "").await?;
    assert!(
        nobody.contains("/auth/signin") && !nobody.contains("alice"),
        "{nobody}"
    );
    let asked = edge.headers_of("GET /api/tickets?limit=24&q=caf%C3%A9");
    assert_eq!(asked["cookie"], "session=alice");
    assert_eq!(asked["host"], "tickets.example");
    assert_eq!(asked["accept-language"], "de");
    let traces = ["GET /api/tickets", "GET /api/users"].map(|what| edge.headers_of(what));
    assert_eq!(traces[0]["x-request-id"], traces[1]["x-request-id"]);
    Ok(())
}

#[tokio::test]
async fn signing_in_brings_the_cookie_back_and_the_address_there() -> anyhow::Result<()> {
    let edge = edge().await?;
    let form = "email=alice%40example.com&password=long+enough";
    let length = form.len();
    let answer = edge
        .ask(&format!(
            "POST /auth/signin HTTP/1.1\r\nhost: tickets.example\r\norigin: https://tickets.example\r\n\
             x-forwarded-for: 6.6.6.6, 203.0.113.9\r\nx-forwarded-proto: https\r\nsec-fetch-site: same-origin\r\n\
             content-type: application/x-www-form-urlencoded\r\nconnection: close\r\n\
             content-length: {length}\r\n\r\n{form}"
        ))
        .await?;
    assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
    assert!(
        answer.contains("set-cookie: session=alice; HttpOnly; SameSite=Lax\r\n"),
        "{answer}"
    );
    let asked = edge.headers_of("POST /api/users/signin");
    let client = trusted()?.client("127.0.0.1".parse()?, &asked);
    assert_eq!(client.to_string(), "203.0.113.9", "{asked:?}");
    Ok(())
}

#[tokio::test]
async fn what_is_away_has_a_page_and_the_rest_goes_on() -> anyhow::Result<()> {
    let edge = edge().await?;
    let orders = edge.get("/orders", "cookie: session=alice\r\n").await?;
    assert!(
        orders.starts_with("HTTP/1.1 503") && orders.contains("Orders are not answering"),
        "{orders}"
    );
    let sandbox = edge.get("/sandbox/x", "").await?;
    assert!(
        sandbox.starts_with("HTTP/1.1 503") && sandbox.contains("<!doctype html>"),
        "{sandbox}"
    );
    let api = edge.get("/api/orders", "").await?;
    assert!(
        api.contains("application/problem+json") && api.contains("service_unreachable"),
        "{api}"
    );
    assert!(edge.get("/", "").await?.starts_with("HTTP/1.1 200"));
    Ok(())
}

#[tokio::test]
async fn a_live_stream_comes_through_and_does_not_hold_up_the_stop() -> anyhow::Result<()> {
    let edge = edge().await?;
    let order = "0196a000-0000-7000-8000-000000000d01";
    let mut stream = TcpStream::connect(edge.address).await?;
    let request = format!("GET /live/orders/{order} HTTP/1.1\r\nhost: x\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut read = String::new();
    let mut buffer = [0; 1024];
    let mut has_told = false;
    while !read.contains("\"version\":3") {
        let count = tokio::time::timeout(SOON, stream.read(&mut buffer)).await??;
        assert!(count > 0, "{read}");
        read.push_str(&String::from_utf8_lossy(&buffer[..count]));
        if read.contains(": following") && !has_told {
            has_told = true;
            edge.changes.send(web::Change {
                aggregate: "order".to_owned(),
                id: order.to_owned(),
                version: 3,
            })?;
        }
    }
    assert!(edge.tasks.stop(SOON).await, "everything ends by itself");
    Ok(())
}
