//! The style sheet, the scripts and the logo, in the binary; named by their content, so that a
//! browser never asks twice.

use std::sync::LazyLock;

use axum::Router;
use axum::extract::Path;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderName, HeaderValue, header};
use sha2::{Digest, Sha256};

use crate::answer::{Failure, Reply};
use crate::web::Web;

/// One file per component; the layers decide, not the order.
const STYLE: &str = concat!(
    include_str!("../assets/css/layers.css"),
    include_str!("../assets/css/base.css"),
    include_str!("../assets/css/frame.css"),
    include_str!("../assets/css/button.css"),
    include_str!("../assets/css/form.css"),
    include_str!("../assets/css/message.css"),
    include_str!("../assets/css/ticket.css"),
    include_str!("../assets/css/listing.css"),
    include_str!("../assets/css/order.css"),
    include_str!("../assets/css/document.css"),
);
const COUNTDOWN: &str = include_str!("../assets/js/countdown.js");
const LIVE: &str = include_str!("../assets/js/live.js");
const SUBMIT: &str = include_str!("../assets/js/submit.js");
const LOGO: &str = include_str!("../assets/logo.svg");

const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const IMAGE: &str = "image/svg+xml";

/// A year: as good as for ever (RFC 8246 for `immutable`).
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// Under an outdated name the present content is given, and not kept.
const NOT_KEPT: HeaderValue = HeaderValue::from_static("no-cache");

/// Where each asset is.
#[derive(Debug)]
pub struct Assets {
    /// The style sheet.
    pub style: String,
    /// The live countdown.
    pub countdown: String,
    /// The live state.
    pub live: String,
    /// Keeps a form from being sent twice.
    pub submit: String,
    /// The logo, also in the browser's tab.
    pub logo: String,
}

/// Where each asset of this binary is.
pub static ASSETS: LazyLock<Assets> = LazyLock::new(|| Assets {
    style: path("site.css", STYLE),
    countdown: path("countdown.js", COUNTDOWN),
    live: path("live.js", LIVE),
    submit: path("submit.js", SUBMIT),
    logo: path("logo.svg", LOGO),
});

/// The assets' routes.
pub fn routes() -> Router<Web> {
    Router::new()
        .route("/assets/{hash}/{name}", get(asset))
        .route(
            "/favicon.ico",
            get(async || Redirect::permanent(&ASSETS.logo)),
        )
}

async fn asset(Path((hash, name)): Path<(String, String)>) -> Reply {
    let (content, kind) = match name.as_str() {
        "site.css" => (STYLE, CSS),
        "countdown.js" => (COUNTDOWN, SCRIPT),
        "live.js" => (LIVE, SCRIPT),
        "submit.js" => (SUBMIT, SCRIPT),
        "logo.svg" => (LOGO, IMAGE),
        _ => return Err(Failure::NotFound),
    };
    let keep = if hash == hash_of(content) {
        FOR_EVER
    } else {
        NOT_KEPT
    };
    let headers: [(HeaderName, HeaderValue); 2] = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, keep),
    ];
    let response: Response = (headers, content).into_response();
    Ok(response)
}

fn path(name: &str, content: &str) -> String {
    format!("/assets/{}/{name}", hash_of(content))
}

fn hash_of(content: &str) -> String {
    let mut hash = URL_SAFE_NO_PAD.encode(Sha256::digest(content));
    hash.truncate(12);
    hash
}
