//! What surrounds every route: ids, traces, limits, the cross-site check, headers, logs, figures.
//!
//! One hand-written service instead of a stack of small ones, because every request pays for each.

use std::any::Any;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::response::{IntoResponse as _, Response};
use futures::FutureExt as _;
use http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use tracing::Instrument as _;

use super::body::{self, Unread};
use super::cross_site::OwnOrigin;
use super::problem;
use super::requests::{Figures, REQUEST_ID, id_header, method_label, origin, request_id};
use crate::clock::Clock;
use crate::failure::Refused;
use crate::random::Random;
use crate::trace::Origin;

/// How long a request may take unless a setting says otherwise: longer than anything that a handler
/// waits for on purpose.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// Where the API begins. Its answers are for programs; all others are for people.
const API: &str = "/api/";

/// Marks the answer of another process that is passed on as it is, errors included.
#[derive(Debug, Clone, Copy)]
pub struct Relayed;

/// Shows a refusal to a person.
pub type Show = Arc<dyn Fn(&Refused) -> Response + Send + Sync>;

/// What the layers need.
#[derive(Clone)]
pub struct LayerSettings {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness, for ids.
    pub random: Arc<dyn Random>,
    /// The address under which people reach the site, if it is known: requests that change something
    /// must come from there.
    pub public_url: Option<Arc<str>>,
    /// How many bytes a request's body may have.
    pub body_limit: usize,
    /// How long a request may take before it is answered with 503.
    pub timeout: Duration,
    /// How refusals made here are shown to browsers outside of the API; as problems if `None`.
    pub show: Option<Show>,
}

impl LayerSettings {
    /// The usual limits.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self {
            clock,
            random,
            public_url: None,
            body_limit: body::LIMIT,
            timeout: TIMEOUT,
            show: None,
        }
    }
}

/// Puts the layers around all routes of a router, its fallback included; once, around everything.
pub fn layered(router: Router, settings: &LayerSettings) -> Router {
    let own_origin = OwnOrigin::of(settings.public_url.as_deref());
    let settings = settings.clone();
    let around = Arc::new(Around {
        settings,
        own_origin,
        figures: Figures::default(),
    });
    router.layer(tower::layer::layer_fn(move |inner| Surrounded {
        inner,
        around: Arc::clone(&around),
    }))
}

/// A route with everything around it.
#[derive(Clone)]
struct Surrounded<S> {
    inner: S,
    around: Arc<Around>,
}

struct Around {
    settings: LayerSettings,
    own_origin: OwnOrigin,
    figures: Figures,
}

/// What is remembered of a request while it is answered.
struct About {
    started: Duration,
    method: Method,
    route: Option<MatchedPath>,
    request_id: String,
    is_api: bool,
    wants_page: bool,
}

impl<S> tower::Service<Request> for Surrounded<S>
where
    S: tower::Service<Request, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let around = Arc::clone(&self.around);
        let (about, origin) = around.look_at(&request);
        let span = origin.span_of_request(method_label(&about.method), &request);
        pass_on(&mut request, &about, &origin);
        let refused = around.refuse(&request);
        let unread = Unread::watch(&mut request, around.settings.body_limit);
        let handled = match refused {
            Some(refused) => Err(refused),
            None => Ok(self.inner.call(request)),
        };
        let answering = async move {
            let mut response = match handled {
                Ok(handling) => origin.scope(around.bounded(handling, &about)).await,
                Err(refused) => around.show(&refused, &about),
            };
            if let Some(unread) = unread {
                unread.discard(around.settings.clock.as_ref()).await;
            }
            if is_foreign(&response, &about) {
                response = around.explain(response, &about).await;
            }
            around.finish(&mut response, &about);
            Ok(response)
        };
        Box::pin(answering.instrument(span))
    }
}

/// Lets handlers that ask others in turn pass the ids on.
fn pass_on(request: &mut Request, about: &About, origin: &Origin) {
    if let Some(id) = id_header(&about.request_id) {
        request.headers_mut().insert(REQUEST_ID, id);
    }
    if let Some(trace) = origin.traceparent.as_deref().and_then(id_header) {
        request.headers_mut().insert("traceparent", trace);
    }
}

impl Around {
    fn look_at(&self, request: &Request) -> (About, Origin) {
        let LayerSettings { clock, random, .. } = &self.settings;
        let headers = request.headers();
        let request_id = request_id(headers, random.as_ref());
        let origin = origin(headers, &request_id, random.as_ref());
        let is_api = is_api(request.uri().path());
        let about = About {
            started: clock.elapsed(),
            method: request.method().clone(),
            route: request.extensions().get::<MatchedPath>().cloned(),
            request_id,
            is_api,
            wants_page: self.settings.show.is_some() && wants_page(request.uri().path(), headers),
        };
        (about, origin)
    }

