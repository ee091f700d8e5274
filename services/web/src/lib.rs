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

use axum::Router;

pub use web::{Change, Changes, Gateway, Limits, NewId, Now, Settings};

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
