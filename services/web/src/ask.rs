//! One visitor's questions to the API: sent to the gateway by relative path, with what the
//! visitor's request carries; the cookies that come back go to the browser.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{ConnectInfo, FromRequestParts};
use bytes::Bytes;
use contracts::api::users::{CurrentUser, CurrentUserAnswer};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, header};
use tower::ServiceExt;
use uuid::Uuid;

use crate::Gateway;
use crate::answer::{Answer, Failure, Part, Refusal};
use crate::web::Web;

/// What is passed on besides everything that begins with `x-forwarded-`.
const PASSED_ON: [HeaderName; 10] = [
    header::COOKIE,
    header::HOST,
    header::ACCEPT_LANGUAGE,
    header::USER_AGENT,
    header::ORIGIN,
    header::FORWARDED,
    HeaderName::from_static("sec-fetch-site"),
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
    HeaderName::from_static("x-request-id"),
];

/// The API waits up to ten seconds for the payment provider; a page waits a little longer.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);
/// The largest list of the API (200 tickets with long titles) is below one MiB.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;
/// While the first of two equal requests runs, the second asks this often …
const RETRY_EVERY: Duration = Duration::from_millis(250);
/// … and not longer than the provider may take.
const RETRY_MAX: usize = 40;

/// Who looks at the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Person {
    /// Nobody who has signed in.
    Nobody,
    /// This person.
    Known(CurrentUser),
    /// Auth does not answer; the other services know by themselves whom they serve.
    Unknown,
}

/// An act that a form asks for.
pub struct Act<'a> {
    method: Method,
    path: &'a str,
    page: &'a str,
    key: Option<Uuid>,
    version: Option<i64>,
    body: Option<Bytes>,
}

impl<'a> Act<'a> {
    /// Asks for `method` on the API's `path`, from the page at `page`.
    pub fn new(method: Method, path: &'a str, page: &'a str) -> Self {
        Self {
            method,
            path,
            page,
            key: None,
            version: None,
            body: None,
        }
    }

    /// With the form's one-time key: the same key has one effect.
    pub fn key(self, key: Uuid) -> Self {
        Self {
            key: Some(key),
            ..self
        }
    }

    /// Only if the thing still has this version.
    pub fn version(self, version: i64) -> Self {
        Self {
            version: Some(version),
            ..self
        }
    }

    /// With this document.
    pub fn body(self, body: &serde_json::Value) -> Self {
        Self {
            body: Some(Bytes::from(body.to_string())),
            ..self
        }
    }

    fn headers(&self, headers: &mut HeaderMap) {
        if self.body.is_some() {
            headers.insert(
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/json"),
            );
        }
        if let Some(key) = self.key.and_then(|key| key.to_string().parse().ok()) {
            headers.insert(HeaderName::from_static("idempotency-key"), key);
        }
        if let Some(tag) = self
            .version
            .and_then(|version| format!("\"{version}\"").parse().ok())
        {
            headers.insert(header::IF_MATCH, tag);
        }
    }
}

/// The questions of one request; clones are of the same request.
#[derive(Clone)]
pub struct Ask(Arc<Inner>);

struct Inner {
    gateway: Gateway,
    headers: HeaderMap,
    peer: Option<ConnectInfo<SocketAddr>>,
    here: String,
    is_read: bool,
    cookies: Mutex<Vec<HeaderValue>>,
}

impl Ask {
    /// Takes from the visitor's request what the API must see.
    pub fn new(gateway: Gateway, request: &Request<Body>) -> Self {
        let given = request.headers();
        let mut headers = HeaderMap::with_capacity(12);
        for (name, value) in given {
            if PASSED_ON.contains(name) || name.as_str().starts_with("x-forwarded-") {
                headers.append(name.clone(), value.clone());
            }
        }
        // HTTP/2 carries the host in the request's target.
        if let Some(host) = request
            .uri()
            .authority()
            .and_then(|host| host.as_str().parse().ok())
        {
            headers.entry(header::HOST).or_insert(host);
        }
        let here = request
            .uri()
            .path_and_query()
            .map_or("/", |path| path.as_str())
            .to_owned();
        let peer = request.extensions().get().copied();
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        Self(Arc::new(Inner {
            gateway,
            headers,
            peer,
            here,
            is_read,
            cookies: Mutex::default(),
        }))
    }

