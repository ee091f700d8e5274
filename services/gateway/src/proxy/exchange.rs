//! One request and its answer over a pool of connections, and what it means when that fails.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::uri::{Authority, Scheme};
use axum::http::{Request, Response, StatusCode, Uri, Version};
use hyper::body::Incoming;
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use platform::Clock;

use super::connector::{Carried, Connector};
use super::headers;
use super::upload::{Interrupted, Upload, Watch};

/// How long an unused connection is kept: shorter than our listeners wait for the next request (15 s),
/// so that few requests meet a closing one.
const KEPT_FOR: Duration = Duration::from_secs(10);

/// How many unused connections to one address are kept.
const KEPT_MAX: usize = 64;

/// How long the steps of an exchange may take.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Making a connection.
    pub connect: Duration,
    /// From the last byte of the request that moved to the head of the answer.
    pub head: Duration,
    /// Between two pieces of a request's body.
    pub idle: Duration,
}

impl Default for Patience {
    /// One second to connect, 20 to answer (payments waits ten for its provider), 10 between pieces.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(1),
            head: Duration::from_secs(20),
            idle: Duration::from_secs(10),
        }
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Broken {
    /// Nothing was sent; with the body, if nobody has begun to read it.
    Unsent(Option<Body>, ClientError),
    /// It broke after the request was sent, before an answer began.
    Lost {
        /// Whether the connection had carried answers before: it was closed while nobody used it, most
        /// likely.
        reused: bool,
        /// What the client says.
        error: ClientError,
    },
    /// No answer in time.
    TooSlow,
    /// The client did not send what it announced.
    Interrupted(Interrupted),
}

impl Broken {
    /// The label in the figures.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Unsent(..) => "connect",
            Self::Lost { .. } => "lost",
            Self::TooSlow => "timeout",
            Self::Interrupted(_) => "client",
        }
    }
}

/// Sends requests; cheap to clone.
#[derive(Clone)]
pub struct Exchange {
    client: Client<Connector, Body>,
    clock: Arc<dyn Clock>,
    patience: Patience,
}

impl Exchange {
    /// With connections of its own, kept while they may be needed again.
    pub fn new(clock: &Arc<dyn Clock>, patience: Patience) -> Self {
        Self::keeping(KEPT_MAX, clock, patience)
    }

    /// With a new connection for each request: it finds out whether one can be made.
    pub fn anew(clock: &Arc<dyn Clock>, patience: Patience) -> Self {
        Self::keeping(0, clock, patience)
    }

    fn keeping(kept_max: usize, clock: &Arc<dyn Clock>, patience: Patience) -> Self {
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(KEPT_FOR)
            .pool_max_idle_per_host(kept_max)
            .pool_timer(TokioTimer::new())
            .build(Connector::new(patience.connect));
        Self {
            client,
            clock: Arc::clone(clock),
            patience,
        }
    }

    /// The clock that measures it.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// How long it waits.
    pub fn patience(&self) -> Patience {
        self.patience
    }

    /// Sends a request to the server at `to`: path, query and headers as they are. What is about one
    /// connection was taken off before; off the answer it is taken here.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn send(
        &self,
        to: &Authority,
        request: Request<Body>,
    ) -> Result<Response<Incoming>, Broken> {
        let watch = Watch::new(&self.clock);
        let request = self.addressed(to, request, &watch);
        let answering = self.client.request(request);
        let answer = tokio::select! {
            biased;
            answer = answering => answer,
            () = watch.silence(self.patience.head) => return Err(Broken::TooSlow),
        };
        match answer {
            Ok(answer) => {
                Carried::note(answer.extensions());
                Ok(switched(answer))
            }
            Err(error) => Err(broken(error, &watch)),
        }
    }

    fn addressed(&self, to: &Authority, request: Request<Body>, watch: &Watch) -> Request<Body> {
        let (mut parts, body) = request.into_parts();
        let mut target = std::mem::take(&mut parts.uri).into_parts();
        target.scheme = Some(Scheme::HTTP);
        target.authority = Some(to.clone());
        // A target without a path is the root's.
        target
            .path_and_query
            .get_or_insert(axum::http::uri::PathAndQuery::from_static("/"));
        parts.uri = Uri::from_parts(target).unwrap_or_default();
        parts.version = Version::HTTP_11;
        let body = if http_body::Body::is_end_stream(&body) {
            body
        } else {
            Body::new(Upload::new(body, watch.clone(), self.patience.idle))
        };
        Request::from_parts(parts, body)
    }
}

/// Nobody asked for another protocol: a server that switches is broken.
fn switched(mut answer: Response<Incoming>) -> Response<Incoming> {
    headers::strip(answer.headers_mut());
    if answer.status().is_informational() {
        *answer.status_mut() = StatusCode::BAD_GATEWAY;
    }
    answer
}

fn broken(error: ClientError, watch: &Watch) -> Broken {
    if let Some(why) = watch.interrupted() {
        return Broken::Interrupted(why);
    }
    let source = error
        .source()
        .and_then(|error| error.downcast_ref::<hyper::Error>());
    // Canceled: the connection was closed before the request was begun.
    if error.is_connect() || source.is_some_and(hyper::Error::is_canceled) {
        return Broken::Unsent(watch.take_back(), error);
    }
    Broken::Lost {
        reused: Carried::of(error.connect_info()),
        error,
    }
}
