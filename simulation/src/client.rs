//! A person's way to the marketplace: requests, sent again when nobody knows what came of them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use http::Request;
use serde_json::Value;
use testing::Answered;
use testing::random::Seeded;

use crate::history::{Act, History, Outcome};
use crate::world::{Heard, World};

/// How often a request is sent at most.
const SENT_MAX: u32 = 6;

/// A person. Cheap to clone; clones are the same person.
#[derive(Clone)]
pub struct Client {
    /// The marketplace.
    pub world: World,
    /// What everybody was told.
    pub history: Arc<History>,
    /// What this person draws choices from.
    pub choices: Arc<Seeded>,
    /// Which person it is.
    pub number: usize,
    cookie: Arc<Mutex<Option<String>>>,
}

/// A request to be sent.
#[derive(Debug, Clone)]
pub struct Wish {
    /// What it asks for.
    pub act: Act,
    /// The method.
    pub method: &'static str,
    /// The path.
    pub path: String,
    /// The body.
    pub body: Option<Value>,
    /// The idempotency key.
    pub key: Option<String>,
}

impl Client {
    /// A person who is not known yet.
    #[must_use]
    pub fn new(world: &World, history: &Arc<History>, number: usize) -> Self {
        Self {
            world: world.clone(),
            history: Arc::clone(history),
            choices: Arc::new(Seeded::new(world.choices.next())),
            number,
            cookie: Arc::default(),
        }
    }

    /// The cookie of the session, if there is one.
    #[must_use]
    pub fn cookie(&self) -> Option<String> {
        let cookie = self.cookie.lock().unwrap_or_else(PoisonError::into_inner);
        cookie.clone()
    }

    /// Goes on with another session, or with none.
    pub fn set_cookie(&self, cookie: Option<String>) {
        *self.cookie.lock().unwrap_or_else(PoisonError::into_inner) = cookie;
    }

    /// Waits a while.
    pub async fn pause(&self, least: Duration, most: Duration) {
        let span = u64::try_from(most.saturating_sub(least).as_micros()).unwrap_or(0);
        let drawn = Duration::from_micros(self.choices.below(span + 1));
        self.world.executor.sleep(least + drawn).await;
    }

    /// Whether something happens that does so many times in a hundred.
    #[must_use]
    pub fn chance(&self, per_hundred: u64) -> bool {
        self.choices.below(100) < per_hundred
    }

    /// Sends a request. Under a key it is sent again while nobody knows what came of it.
    pub async fn send(&self, wish: &Wish) -> (Outcome, Option<Answered>) {
        let mut sent = 0;
        loop {
            let (outcome, answer) = self.once(wish).await;
            sent += 1;
            let try_again = match &outcome {
                Outcome::Unknown => true,
                Outcome::Refused(status, code) => {
                    *status >= 500 || code == "idempotency_in_progress" || code == "not_ready"
                }
                Outcome::Acknowledged(..) => false,
            };
            if wish.key.is_none() || !try_again || sent == SENT_MAX {
                self.history.record(wish.act, wish.key.as_deref(), &outcome);
                let number = self.number;
                let (method, path) = (wish.method, &wish.path);
                self.world
                    .trace
                    .say(|| format!("person {number}: {method} {path} -> {outcome:?}"));
                return (outcome, answer);
            }
            let most = if self.chance(30) { 20 } else { 2000 };
            self.pause(Duration::ZERO, Duration::from_millis(most))
                .await;
        }
    }

    async fn once(&self, wish: &Wish) -> (Outcome, Option<Answered>) {
        let Some(request) = self.request(wish) else {
            return (Outcome::Refused(0, "no request".to_owned()), None);
        };
        let answer = match self.world.ask(service(&wish.path), request).await {
            Heard::Answer(answer) => answer,
            Heard::Refused => return (Outcome::Refused(503, "nobody".to_owned()), None),
            Heard::Nothing => return (Outcome::Unknown, None),
        };
        let status = answer.status.as_u16();
        if !answer.status.is_success() {
            return (Outcome::Refused(status, answer.code()), Some(answer));
        }
        let body = answer.json();
        let id = body.get("id").and_then(Value::as_str);
        let id = id.map_or_else(|| id_in(&wish.path), str::to_owned);
        (Outcome::Acknowledged(status, id), Some(answer))
    }

    fn request(&self, wish: &Wish) -> Option<Request<Body>> {
        let mut request = Request::builder().method(wish.method).uri(&wish.path);
        if let Some(cookie) = self.cookie() {
            request = request.header("cookie", cookie);
        }
        if let Some(key) = &wish.key {
            request = request.header("idempotency-key", key);
        }
        let body = match &wish.body {
            Some(json) => {
                request = request.header("content-type", "application/json");
                Body::from(json.to_string())
            }
            None => Body::empty(),
        };
        request.body(body).ok()
    }
}

/// Who answers a path.
fn service(path: &str) -> &'static str {
    let name = path.split('/').nth(2).unwrap_or_default();
    match name.split('?').next() {
        Some("users") => "auth",
        Some("tickets") => "tickets",
        Some("orders") => "orders",
        _ => "payments",
    }
}

/// The id in a path such as `/api/orders/ID/refund`.
fn id_in(path: &str) -> String {
    path.split('/').nth(3).unwrap_or_default().to_owned()
}
