//! `--demo`: a believable catalogue, made once, through the same doors as everybody's.

mod catalogue;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use axum::body::Body;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use gateway::Remote;
use platform::Clock;
use platform::clock::SystemClock;

use crate::settings::DemoSettings;
use catalogue::{BUYERS, HELD, LISTINGS, PASSWORD, SELLERS, SOLD, WITHDRAWN};

/// How often a request is sent again whose answer may change; each waits for some seconds itself.
const PATIENCE: usize = 10;

/// Makes the catalogue unless it is there; answers what the start-up lines tell about it.
///
/// # Errors
/// When the marketplace refuses something.
pub async fn load(api: Remote, host: &str) -> anyhow::Result<Vec<String>> {
    let visitor = Visitor {
        api,
        host: host.to_owned(),
        cookie: None,
    };
    let [first, ..] = SELLERS;
    if let Some(first) = visitor.sign_up(first).await? {
        fill(&visitor, first)
            .await
            .context("loading the demo catalogue")?;
    }
    let mut hints = vec![format!("demo accounts, all with the password {PASSWORD}:")];
    hints.extend(BUYERS.iter().map(|email| format!("  buyer   {email}")));
    hints.extend(SELLERS.iter().map(|email| format!("  seller  {email}")));
    Ok(hints)
}

/// `ticketing demo`: the same for a marketplace that runs elsewhere; prints the lines.
///
/// # Errors
/// When it does not answer, or refuses something.
pub async fn load_over_http(settings: &DemoSettings) -> anyhow::Result<ExitCode> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let url = settings.gateway_url.trim_end_matches('/');
    let host = url.trim_start_matches("http://");
    for hint in load(gateway::remote(url, &clock)?, host).await? {
        println!("{hint}");
    }
    Ok(ExitCode::SUCCESS)
}

async fn fill(visitor: &Visitor, first: Visitor) -> anyhow::Result<()> {
    let mut sellers = vec![first];
    for email in SELLERS.iter().skip(1) {
        sellers.push(
            visitor
                .sign_up(email)
                .await?
                .context("a demo account exists")?,
        );
    }
    let mut buyers = Vec::new();
    for email in BUYERS {
        buyers.push(
            visitor
                .sign_up(email)
                .await?
                .context("a demo account exists")?,
        );
    }
    let mut tickets = Vec::new();
    for (place, (title, price, currency)) in LISTINGS.iter().enumerate() {
        let seller = sellers
            .get(place % sellers.len())
            .context("there are sellers")?;
        let draft = json!({"title": title, "price": price, "currency": currency});
        let ticket = seller.call("POST", "/api/tickets", Some(draft)).await?;
        tickets.push((id_of(&ticket)?, place % sellers.len()));
    }
    let buyer = buyers.first().context("there are buyers")?;
    for place in SOLD {
        let order = reserve(buyer, &tickets, place).await?;
        let payment = json!({"orderId": order, "token": "tok_visa"});
        buyer.call("POST", "/api/payments", Some(payment)).await?;
    }
    let other = buyers.last().context("there are buyers")?;
    for place in HELD {
        reserve(other, &tickets, place).await?;
    }
    for place in WITHDRAWN {
        let (ticket, seller) = tickets.get(place).context("there are listings")?;
        let seller = sellers.get(*seller).context("there are sellers")?;
        seller
            .call("DELETE", &format!("/api/tickets/{ticket}"), None)
            .await?;
    }
    Ok(())
}

async fn reserve(
    buyer: &Visitor,
    tickets: &[(String, usize)],
    place: usize,
) -> anyhow::Result<String> {
    let (ticket, _) = tickets.get(place).context("there are listings")?;
    id_of(
        &buyer
            .call("POST", "/api/orders", Some(json!({"ticketId": ticket})))
            .await?,
    )
}

fn id_of(answer: &Value) -> anyhow::Result<String> {
    let id = answer
        .get("id")
        .and_then(Value::as_str)
        .context("an answer has no id")?;
    Ok(id.to_owned())
}

/// Whether the news of what is asked for may still be on its way.
fn is_early(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::NOT_FOUND | StatusCode::SERVICE_UNAVAILABLE
    )
}

/// Somebody who uses the API.
struct Visitor {
    api: Remote,
    host: String,
    cookie: Option<String>,
}

impl Visitor {
    /// Signs up; nothing if the address is taken.
    async fn sign_up(&self, email: &str) -> anyhow::Result<Option<Visitor>> {
        let body = json!({"email": email, "password": PASSWORD});
        let answer = self.send("POST", "/api/users/signup", Some(body)).await?;
        if answer.status() == StatusCode::CONFLICT {
            return Ok(None);
        }
        if answer.status() != StatusCode::CREATED {
            bail!("signing {email} up was answered with {}", answer.status());
        }
        let cookie = answer
            .headers()
            .get("set-cookie")
            .context("no cookie")?
            .to_str()?;
        let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        Ok(Some(Visitor {
            api: self.api.clone(),
            host: self.host.clone(),
            cookie: Some(cookie),
        }))
    }

    async fn call(&self, method: &str, path: &str, body: Option<Value>) -> anyhow::Result<Value> {
        let mut answer = self.send(method, path, body.clone()).await?;
        for _ in 0..PATIENCE {
            if !is_early(answer.status()) {
                break;
            }
            answer = self.send(method, path, body.clone()).await?;
        }
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        if !status.is_success() {
            bail!(
                "{method} {path}: {status} {}",
                String::from_utf8_lossy(&body)
            );
        }
        Ok(serde_json::from_slice(&body).unwrap_or_default())
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> anyhow::Result<http::Response<Body>> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", &self.host);
        if let Some(cookie) = &self.cookie {
            request = request.header("cookie", cookie);
        }
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
