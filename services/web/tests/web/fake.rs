//! Stands in for the API behind the gateway: gives canned answers and remembers what it was asked.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes, to_bytes};
use http::{HeaderMap, HeaderName, Request, Response, StatusCode, header};
use serde_json::{Value, json};
use tower::util::BoxCloneSyncService;
use web::Gateway;

/// When everything happens.
pub const NOW: &str = "2026-05-02T12:00:00Z";
/// Who is signed in.
pub const ME: &str = "0196a000-0000-7000-8000-0000000a11ce";
/// Somebody else.
pub const OTHER: &str = "0196a000-0000-7000-8000-000000000b0b";
pub const TICKET: &str = "0196a000-0000-7000-8000-000000007001";
pub const ORDER: &str = "0196a000-0000-7000-8000-000000000d01";
pub const PAYMENT: &str = "0196a000-0000-7000-8000-00000000fa01";
pub const SESSION: &str = "0196a000-0000-7000-8000-000000005e01";

/// A request that reached the API.
#[derive(Debug, Clone)]
pub struct Seen {
    pub what: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

#[derive(Debug, Clone)]
struct Canned {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
    is_private: bool,
}

#[derive(Default)]
struct State {
    answers: HashMap<String, Canned>,
    seen: Vec<Seen>,
}

/// The canned API; clones are the same one.
#[derive(Clone, Default)]
pub struct Fake(Arc<Mutex<State>>);

impl Fake {
    /// Answers `what`, such as `GET /api/tickets` (with or without the query), like this.
    pub fn answer(&self, what: &str, status: u16, body: &Value) -> &Self {
        self.put(
            what,
            Canned {
                status,
                headers: vec![],
                body: body.to_string(),
                is_private: false,
            },
        )
    }

    /// The same for signed-in people only; 401 to others.
    pub fn private(&self, what: &str, status: u16, body: &Value) -> &Self {
        self.put(
            what,
            Canned {
                status,
                headers: vec![],
                body: body.to_string(),
                is_private: true,
            },
        )
    }

    /// Adds a header field to the answer of `what`.
    pub fn with_header(&self, what: &str, name: &'static str, value: &str) -> &Self {
        let mut state = self.0.lock().unwrap();
        state
            .answers
            .get_mut(what)
            .unwrap()
            .headers
            .push((name, value.to_owned()));
        drop(state);
        self
    }

    /// Answers `what` with a problem document about these fields.
    pub fn refuse(&self, what: &str, status: u16, errors: &[(&str, &str)]) -> &Self {
        let errors: Vec<Value> = errors
            .iter()
            .map(|(field, message)| match *field {
                "" => json!({"message": message}),
                field => json!({"message": message, "field": field}),
            })
            .collect();
        let problem = json!({
            "type": "about:blank", "title": "Refused", "status": status, "code": "refused",
            "errors": errors,
        });
        self.answer(what, status, &problem)
    }

    /// Every request for `what` (without the query), in order.
    pub fn seen(&self, what: &str) -> Vec<Seen> {
        let state = self.0.lock().unwrap();
        let is_it = |seen: &&Seen| seen.what == what || seen.what.split('?').next() == Some(what);
        state.seen.iter().filter(is_it).cloned().collect()
    }

    /// How many requests reached the API.
    pub fn count(&self) -> usize {
        self.0.lock().unwrap().seen.len()
    }

    pub fn gateway(&self) -> Gateway {
        let fake = self.clone();
        BoxCloneSyncService::new(tower::service_fn(move |request| {
            let fake = fake.clone();
            async move { Ok::<_, Infallible>(fake.reply(request).await) }
        }))
    }

    fn put(&self, what: &str, canned: Canned) -> &Self {
        self.0
            .lock()
            .unwrap()
            .answers
            .insert(what.to_owned(), canned);
        self
    }

    async fn reply(&self, request: Request<Body>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let what = format!("{} {}", parts.method, parts.uri);
        let body = to_bytes(body, usize::MAX).await.unwrap();
        let cookie = parts
            .headers
            .get(header::COOKIE)
            .and_then(|cookie| cookie.to_str().ok());
        let is_signed_in = cookie.is_some_and(|cookie| cookie.contains("session="));
        let mut state = self.0.lock().unwrap();
        state.seen.push(Seen {
            what: what.clone(),
            headers: parts.headers,
            body,
        });
        let plain = what.split('?').next().unwrap();
        let canned = state
            .answers
            .get(&what)
            .or_else(|| state.answers.get(plain))
            .cloned();
        drop(state);
        let nobody = json!({"currentUser": null}).to_string();
        match canned {
            None => respond(404, &[], problem(404)),
            Some(_) if plain.ends_with("/currentuser") && !is_signed_in => {
                respond(200, &[], nobody)
            }
            Some(canned) if canned.is_private && !is_signed_in => respond(401, &[], problem(401)),
            Some(canned) => respond(canned.status, &canned.headers, canned.body),
        }
    }
}

fn problem(status: u16) -> String {
    let title = StatusCode::from_u16(status)
        .unwrap()
        .canonical_reason()
        .unwrap();
    json!({"type": "about:blank", "title": title, "status": status, "code": "x", "errors": []})
        .to_string()
}

fn respond(status: u16, headers: &[(&'static str, String)], body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    for (name, value) in headers {
        response
            .headers_mut()
            .append(HeaderName::from_static(name), value.parse().unwrap());
    }
    response
}

/// The one who is signed in.
pub fn me() -> Value {
    json!({"currentUser": {"id": ME, "email": "alice@example.com", "iat": 1_777_000_000}})
}

/// A ticket of that seller in that state.
pub fn ticket(id: &str, title: &str, seller: &str, status: &str) -> Value {
    let mut ticket = json!({
        "id": id, "title": title, "price": 120.5, "currency": "usd", "userId": seller,
        "version": 3, "offerVersion": 3, "status": status, "createdAt": "2026-04-28T09:30:00Z",
    });
    if matches!(status, "held" | "sold") {
        ticket["orderId"] = json!(ORDER);
    }
    ticket
}

/// My order in that state.
pub fn order(id: &str, status: &str) -> Value {
    json!({
        "id": id, "status": status, "expiresAt": "2026-05-02T12:14:05Z",
        "createdAt": "2026-05-02T11:59:05Z", "userId": ME, "sellerId": OTHER, "version": 2,
        "ticket": {
            "id": TICKET, "title": "Night Train, 3 June, stalls", "price": 120.5,
            "currency": "usd", "version": 3,
        },
        "refunding": false, "refunded": 0,
    })
}

/// A payment of that order in that state.
pub fn payment(order: &str, status: &str) -> Value {
    json!({
        "id": PAYMENT, "orderId": order, "status": status, "amount": 120.5, "currency": "usd",
        "refunded": 0, "createdAt": "2026-05-02T11:59:40Z",
    })
}
