//! An answer's body on its way through: it holds its place at the replica until it ends.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use platform::http::layers::Relayed;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::replicas::InFlight;

/// The answer, ready to be passed on. A live stream ends once the gateway is stopping.
pub fn passed_on(
    answer: axum::http::Response<Incoming>,
    place: InFlight,
    stopping: &CancellationToken,
) -> Response {
    let (mut parts, body) = answer.into_parts();
    let kind = parts.headers.get(CONTENT_TYPE);
    let is_live = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
    let stopping = is_live.then(|| Box::pin(stopping.clone().cancelled_owned()));
    parts.extensions.insert(Relayed);
    let body = Passing {
        body,
        stopping,
        _place: place,
    };
    Response::from_parts(parts, Body::new(body))
}

struct Passing {
    body: Incoming,
    stopping: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    _place: InFlight,
}

impl http_body::Body for Passing {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let stopping = self.stopping.as_mut();
        if stopping.is_some_and(|stopping| stopping.as_mut().poll(cx).is_ready()) {
            return Poll::Ready(None);
        }
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
