//! Whether a process runs, whether it is ready, and its figures: for whoever operates it.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use http::header::CACHE_CONTROL;
use http::{HeaderValue, StatusCode};
use serde::Serialize;

use super::answer::Answer;
use crate::failure::Result;
use crate::telemetry::Metrics;

/// What must be done before requests are answered. Cheap to clone; clones share their checks.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<RwLock<Checks>>);

#[derive(Debug, Clone, Default)]
struct Checks {
    passed: BTreeMap<String, bool>,
    /// Why those that are not passed are not, where it is known.
    why: BTreeMap<String, String>,
}

impl Readiness {
    /// Says whether a check is passed. A check counts from the first time that it is named, so name
    /// it (with `false`) before the process can look ready without it.
    pub fn set(&self, check: &str, passed: bool) {
        let mut checks = self.0.write().unwrap_or_else(PoisonError::into_inner);
        checks.passed.insert(check.to_owned(), passed);
        if passed {
            checks.why.remove(check);
        }
    }

    /// Says that a check is not passed, and why: for whoever operates the process, without secrets.
    pub fn fail(&self, check: &str, why: &impl std::fmt::Display) {
        let mut checks = self.0.write().unwrap_or_else(PoisonError::into_inner);
        checks.passed.insert(check.to_owned(), false);
        checks.why.insert(check.to_owned(), why.to_string());
    }

    /// Whether every check is passed.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let checks = self.0.read().unwrap_or_else(PoisonError::into_inner);
        checks.passed.values().all(|passed| *passed)
    }

    fn report(&self) -> Report {
        let checks = self
            .0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        Report {
            ready: checks.passed.values().all(|passed| *passed),
            checks: checks.passed,
            why: checks.why,
        }
    }
}

#[derive(Serialize)]
struct Report {
    ready: bool,
    checks: BTreeMap<String, bool>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    why: BTreeMap<String, String>,
}

/// The routes `/healthz`, `/readyz` and `/metrics`.
pub fn routes(readiness: Readiness, metrics: Metrics) -> Router {
    Router::new()
        .route("/healthz", get(healthy))
        .route("/readyz", get(ready).with_state(readiness))
        .route("/metrics", get(figures).with_state(metrics))
}

async fn healthy() -> Answer {
    text("ok\n".to_owned(), "text/plain; charset=utf-8")
}

async fn ready(State(readiness): State<Readiness>) -> Result<Answer> {
    let report = readiness.report();
    let status = if report.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    Ok(Answer::json(status, &report)?.header(CACHE_CONTROL, "no-store"))
}

async fn figures(State(metrics): State<Metrics>) -> Answer {
    // The media type of the text format that Prometheus reads.
    text(metrics.render(), "text/plain; version=0.0.4; charset=utf-8")
}

fn text(text: String, media_type: &'static str) -> Answer {
    Answer::typed(StatusCode::OK, HeaderValue::from_static(media_type), text)
        .header(CACHE_CONTROL, "no-store")
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use http::Request;
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    async fn ask(routes: &Router, path: &str) -> (u16, String) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = routes.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn it_is_ready_once_every_check_is_passed() {
        let readiness = Readiness::default();
        readiness.set("orders.sessions", false);
        readiness.set("orders.database", true);
        let routes = routes(readiness.clone(), crate::telemetry::metrics());
        assert_eq!(ask(&routes, "/healthz").await.0, 200);
        let (status, body) = ask(&routes, "/readyz").await;
        assert_eq!(status, 503);
        assert_eq!(
            body,
            r#"{"ready":false,"checks":{"orders.database":true,"orders.sessions":false}}"#
        );
        assert!(!readiness.is_ready());
        readiness.set("orders.sessions", true);
        assert_eq!(ask(&routes, "/readyz").await.0, 200);
        readiness.fail("bus", &"nobody answers");
        let (status, body) = ask(&routes, "/readyz").await;
        assert_eq!(status, 503);
        assert!(
            body.ends_with(r#""why":{"bus":"nobody answers"}}"#),
            "{body}"
        );
        readiness.set("bus", true);
        let (status, body) = ask(&routes, "/readyz").await;
        assert!(status == 200 && !body.contains("why"), "{body}");
    }

    #[tokio::test]
    async fn figures_are_shown_in_prometheus_text() {
        let routes = routes(Readiness::default(), crate::telemetry::metrics());
        metrics::counter!("figures_shown_total", "kind" => "test").increment(3);
        let (status, body) = ask(&routes, "/metrics").await;
        assert_eq!(status, 200);
        assert!(
            body.contains("figures_shown_total{kind=\"test\"} 3"),
            "{body}"
        );
    }
}