    /// The page that was asked for, path and query.
    pub fn here(&self) -> &str {
        &self.0.here
    }

    /// The page to be loaded again, unless an act was asked for.
    pub fn again(&self) -> Option<&str> {
        self.0.is_read.then_some(self.here())
    }

    /// The id under which the request stands in the logs.
    pub fn request_id(&self) -> Option<&str> {
        self.0.headers.get("x-request-id")?.to_str().ok()
    }

    /// The cookies that the API set meanwhile.
    pub fn take_cookies(&self) -> Vec<HeaderValue> {
        std::mem::take(
            &mut *self
                .0
                .cookies
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// Who looks at the page; without a cookie nobody, and nobody is asked.
    pub async fn person(&self) -> Person {
        if !self.0.headers.contains_key(header::COOKIE) {
            return Person::Nobody;
        }
        let answer = self.get("/api/users/currentuser").await;
        match answer.and_then(|answer| answer.read::<CurrentUserAnswer>()) {
            Ok(CurrentUserAnswer {
                current_user: Some(user),
            }) => Person::Known(user),
            Ok(CurrentUserAnswer { current_user: None }) | Err(Failure::SignIn(_)) => {
                Person::Nobody
            }
            Err(_) => Person::Unknown,
        }
    }

    /// Reads the API's `path`.
    ///
    /// # Errors
    /// The failure that the page shows instead.
    pub async fn get(&self, path: &str) -> Result<Answer, Failure> {
        let request = self.request(Method::GET, path, Body::empty())?;
        self.call(request).await?.or_failure(self.here())
    }

    /// Asks for an act; the API's refusal is for the form to show.
    ///
    /// # Errors
    /// The failure that the page shows instead.
    pub async fn act(&self, act: Act<'_>) -> Result<Result<Answer, Refusal>, Failure> {
        let mut tries = 0;
        loop {
            let body = act.body.clone().map_or_else(Body::empty, Body::from);
            let mut request = self.request(act.method.clone(), act.path, body)?;
            act.headers(request.headers_mut());
            let answer = self.call(request).await?;
            tries += 1;
            if !answer.asks_to_retry() || tries >= RETRY_MAX {
                return answer.or_refusal(act.page);
            }
            tokio::time::sleep(RETRY_EVERY).await;
        }
    }

    fn request(&self, method: Method, path: &str, body: Body) -> Result<Request<Body>, Failure> {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().map_err(|_| Failure::NotFound)?;
        *request.headers_mut() = self.0.headers.clone();
        if let Some(peer) = self.0.peer {
            request.extensions_mut().insert(peer);
        }
        Ok(request)
    }

    async fn call(&self, request: Request<Body>) -> Result<Answer, Failure> {
        let part = Part::of(request.uri().path());
        let answering = async {
            let answer = self.0.gateway.clone().oneshot(request).await;
            let (mut parts, body) = answer.unwrap_or_else(|never| match never {}).into_parts();
            self.keep_cookies(&mut parts.headers);
            match axum::body::to_bytes(body, ANSWER_BYTES_MAX).await {
                Ok(body) => Ok(Answer {
                    part,
                    status: parts.status,
                    headers: parts.headers,
                    body,
                }),
                Err(error) => {
                    tracing::warn!(%error, "the api's answer broke off");
                    Err(Failure::Unavailable(part))
                }
            }
        };
        tokio::time::timeout(ANSWER_WITHIN, answering)
            .await
            .unwrap_or_else(|_| {
                tracing::warn!("the api does not answer in time");
                Err(Failure::Unavailable(part))
            })
    }

    fn keep_cookies(&self, headers: &mut HeaderMap) {
        if let header::Entry::Occupied(entry) = headers.entry(header::SET_COOKIE) {
            let (_, cookies) = entry.remove_entry_mult();
            self.0
                .cookies
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .extend(cookies);
        }
    }
}

impl FromRequestParts<Web> for Ask {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Web) -> Result<Self, Failure> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or(Failure::Broken)
    }
}
