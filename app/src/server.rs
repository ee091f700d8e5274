//! The listener: accepts connections, bounds what each may cost, and drains them at the stop.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use platform::http::forwarded::{TrustedProxies, counted, looking_behind};
use platform::http::layers::{Show, wants_page};
use platform::{Failure, Refused};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// How long a client may take to send a request's head: a slow one must not hold a connection.
const HEAD_WITHIN: Duration = Duration::from_secs(15);

/// How many connections are open at once; further ones wait in the listener's queue.
const CONNECTIONS_MAX: usize = 10_000;

/// How many addresses' requests are remembered before the idle ones are forgotten.
const ADDRESSES_MAX: usize = 50_000;

/// Answers connections until `stop`; then waits for those that are being answered.
pub async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) {
    let graceful = GracefulShutdown::new();
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else {
            break;
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        let Ok((stream, address)) = accepted else {
            // Out of file descriptors, most likely: some connections will end soon.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        stream.set_nodelay(true).ok();
        let router = router.clone();
        let service = hyper::service::service_fn(move |mut request: hyper::Request<_>| {
            request.extensions_mut().insert(ConnectInfo(address));
            router.clone().oneshot(request.map(Body::new))
        });
        let mut http = hyper::server::conn::http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(HEAD_WITHIN);
        let connection = http.serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection);
        #[expect(clippy::disallowed_methods, reason = "joined by the graceful shutdown")]
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection broke");
            }
            drop(place);
        });
    }
    drop(listener);
    graceful.shutdown().await;
}

/// Puts around a router what counts by address: it looks behind trusted proxies first, then limits.
pub fn by_address(
    router: Router,
    trusted: TrustedProxies,
    per_second: Option<NonZeroU32>,
    show: Option<Show>,
) -> Router {
    let router = match per_second.map(RequestLimit::new) {
        Some(allowed) => router.layer(axum::middleware::from_fn(move |request, next| {
            limit(allowed.clone(), show.clone(), request, next)
        })),
        None => router,
    };
    looking_behind(router, trusted)
}

/// A limit on all requests of an address, if one is set.
#[derive(Clone)]
pub struct RequestLimit(Arc<DefaultKeyedRateLimiter<IpAddr>>);

impl RequestLimit {
    /// So many requests a second for each address, twice as many in a burst.
    #[must_use]
    pub fn new(per_second: NonZeroU32) -> Self {
        let burst = per_second.saturating_mul(NonZeroU32::MIN.saturating_add(1));
        Self(Arc::new(RateLimiter::keyed(
            Quota::per_second(per_second).allow_burst(burst),
        )))
    }
}

/// Refuses requests above the limit with 429: as a page where that is wanted and can be shown.
async fn limit(limit: RequestLimit, show: Option<Show>, request: Request, next: Next) -> Response {
    let address = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map(|from| counted(from.0.ip()));
    let Some(address) = address else {
        return next.run(request).await;
    };
    if limit.0.len() > ADDRESSES_MAX {
        limit.0.retain_recent();
    }
    if limit.0.check_key(&address).is_ok() {
        return next.run(request).await;
    }
    let refused = Refused {
        retry_after: Some(1),
        ..Refused::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_requests",
            "too many requests from your address; wait a second",
        )
    };
    let show = show.filter(|_| wants_page(request.uri().path(), request.headers()));
    let mut response = match show {
        Some(show) => show(&refused),
        None => Failure::from(refused).into_response(),
    };
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    async fn started(router: Router) -> (SocketAddr, CancellationToken) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        #[expect(clippy::disallowed_methods, reason = "ends with its test")]
        tokio::spawn(serve(listener, router, stop.clone()));
        (address, stop)
    }

    async fn ask(address: SocketAddr) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream
            .write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            .await
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn a_request_in_progress_is_answered_after_the_stop() {
        let slow = get(|| async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            "done"
        });
        let (address, stop) = started(Router::new().route("/", slow)).await;
        let asking = ask(address);
        let stopping = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            stop.cancel();
        };
        let (answer, ()) = tokio::join!(asking, stopping);
        assert!(answer.ends_with("done"), "{answer}");
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(
            TcpStream::connect(address).await.is_err(),
            "the listener is closed"
        );
    }

    #[tokio::test]
    async fn an_address_is_limited() {
        let limited = RequestLimit::new(NonZeroU32::MIN);
        let layer = axum::middleware::from_fn(move |request, next| {
            limit(limited.clone(), None, request, next)
        });
        let router = Router::new()
            .route("/", get(|| async { "ok" }))
            .layer(layer);
        let (address, _stop) = started(router).await;
        let mut answers = Vec::new();
        for _ in 0..4 {
            answers.push(ask(address).await);
        }
        assert!(
            answers
                .first()
                .is_some_and(|answer| answer.starts_with("HTTP/1.1 200"))
        );
        let refused = answers
            .iter()
            .find(|answer| answer.starts_with("HTTP/1.1 429"));
        assert!(
            refused.is_some_and(|answer| answer.contains("retry-after: 1")),
            "{answers:?}"
        );
    }
}
