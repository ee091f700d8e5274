//! Servers on free ports that are gone when they are dropped, and clients that say exactly what they
//! are told.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request};
use gateway::{Settings, Surroundings};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use platform::clock::SystemClock;
use platform::http::health::Readiness;
use platform::random::SystemRandom;
use platform::tasks::Tasks;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt as _;

/// How long anything here may take.
pub const SOON: Duration = Duration::from_secs(10);

/// A server; it stops when it is told to or dropped, its connections with it.
pub struct Server {
    pub address: SocketAddr,
    tasks: Tasks,
}

impl Server {
    pub async fn start(router: Router) -> Self {
        Self::at("127.0.0.1:0".parse().unwrap(), router).await
    }

    pub async fn at(address: SocketAddr, router: Router) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let tasks = Tasks::default();
        let connections = tasks.clone();
        tasks.spawn(async move {
            loop {
                let (stream, peer) = listener.accept().await.unwrap();
                let router = router.clone();
                let service = router.map_request(move |mut request: Request<_>| {
                    request.extensions_mut().insert(ConnectInfo(peer));
                    request.map(Body::new)
                });
                connections.spawn(async move {
                    let connection = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
                    drop(connection.await);
                });
            }
        });
        Self { address, tasks }
    }

    pub async fn stop(&self) {
        assert!(self.tasks.stop(SOON).await);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.tasks.stopping().cancel();
    }
}

/// The gateway, with what is behind it.
pub struct Edge {
    pub server: Server,
    pub tasks: Tasks,
}

impl Edge {
    /// In front of these servers, once it has looked who is there.
    pub async fn before(upstreams: &[(&str, &[SocketAddr])]) -> Self {
        Self::with(upstreams, |_| {}).await
    }

    pub async fn with(
        upstreams: &[(&str, &[SocketAddr])],
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let mut named: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (service, addresses) in upstreams {
            let addresses = addresses.iter().map(ToString::to_string).collect();
            named.insert((*service).to_owned(), addresses);
        }
        let mut settings = Settings::new(named, r#"{"openapi":"3.1.0"}"#.into());
        settings.rhythm.probe = Duration::from_millis(50);
        change(&mut settings);
        let tasks = Tasks::default();
        let readiness = Readiness::default();
        let around = Surroundings {
            clock: Arc::new(SystemClock::new()),
            random: Arc::new(SystemRandom),
            tasks: tasks.clone(),
            readiness: readiness.clone(),
            metrics: platform::telemetry::metrics(),
        };
        let server = Server::start(gateway::proxy(settings, around)).await;
        let edge = Self { server, tasks };
        edge.until("it is ready", || {
            let readiness = readiness.clone();
            async move { readiness.is_ready() }
        })
        .await;
        edge
    }

    /// Asks again and again until it is so.
    pub async fn until<F: Future<Output = bool>>(&self, what: &str, is_so: impl Fn() -> F) {
        let asking = async {
            while !is_so().await {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(SOON, asking).await.expect(what);
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask(&format!(
            "GET {path} HTTP/1.1\r\nhost: tickets.example\r\n\r\n"
        ))
        .await
    }

    /// Sends exactly this, and reads one answer.
    pub async fn ask(&self, request: &str) -> Answer {
        let mut client = Client::connect(self.server.address).await;
        client.send(request).await;
        client.answer().await
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        self.tasks.stopping().cancel();
    }
}

/// An answer as it came over the wire.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
    /// Whether the body came to its declared end.
    pub whole: bool,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).into_iter().next()
    }

    pub fn headers(&self, name: &str) -> Vec<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .filter_map(|(key, value)| key.eq_ignore_ascii_case(name).then_some(value))
            .collect()
    }

    /// The stable code of a problem.
    pub fn code(&self) -> String {
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json")
        );
        let problem: contracts::api::problem::Problem = serde_json::from_str(&self.body).unwrap();
        assert_eq!(problem.status, self.status);
        problem.code
    }
}

/// A connection of a client.
pub struct Client {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Client {
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        Self {
            stream,
            read: Vec::new(),
        }
    }

    pub async fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    /// Whether the server took it.
    pub async fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok()
    }

    /// Reads until this has come.
    pub async fn read_until(&mut self, text: &str) -> String {
        loop {
            let read = String::from_utf8_lossy(&self.read).into_owned();
            if read.contains(text) {
                return read;
            }
            assert!(self.more().await, "closed before {text:?} came: {read}");
        }
    }

    /// Reads to the end of the connection.
    pub async fn read_to_end(&mut self) -> String {
        while self.more().await {}
        String::from_utf8_lossy(&self.read).into_owned()
    }

    /// Reads one answer (to a request other than HEAD).
    pub async fn answer(&mut self) -> Answer {
        self.read_until("\r\n\r\n").await;
        let text = String::from_utf8_lossy(&self.read).into_owned();
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        let mut answer = Answer {
            status: head[9..12].parse().unwrap(),
            head: head.to_owned(),
            body: String::new(),
            whole: true,
        };
        self.read.drain(..head.len() + 4);
        if let Some(length) = answer.header("content-length") {
            let length: usize = length.parse().unwrap();
            while self.read.len() < length && answer.whole {
                answer.whole = self.more().await;
            }
            let end = length.min(self.read.len());
            let body: Vec<u8> = self.read.drain(..end).collect();
            answer.body = String::from_utf8(body).unwrap();
        } else if answer.header("transfer-encoding") == Some("chunked") {
            while answer.whole && !self.read.ends_with(b"0\r\n\r\n") {
                answer.whole = self.more().await;
            }
            answer.body = unchunked(&std::mem::take(&mut self.read));
        }
        answer
    }

    async fn more(&mut self) -> bool {
        let reading = self.stream.read_buf(&mut self.read);
        let count = tokio::time::timeout(SOON, reading).await;
        count
            .expect("something comes soon")
            .is_ok_and(|count| count > 0)
    }
}

fn unchunked(bytes: &[u8]) -> String {
    let mut text = String::from_utf8_lossy(bytes).into_owned();
    let mut body = String::new();
    while let Some((size, rest)) = text.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        body.push_str(&rest[..size.min(rest.len())]);
        text = rest.get(size + 2..).unwrap_or("").to_owned();
    }
    body
}

/// What a server has seen.
#[derive(Clone, Default)]
pub struct Seen(pub Arc<Mutex<Vec<Asked>>>);

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Asked {
    pub line: String,
    pub headers: HeaderMap,
    pub body: String,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

impl Seen {
    pub fn all(&self) -> Vec<Asked> {
        self.0.lock().unwrap().clone()
    }

    pub fn last(&self) -> Asked {
        self.all().pop().unwrap()
    }

    /// Reads and notes a request.
    pub async fn note(&self, request: axum::extract::Request) {
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX)
            .await
            .unwrap_or_default();
        self.0.lock().unwrap().push(Asked {
            line: format!("{} {}", parts.method, parts.uri),
            headers: parts.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        });
    }
}

/// A server that is ready, notes every other request, and says its name.
pub fn noting(name: &'static str, seen: &Seen) -> Router {
    let seen = seen.clone();
    ready(Router::new().fallback(move |request| {
        let seen = seen.clone();
        async move {
            seen.note(request).await;
            name
        }
    }))
}

/// The same routes, and `/readyz`.
pub fn ready(router: Router) -> Router {
    router.route("/readyz", axum::routing::get(|| async { "ready" }))
}

/// An address where nobody listens.
pub async fn nobody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}
