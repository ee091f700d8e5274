//! Somebody who uses the API, as any browser or program does.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use axum::body::Body;
use gateway::Remote;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use platform::Clock;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::catalogue::PASSWORD;

/// How often a request is sent again whose answer may change.
const TRIES: usize = 40;

/// The pause before the next try.
const PAUSE: Duration = Duration::from_millis(500);

/// The way in.
#[derive(Clone)]
pub struct Door {
    /// Where the API answers.
    pub api: Remote,
    /// The host to ask for.
    pub host: String,
    /// Tells how long a pause is.
    pub clock: Arc<dyn Clock>,
}

/// Somebody who is signed in.
pub struct Visitor {
    door: Door,
    cookie: String,
}

/// Whether the news of what is asked for may still be on its way.
fn is_early(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::NOT_FOUND | StatusCode::SERVICE_UNAVAILABLE
    )
}

impl Door {
    /// Signs somebody up, or in if they are; nobody if their password is another one.
    ///
    /// # Errors
    /// When the marketplace does not answer, or refuses for another reason.
    pub async fn enter(&self, email: &str) -> anyhow::Result<Option<Visitor>> {
        let person = json!({"email": email, "password": PASSWORD});
        let mut answer = self.post("/api/users/signup", &person).await?;
        if answer.status() == StatusCode::CONFLICT {
            answer = self.post("/api/users/signin", &person).await?;
        }
        match answer.status() {
            StatusCode::CREATED | StatusCode::OK => {}
            StatusCode::BAD_REQUEST => return Ok(None),
            status => bail!("signing {email} in was answered with {status}"),
        }
        let cookie = answer.headers().get("set-cookie").context("no cookie")?;
        let cookie = cookie.to_str()?.split(';').next().unwrap_or_default();
        Ok(Some(Visitor {
            door: self.clone(),
            cookie: cookie.to_owned(),
        }))
    }

    async fn post(&self, path: &str, body: &Value) -> anyhow::Result<http::Response<Body>> {
        self.send(Request::post(path), Some(body)).await
    }

    async fn send(
        &self,
        request: http::request::Builder,
        body: Option<&Value>,
    ) -> anyhow::Result<http::Response<Body>> {
        let mut request = request.header("host", &self.host);
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let body = body.map_or_else(Body::empty, |json| Body::from(json.to_string()));
        match self.api.clone().oneshot(request.body(body)?).await {
            Ok(answer) => Ok(answer),
            Err(never) => match never {},
        }
    }
}

impl Visitor {
    /// Asks until the answer stands, with an idempotency key if it is one act.
    ///
    /// # Errors
    /// When the marketplace does not answer, or refuses.
    pub async fn call(
        &self,
        method: &str,
        path: &str,
        key: Option<&str>,
        body: Option<Value>,
    ) -> anyhow::Result<Value> {
        let mut tries = 1;
        let answer = loop {
            let mut request = Request::builder().method(method).uri(path);
            request = request.header("cookie", &self.cookie);
            if let Some(key) = key {
                request = request.header("idempotency-key", key);
            }
            let answer = self.door.send(request, body.as_ref()).await?;
            if !is_early(answer.status()) || tries == TRIES {
                break answer;
            }
            tries += 1;
            self.door.clock.sleep(PAUSE).await;
        };
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        if !status.is_success() {
            let said = String::from_utf8_lossy(&body);
            bail!("{method} {path}: {status} {said}");
        }
        Ok(serde_json::from_slice(&body).unwrap_or_default())
    }
}
