//! How a process leaves those who send it requests: it says so, and answers on until they have heard it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::CONNECTION;
use axum::middleware::Next;
use platform::Clock;
use platform::http::health::Readiness;
use tokio_util::sync::CancellationToken;

use crate::front::Stop;
use crate::settings::SiteSettings;

/// What fails in the readiness of a process that is about to stop.
const CHECK: &str = "goes on";

/// How a process leaves.
#[derive(Clone)]
pub struct Leaving {
    readiness: Readiness,
    clock: Arc<dyn Clock>,
    drain_for: Option<Duration>,
    begun: CancellationToken,
}

impl Leaving {
    /// As the settings say.
    #[must_use]
    pub fn new(settings: &SiteSettings, readiness: &Readiness, clock: &Arc<dyn Clock>) -> Self {
        Self {
            readiness: readiness.clone(),
            clock: Arc::clone(clock),
            drain_for: settings.drain_for,
            begun: CancellationToken::new(),
        }
    }

    /// Lets answers say that their connection ends, once it has begun: whoever keeps connections takes
    /// the next one to somebody else, and none is cut off under a request.
    pub fn around(&self, router: Router) -> Router {
        let begun = self.begun.clone();
        router.layer(axum::middleware::from_fn(
            move |request: Request, next: Next| {
                let begun = begun.clone();
                async move {
                    let mut response = next.run(request).await;
                    if begun.is_cancelled() {
                        let close = HeaderValue::from_static("close");
                        response.headers_mut().insert(CONNECTION, close);
                    }
                    response
                }
            },
        ))
    }

    /// Returns when the process is to stop and nobody sends requests any more: once it is told, it says
    /// that it is not ready, and waits for the time that the settings give, or for a second signal.
    pub async fn told(&self, stop: &mut Stop) {
        stop.told().await;
        self.readiness.set(CHECK, false);
        self.begun.cancel();
        if let Some(time) = self.drain_for {
            tracing::info!(seconds = time.as_secs(), "answering on until nobody asks");
            tokio::select! {
                () = self.clock.sleep(time) => {}
                () = stop.told() => {}
            }
        }
    }
}
