//! The way to the API for a process that stands behind the load balancer, such as web.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use axum::body::Body;
use axum::http::uri::Authority;
use axum::http::{Request, Response, Uri};
use axum::response::IntoResponse as _;
use platform::{Clock, Refused};
use tower::util::BoxCloneSyncService;

use crate::proxy::exchange::{Exchange, Patience};
use crate::proxy::replay::{Replay, TRIES_MAX};
use crate::proxy::{headers, refusals};

/// Shorter than a page waits for an answer (15 s), longer than payments for its provider (10 s).
const HEAD_WITHIN: Duration = Duration::from_secs(14);

/// Sends requests with relative paths to the load balancer.
pub type Remote = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// The load balancer at `base_url` (`http://gateway:3000`). Paths, the visitor's host and cookies are
/// passed on as they are; when it does not answer, the answer is a problem (502, 503 or 504).
///
/// # Errors
/// When the address is none of that form.
pub fn remote(base_url: &str, clock: &Arc<dyn Clock>) -> anyhow::Result<Remote> {
    let to = authority(base_url).with_context(|| {
        format!("write the load balancer's address as http://gateway:3000, not as {base_url:?}")
    })?;
    let patience = Patience {
        head: HEAD_WITHIN,
        ..Patience::default()
    };
    let exchange = Exchange::new(clock, patience);
    Ok(BoxCloneSyncService::new(tower::service_fn(
        move |request: Request<Body>| {
            let (exchange, to) = (exchange.clone(), to.clone());
            async move {
                let answer = ask(&exchange, &to, request).await;
                Ok(answer.unwrap_or_else(|refused| refused.into_response()))
            }
        },
    )))
}

async fn ask(
    exchange: &Exchange,
    to: &Authority,
    request: Request<Body>,
) -> Result<Response<Body>, Refused> {
    let (mut parts, body) = request.into_parts();
    headers::strip(&mut parts.headers);
    headers::name_client(&mut parts);
    let replay = Replay::of(Request::from_parts(parts, body), exchange).await;
    let mut replay = replay.map_err(refusals::interrupted)?;
    let mut tries = 0;
    let mut refused = None;
    while let Some(request) = replay.next() {
        let mut broken = match exchange.send(to, request).await {
            Ok(answer) => return Ok(answer.map(Body::new)),
            Err(broken) => broken,
        };
        tries += 1;
        tracing::warn!(kind = broken.kind(), %to, "the load balancer does not answer");
        refused = Some(refusals::of(&broken));
        if tries >= TRIES_MAX || !replay.may_follow(&mut broken) {
            break;
        }
    }
    Err(refused.unwrap_or_else(refusals::lost))
}

fn authority(base_url: &str) -> anyhow::Result<Authority> {
    let uri: Uri = base_url.parse()?;
    ensure!(uri.scheme_str() == Some("http"), "it begins with http://");
    ensure!(
        matches!(uri.path(), "" | "/") && uri.query().is_none(),
        "it has no path"
    );
    let authority = uri.authority().context("it has a host")?;
    ensure!(!authority.as_str().contains('@'), "it has no user");
    Ok(authority.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_a_host_without_a_path() {
        for good in ["http://gateway:3000", "http://[::1]:80/", "http://10.0.0.1"] {
            assert!(authority(good).is_ok(), "{good}");
        }
        for bad in [
            "gateway:3000",
            "https://gateway",
            "http://a/b",
            "http://a?b",
            "http://u@a",
            "",
        ] {
            assert!(authority(bad).is_err(), "{bad}");
        }
    }
}
