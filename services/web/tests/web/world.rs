//! A browser of a few lines in front of the pages, and the canned API behind them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::{Body, to_bytes};
use http::{HeaderMap, Request, StatusCode, header};
use jiff::Timestamp;
use serde_json::Value;
use tower::ServiceExt;
use uuid::Uuid;
use web::{Changes, Settings, routes};

use crate::fake::{Fake, NOW, ORDER, me};

/// What the browser got.
pub struct Page {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Page {
    pub fn has(&self, text: &str) -> bool {
        self.body.contains(text)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub fn location(&self) -> &str {
        assert_eq!(self.status, 303, "{}", self.body);
        self.header("location").unwrap()
    }

    /// The value of the first form's one-time key after `action`.
    pub fn key(&self, action: &str) -> String {
        let form = self
            .body
            .split_once(&format!("action=\"{action}\""))
            .unwrap()
            .1;
        let value = form
            .split_once("name=\"idempotency_key\" value=\"")
            .unwrap()
            .1;
        value.split('"').next().unwrap().to_owned()
    }
}

/// The pages, the API behind them, and whether the browser is signed in.
pub struct World {
    pub api: Fake,
    pub app: Router,
    pub changes: Changes,
    is_signed_in: bool,
}

impl World {
    pub fn signed_in() -> Self {
        Self::with(Fake::default(), true)
    }

    pub fn signed_out() -> Self {
        Self::with(Fake::default(), false)
    }

    pub fn with(api: Fake, is_signed_in: bool) -> Self {
        Self::at(api, is_signed_in, None)
    }

    pub fn at(api: Fake, is_signed_in: bool, public_url: Option<&str>) -> Self {
        api.answer("GET /api/users/currentuser", 200, &me());
        let changes = Changes::new(16);
        let settings = Settings {
            public_url: public_url.map(ToOwned::to_owned),
            sandbox: true,
            dev_mail: false,
            limits: web::Limits::default(),
        };
        let now: Timestamp = NOW.parse().unwrap();
        let drawn = AtomicU64::new(1);
        let new_id = move || Uuid::from_u128(drawn.fetch_add(1, Ordering::Relaxed).into());
        let app = routes(
            settings,
            api.gateway(),
            &changes,
            Arc::new(move || now),
            Arc::new(new_id),
        );
        Self {
            api,
            app,
            changes,
            is_signed_in,
        }
    }

    /// Has the API know this order of mine and its payments.
    pub fn order(&self, order: &Value, payments: &Value) {
        self.api
            .private(&format!("GET /api/orders/{ORDER}"), 200, order);
        self.api.private("GET /api/payments", 200, payments);
    }

    pub async fn get(&self, path: &str) -> Page {
        self.send(self.request("GET", path, &[], String::new()))
            .await
    }

    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Page {
        self.post_with(path, form, &[("sec-fetch-site", "same-origin")])
            .await
    }

    pub async fn post_with(
        &self,
        path: &str,
        form: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Page {
        let body = serde_urlencoded::to_string(form).unwrap();
        self.send(self.request("POST", path, headers, body)).await
    }

    pub fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Request<Body> {
        let mut request = Request::builder().method(method).uri(path);
        request = request.header(header::HOST, "tickets.example");
        if self.is_signed_in {
            request = request.header(header::COOKIE, "session=secret");
        }
        if method == "POST" {
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Body::from(body)).unwrap()
    }

    pub async fn send(&self, request: Request<Body>) -> Page {
        let (parts, body) = self
            .app
            .clone()
            .oneshot(request)
            .await
            .unwrap()
            .into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        Page {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }
}
