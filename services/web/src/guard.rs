//! The door of the pages: refuses other sites' forms, asks for the visitor, makes pages of
//! failures, and tells the browser what a page of ours may do.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use crate::answer::Failure;
use crate::ask::Ask;
use crate::pages::failures;
use crate::web::Web;

/// Nothing from elsewhere, nothing inline; forms go to this site alone.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
    img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; \
    frame-ancestors 'none'";

const HEADERS: [(HeaderName, HeaderValue); 7] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(POLICY),
    ),
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    // `no-referrer` would make browsers send `Origin: null` with our own forms.
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ),
];

/// Stands around everything that web serves.
pub async fn guard(State(web): State<Web>, mut request: Request, next: Next) -> Response {
    let ask = Ask::new(web.gateway(), &request);
    let mut response = if is_from_elsewhere(&web, &request) {
        Failure::CrossSite.into_response()
    } else {
        request.extensions_mut().insert(ask.clone());
        next.run(request).await
    };
    if let Some(failure) = response.extensions_mut().remove::<Failure>() {
        response = failures::page_of(&web, &ask, failure).await;
    }
    for cookie in ask.take_cookies() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    guarded(response)
}

/// The answer with what the browser must know of every page of ours.
pub fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, value);
    }
    // What is not marked otherwise is one person's page of this moment.
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("private, no-store"));
    response
}

/// Whether another site has the browser send this act.
///
/// Browsers say so in `Sec-Fetch-Site`, older ones in `Origin`; what says neither is no browser,
/// or one that keeps our cookie (SameSite=Lax) to itself.
fn is_from_elsewhere(web: &Web, request: &http::Request<Body>) -> bool {
    if matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    ) {
        return false;
    }
    let headers = request.headers();
    if let Some(site) = headers.get("sec-fetch-site") {
        return site != "same-origin" && site != "none";
    }
    let Some(origin) = headers.get(header::ORIGIN) else {
        return false;
    };
    let Some(origin) = origin.to_str().ok() else {
        return true;
    };
    match &web.settings().public_url {
        Some(ours) => !is_origin_of(origin, ours),
        None => {
            host(request.uri().authority().map(|host| host.as_str()), headers).is_none_or(|host| {
                origin
                    .split_once("://")
                    .is_none_or(|(_, from)| from != host)
            })
        }
    }
}

fn host<'a>(target: Option<&'a str>, headers: &'a HeaderMap) -> Option<&'a str> {
    target.or_else(|| headers.get(header::HOST)?.to_str().ok())
}

fn is_origin_of(origin: &str, url: &str) -> bool {
    url.strip_prefix(origin)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_compared_as_a_whole() {
        assert!(is_origin_of("https://a.example", "https://a.example"));
        assert!(is_origin_of("https://a.example", "https://a.example/"));
        assert!(!is_origin_of("https://a.exam", "https://a.example"));
        assert!(!is_origin_of("http://a.example", "https://a.example"));
        assert!(!is_origin_of("null", "https://a.example"));
    }
}
