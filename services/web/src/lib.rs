//! The pages: rendered here, with what the API says; web owns no data and verifies nothing.

mod answer;
mod ask;
mod assets;
mod cards;
mod fields;
mod frame;
mod guard;
mod listings;
mod live;
mod local;
mod pages;

mod times;
mod web;
mod words;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use jiff::Timestamp;
use tower::util::BoxCloneSyncService;
use uuid::Uuid;

pub use web::{Change, Settings};

/// Where the API answers: the load balancer, asked by relative path; in one process the same
/// router, called without a socket.
pub type Gateway =
    BoxCloneSyncService<http::Request<Body>, http::Response<Body>, std::convert::Infallible>;

/// Who tells the pages that something changed. The open streams end when its last sender is gone.
pub type Changes = tokio::sync::broadcast::Sender<Change>;

/// Tells the time; the browser's is never asked.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Draws the one-time keys of the forms.
pub type NewId = Arc<dyn Fn() -> Uuid + Send + Sync>;

/// The page for what was refused or failed with `status` before it reached [`routes`]: another
/// site's form, a body that is too large, a request that took too long.
pub fn failure_page(settings: &Settings, status: http::StatusCode) -> axum::response::Response {
    guard::guarded(pages::failures::page_alone(settings, status))
}

/// Every page, asset and live stream, ready to be served at `/`.
pub fn routes(
    settings: Settings,
    gateway: Gateway,
    changes: &Changes,
    now: Now,
    new_id: NewId,
) -> Router {
    let web = web::Web::new(settings, gateway, changes, now, new_id);
    pages::routes()
        .merge(live::routes())
        .merge(assets::routes())
        .layer(axum::middleware::from_fn_with_state(
            web.clone(),
            guard::guard,
        ))
        .with_state(web)
}
