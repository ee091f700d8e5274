//! Request bodies: how large they may be, and how a client that sends more still hears about it.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, EXPECT};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use super::problem::too_large;
use crate::clock::Clock;
use crate::failure::{Refused, Result};

/// How many bytes a request's body may have unless a setting says otherwise: the largest form of
/// ours fits many times.
pub const LIMIT: usize = 64 * 1024;

/// How many bytes of a refused body are read and thrown away, so that a client that is still sending
/// gets to read the answer (a closed connection would discard it).
const DISCARD_MAX: usize = 16 * 1024 * 1024;

/// How long that may take.
const DISCARD_WITHIN: Duration = Duration::from_secs(5);

/// How large the body of this request may be, as the layers around the routes have set it.
#[derive(Debug, Clone, Copy)]
struct BodyLimit(usize);

/// Reads a whole body.
///
/// # Errors
/// 413 when it is too large, 400 when the client stopped in the middle.
pub async fn read(request: Request) -> Result<Bytes> {
    let limit = request
        .extensions()
        .get::<BodyLimit>()
        .map_or(LIMIT, |limit| limit.0);
    match Limited::new(request.into_body(), limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if is_too_large(error.as_ref()) => Err(too_large(limit).into()),
        Err(_) => Err(Refused::invalid("incomplete_body", "the body ended too early").into()),
    }
}

/// Whether the request says that its body is larger than `limit`.
pub(super) fn announces_more_than(limit: usize, request: &Request) -> bool {
    let length = request
        .headers()
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok());
    length
        .and_then(|text| text.parse::<u64>().ok())
        .is_some_and(|length| {
            usize::try_from(length).is_ok_and(|length| length > limit)
                || usize::try_from(length).is_err()
        })
}

/// What a handler has not read of a request's body.
pub(super) struct Unread {
    rest: Arc<Mutex<Option<Body>>>,
    /// A client that waits to be asked for its body is not asked for what nobody wants.
    waits_to_send: bool,
}

impl Unread {
    /// Bounds a request's body and watches what becomes of it. `None` when there is no body.
    pub(super) fn watch(request: &mut Request, limit: usize) -> Option<Self> {
        if request.body().is_end_stream() {
            return None;
        }
        let rest = Arc::new(Mutex::new(None));
        let body = std::mem::take(request.body_mut());
        let watched = Watched {
            body: Some(body),
            begun: false,
            rest: Arc::clone(&rest),
        };
        *request.body_mut() = Body::new(Limited::new(watched, limit));
        request.extensions_mut().insert(BodyLimit(limit));
        Some(Self {
            rest,
            waits_to_send: request.headers().contains_key(EXPECT),
        })
    }

    /// Reads what is left and throws it away.
    pub(super) async fn discard(self, clock: &dyn Clock) {
        let rest = self
            .rest
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(rest) = rest.filter(|_| !self.waits_to_send) else {
            return;
        };
        let mut rest = Limited::new(rest, DISCARD_MAX);
        let discarded = async { while let Some(Ok(_)) = rest.frame().await {} };
        tokio::select! {
            biased;
            () = discarded => {}
            () = clock.sleep(DISCARD_WITHIN) => {}
        }
    }
}

/// A body that leaves behind what was not read of it.
struct Watched {
    body: Option<Body>,
    begun: bool,
    rest: Arc<Mutex<Option<Body>>>,
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.begun = true;
        let Some(body) = self.body.as_mut() else {
            return Poll::Ready(None);
        };
        let frame = ready!(Pin::new(body).poll_frame(cx));
        if !matches!(frame, Some(Ok(_))) {
            self.body = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(body) = self.body.take().filter(|body| !body.is_end_stream()) {
            *self.rest.lock().unwrap_or_else(PoisonError::into_inner) = Some(body);
        }
    }
}

fn is_too_large(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            return true;
        }
        cause = error.source();
    }
    false
}
