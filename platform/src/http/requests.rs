//! What is known of a request besides its content: its id, its trace, its figures.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use metrics::{Counter, Histogram, counter, histogram};

use crate::random::{Random, hex};
use crate::trace::{Origin, child_of};

/// The header that carries a request's id, in and out.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How long an id that somebody else has given may be.
const MAX_ID: usize = 64;

/// The id of a request: the one that it carries if that is sane, else a new one.
pub(super) fn request_id(headers: &HeaderMap, random: &dyn Random) -> String {
    let sane = |id: &&str| {
        !id.is_empty()
            && id.len() <= MAX_ID
            && id
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
    };
    let given = headers
        .get(REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .filter(sane);
    given.map_or_else(|| hex::<16>(random), str::to_owned)
}

/// Where the work of a request comes from.
pub(super) fn origin(headers: &HeaderMap, request_id: &str, random: &dyn Random) -> Origin {
    let parent = headers
        .get("traceparent")
        .and_then(|value| value.to_str().ok());
    Origin {
        traceparent: Some(child_of(parent, random)),
        correlation: Some(request_id.to_owned()),
        causation: Some(request_id.to_owned()),
    }
}

/// An id as a header's value.
pub(super) fn id_header(id: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(id).ok()
}

/// Counters and durations of requests, looked up once for each combination of labels.
#[derive(Default)]
pub(super) struct Figures(RwLock<HashMap<String, Vec<Series>>>);

/// The figures of one route, method and status.
struct Series {
    method: &'static str,
    status: StatusCode,
    requests: Counter,
    duration: Histogram,
}

impl Figures {
    /// Counts an answered request. `route` is a pattern (`/api/orders/{id}`), never a path.
    pub(super) fn count(&self, method: &Method, route: &str, status: StatusCode, took: Duration) {
        let method = method_label(method);
        {
            let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
            let series = known.get(route).into_iter().flatten();
            if let Some(series) = series.into_iter().find(|one| one.is(method, status)) {
                return series.count(took);
            }
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let all = known.entry(route.to_owned()).or_default();
        let series = Series::new(method, route, status);
        series.count(took);
        if !all.iter().any(|one| one.is(method, status)) {
            all.push(series);
        }
    }
}

impl Series {
    fn new(method: &'static str, route: &str, status: StatusCode) -> Self {
        let route = route.to_owned();
        let code = status.as_str().to_owned();
        let labels = [
            ("method", method.to_owned()),
            ("route", route),
            ("status", code),
        ];
        let requests = counter!("http_requests_total", &labels);
        let duration = histogram!("http_request_duration_seconds", &labels);
        Self {
            method,
            status,
            requests,
            duration,
        }
    }

    fn is(&self, method: &str, status: StatusCode) -> bool {
        self.method == method && self.status == status
    }

    fn count(&self, took: Duration) {
        self.requests.increment(1);
        self.duration.record(took);
    }
}

/// The method's name; a made-up one is not let into the figures.
pub(super) fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SystemRandom;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(HeaderName::from_static(name), value.parse().unwrap())])
    }

    #[test]
    fn a_sane_id_is_kept_and_any_other_replaced() {
        let id = |value: &str| request_id(&headers("x-request-id", value), &SystemRandom);
        assert_eq!(id("0f-A_b.9"), "0f-A_b.9");
        for bad in ["", "two words", "a\"b", "ä", &"x".repeat(65)] {
            let new = id(bad);
            assert!(new.len() == 32 && new != bad, "{bad}");
        }
        assert_ne!(
            request_id(&HeaderMap::new(), &SystemRandom),
            request_id(&HeaderMap::new(), &SystemRandom)
        );
    }

    #[test]
    fn the_work_of_a_request_stays_in_its_trace() {
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let origin = origin(&headers("traceparent", parent), "id", &SystemRandom);
        assert!(
            origin
                .traceparent
                .unwrap()
                .starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-")
        );
        assert_eq!(
            (origin.correlation.as_deref(), origin.causation.as_deref()),
            (Some("id"), Some("id"))
        );
    }

    #[test]
    fn labels_are_bounded() {
        assert_eq!(method_label(&"PROPFIND".parse().unwrap()), "other");
        let rendered = crate::telemetry::metrics();
        let figures = Figures::default();
        for _ in 0..3 {
            figures.count(
                &Method::GET,
                "/figures/{id}",
                StatusCode::OK,
                Duration::from_millis(2),
            );
        }
        let text = rendered.render();
        let line = r#"http_requests_total{method="GET",route="/figures/{id}",status="200"} 3"#;
        assert!(text.contains(line), "{text}");
    }
}
