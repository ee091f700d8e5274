//! A request that can be sent more than once, as far as that is safe.

use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_LENGTH;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Request};
use http_body_util::BodyExt as _;

use super::exchange::{Broken, Exchange};
use super::upload::{Interrupted, Upload, Watch};

/// The largest body that is kept to be sent again: what the services take at most.
const KEPT_MAX: u64 = 64 * 1024;

/// How often a request is sent at most.
pub const TRIES_MAX: usize = 3;

/// How often one may be sent again after it had reached a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Repeatable {
    /// Reading, or a key that makes the same request have one effect.
    Safely,
    /// The same again changes nothing more; once, where a connection was closed while it was idle.
    OnUsedConnections,
    /// It might be done twice.
    Never,
}

impl Repeatable {
    fn of(method: &Method, headers: &HeaderMap) -> Self {
        match *method {
            Method::GET | Method::HEAD | Method::OPTIONS => Self::Safely,
            Method::POST if headers.contains_key("idempotency-key") => Self::Safely,
            Method::PUT | Method::DELETE => Self::OnUsedConnections,
            _ => Self::Never,
        }
    }
}

/// The body as long as it can be sent.
enum Kept {
    Whole(Bytes),
    Streamed(Option<Body>),
}

/// A request that waits for its answer.
pub struct Replay {
    parts: Parts,
    kept: Kept,
    repeatable: Repeatable,
}

impl Replay {
    /// Keeps the body where the request may be sent again and it is small; any other is streamed.
    ///
    /// # Errors
    /// When the body does not arrive as a whole.
    pub async fn of(request: Request<Body>, exchange: &Exchange) -> Result<Self, Interrupted> {
        let (parts, body) = request.into_parts();
        let repeatable = Repeatable::of(&parts.method, &parts.headers);
        let kept = if http_body::Body::is_end_stream(&body) {
            Kept::Whole(Bytes::new())
        } else if repeatable != Repeatable::Never && is_small(&parts.headers) {
            let watch = Watch::new(exchange.clock());
            let upload = Upload::new(body, watch, exchange.patience().idle);
            Kept::Whole(upload.collect().await?.to_bytes())
        } else {
            Kept::Streamed(Some(body))
        };
        Ok(Self {
            parts,
            kept,
            repeatable,
        })
    }

    /// The request, if its body is still there.
    pub fn next(&mut self) -> Option<Request<Body>> {
        let body = match &mut self.kept {
            Kept::Whole(bytes) => Body::from(bytes.clone()),
            Kept::Streamed(body) => body.take()?,
        };
        let mut request = Request::new(body);
        *request.method_mut() = self.parts.method.clone();
        *request.uri_mut() = self.parts.uri.clone();
        *request.headers_mut() = self.parts.headers.clone();
        Some(request)
    }

    /// Whether the request may be sent again after this.
    pub fn may_follow(&mut self, broken: &mut Broken) -> bool {
        match broken {
            Broken::Unsent(body, _) => {
                if let Kept::Streamed(streamed) = &mut self.kept {
                    *streamed = body.take();
                    return streamed.is_some();
                }
                true
            }
            Broken::Lost { reused, .. } => {
                matches!(self.kept, Kept::Whole(_))
                    && match self.repeatable {
                        Repeatable::Safely => true,
                        Repeatable::OnUsedConnections => *reused,
                        Repeatable::Never => false,
                    }
            }
            Broken::TooSlow | Broken::Interrupted(_) => false,
        }
    }
}

fn is_small(headers: &HeaderMap) -> bool {
    let length = headers.get(CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    length.is_some_and(|length| length <= KEPT_MAX)
}