    /// What is refused before any route sees it.
    fn refuse(&self, request: &Request) -> Option<Refused> {
        if self.own_origin.is_crossed_by(request) {
            return Some(Refused::forbidden(
                "cross_site_request",
                "this request came from another site; open this site itself and try again there",
            ));
        }
        let limit = self.settings.body_limit;
        body::announces_more_than(limit, request).then(|| problem::too_large(limit))
    }

    /// Runs the handler; it neither takes forever nor brings the connection down.
    async fn bounded(
        &self,
        handling: impl Future<Output = Result<Response, Infallible>>,
        about: &About,
    ) -> Response {
        let handling = AssertUnwindSafe(handling).catch_unwind();
        let outcome = tokio::select! {
            biased;
            outcome = handling => outcome,
            () = self.settings.clock.sleep(self.settings.timeout) => {
                tracing::warn!("request took too long");
                return self.show(&problem::unavailable(), about);
            }
        };
        match outcome {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => match never {},
            Err(panic) => {
                let panic = panic_text(panic.as_ref());
                tracing::error!(panic, "request failed");
                self.show(&problem::broken(), about)
            }
        }
    }

    fn show(&self, refused: &Refused, about: &About) -> Response {
        match self.settings.show.as_ref().filter(|_| about.wants_page) {
            Some(show) => show(refused),
            None => refused.answer().into_response(),
        }
    }

    /// An error that the framework made, as a problem. Its headers (such as `Allow`) stay.
    async fn explain(&self, response: Response, about: &About) -> Response {
        let (mut parts, body) = response.into_parts();
        let said = axum::body::to_bytes(body, 4096).await.unwrap_or_default();
        let refused = match parts.status {
            StatusCode::NOT_FOUND => Refused::not_found(),
            StatusCode::METHOD_NOT_ALLOWED => problem::method_not_allowed(),
            StatusCode::PAYLOAD_TOO_LARGE => problem::too_large(self.settings.body_limit),
            status if said.is_empty() => {
                let reason = status.canonical_reason().unwrap_or("invalid request");
                Refused::new(status, "invalid_request", reason)
            }
            status => Refused::new(status, "invalid_request", String::from_utf8_lossy(&said)),
        };
        let shown = self.show(&refused, about);
        parts.headers.remove(http::header::CONTENT_LENGTH);
        for (name, value) in shown.headers() {
            parts.headers.insert(name, value.clone());
        }
        Response::from_parts(parts, shown.into_body())
    }

    fn finish(&self, response: &mut Response, about: &About) {
        let headers = response.headers_mut();
        if let Some(id) = id_header(&about.request_id) {
            headers.insert(REQUEST_ID, id);
        }
        let or_insert = |headers: &mut HeaderMap, name, value| {
            headers
                .entry(name)
                .or_insert(HeaderValue::from_static(value));
        };
        or_insert(headers, X_CONTENT_TYPE_OPTIONS, "nosniff");
        if about.is_api {
            or_insert(headers, CACHE_CONTROL, "no-store");
            or_insert(
                headers,
                CONTENT_SECURITY_POLICY,
                "default-src 'none'; frame-ancestors 'none'",
            );
        }
        let status = response.status();
        let took = self.settings.clock.elapsed().saturating_sub(about.started);
        let route = about
            .route
            .as_ref()
            .map_or("unmatched", MatchedPath::as_str);
        self.figures.count(&about.method, route, status, took);
        // Method, path and ids are the span's.
        let (status, micros) = (status.as_u16(), took.as_micros());
        if status >= 500 {
            tracing::info!(status, route, micros, "request answered");
        } else {
            tracing::debug!(status, route, micros, "request answered");
        }
    }
}

/// Whether a response is an error that no code of ours has written: without a content type (no such
/// route or method) or as plain text (an extractor of the framework).
fn is_foreign(response: &Response, about: &About) -> bool {
    let is_ours = response.extensions().get::<Relayed>().is_none();
    if !is_ours || !response.status().is_client_error() {
        return false;
    }
    match response.headers().get(CONTENT_TYPE) {
        None => matches!(
            response.status(),
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED
        ),
        Some(kind) => {
            (about.is_api || about.wants_page) && kind.as_bytes().starts_with(b"text/plain")
        }
    }
}

/// Whether a refusal is for a person: of what is no API, to whom pages are welcome.
#[must_use]
pub fn wants_page(path: &str, headers: &HeaderMap) -> bool {
    !is_api(path) && accepts_pages(headers)
}

fn is_api(path: &str) -> bool {
    path.starts_with(API)
}

fn accepts_pages(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let literal = panic.downcast_ref::<&str>().copied();
    literal
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("unknown")
}

#[cfg(test)]
mod tests;
