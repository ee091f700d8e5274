//! A request's body on its way through: streamed, bounded in time, and given back if nobody read it.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes};
use http_body::{Frame, SizeHint};
use http_body_util::LengthLimitError;
use platform::Clock;

/// Why a request's body did not arrive as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Interrupted {
    /// It is larger than the gateway takes.
    #[error("the body is too large")]
    TooLarge,
    /// The client has stopped sending without going away.
    #[error("the client stopped sending")]
    Stalled,
    /// The client went away, or sent what is no body.
    #[error("the body ended too early")]
    Gone,
}

/// What is known of a body that somebody else is reading.
#[derive(Clone)]
pub struct Watch(Arc<Mutex<State>>, Arc<dyn Clock>);

#[derive(Default)]
struct State {
    unread: Option<Body>,
    moved: Duration,
    interrupted: Option<Interrupted>,
}

impl Watch {
    /// Watches from now on.
    pub fn new(clock: &Arc<dyn Clock>) -> Self {
        let state = State {
            moved: clock.elapsed(),
            ..State::default()
        };
        Self(Arc::new(Mutex::new(state)), Arc::clone(clock))
    }

    /// The body, if nobody has begun to read it.
    pub fn take_back(&self) -> Option<Body> {
        self.state().unread.take()
    }

    /// Why the body did not arrive as a whole, if it did not.
    pub fn interrupted(&self) -> Option<Interrupted> {
        self.state().interrupted
    }

    /// Returns once nothing of the body has moved for so long.
    pub async fn silence(&self, within: Duration) {
        loop {
            let quiet = self.1.elapsed().saturating_sub(self.state().moved);
            let Some(rest) = within.checked_sub(quiet).filter(|rest| !rest.is_zero()) else {
                return;
            };
            self.1.sleep(rest).await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The body of a request that is sent on.
pub struct Upload {
    body: Option<Body>,
    begun: bool,
    watch: Watch,
    idle_within: Duration,
    idle: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Upload {
    /// Ends with an error when the client sends nothing for `idle_within`.
    pub fn new(body: Body, watch: Watch, idle_within: Duration) -> Self {
        Self {
            body: Some(body),
            begun: false,
            watch,
            idle_within,
            idle: None,
        }
    }

    fn interrupt(&mut self, why: Interrupted) -> Poll<Option<Result<Frame<Bytes>, Interrupted>>> {
        self.body = None;
        self.watch.state().interrupted = Some(why);
        Poll::Ready(Some(Err(why)))
    }

    fn is_stalled(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let (clock, within) = (Arc::clone(&self.watch.1), self.idle_within);
        let idle = self
            .idle
            .get_or_insert_with(|| Box::pin(async move { clock.sleep(within).await }));
        idle.as_mut().poll(cx)
    }
}

impl http_body::Body for Upload {
    type Data = Bytes;
    type Error = Interrupted;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Interrupted>>> {
        self.begun = true;
        let Some(body) = self.body.as_mut() else {
            return Poll::Ready(None);
        };
        match Pin::new(body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                self.idle = None;
                self.watch.state().moved = self.watch.1.elapsed();
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => {
                let why = if is_too_large(&error) {
                    Interrupted::TooLarge
                } else {
                    Interrupted::Gone
                };
                self.interrupt(why)
            }
            Poll::Ready(None) => {
                self.body = None;
                Poll::Ready(None)
            }
            Poll::Pending => {
                ready!(self.is_stalled(cx));
                self.interrupt(Interrupted::Stalled)
            }
        }
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

impl Drop for Upload {
    fn drop(&mut self) {
        if let Some(body) = self.body.take().filter(|_| !self.begun) {
            self.watch.state().unread = Some(body);
        }
    }
}

fn is_too_large(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source())
        .any(|error| error.is::<LengthLimitError>())
}
