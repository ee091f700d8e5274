//! Routes requests to services: one table of path prefixes, whoever does the routing.

mod proxy;
mod remote;
mod table;

use axum::Router;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use platform::{Failure, Refused};

pub use contracts::routing::{Route, TABLE};
pub use proxy::{Patience, Rhythm, Settings, Surroundings, proxy};
pub use remote::{Remote, remote};
pub use table::{Misrouted, service_of, verify};

/// The answer for an API path that no service has.
pub async fn unknown(uri: Uri) -> Response {
    tracing::debug!(path = uri.path(), "no such path");
    Failure::from(Refused::not_found()).into_response()
}

/// Puts the services' routers behind one listener; unknown API paths are answered as problems.
pub fn in_process(services: impl IntoIterator<Item = Router>) -> Router {
    services
        .into_iter()
        .fold(Router::new(), Router::merge)
        .route("/api", axum::routing::any(unknown))
        .route("/api/{*rest}", axum::routing::any(unknown))
}
