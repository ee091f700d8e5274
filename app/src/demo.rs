//! `--demo`: a believable catalogue, made once, through the same doors as everybody's.

mod catalogue;
mod visitor;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use gateway::Remote;
use platform::Clock;
use platform::clock::SystemClock;
use serde_json::{Value, json};

use crate::settings::DemoSettings;
use catalogue::{BUYERS, HELD, LISTINGS, PASSWORD, SELLERS, SOLD, WITHDRAWN};
use visitor::{Door, Visitor};

/// Makes the catalogue unless it is there, or the rest of it if making it broke off; answers what the
/// start-up lines tell about it.
///
/// # Errors
/// When the marketplace refuses something.
pub async fn load(api: Remote, host: &str, clock: &Arc<dyn Clock>) -> anyhow::Result<Vec<String>> {
    let door = Door {
        api,
        host: host.to_owned(),
        clock: Arc::clone(clock),
    };
    let filled = match people(&door, &SELLERS).await? {
        Some(sellers) if !is_whole(&sellers).await? => fill(&door, &sellers).await,
        // Somebody has made an account their own: what is there is not touched any more.
        _ => Ok(()),
    };
    filled.context("loading the demo catalogue")?;
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
    for hint in load(gateway::remote(url, &clock)?, host, &clock).await? {
        println!("{hint}");
    }
    Ok(ExitCode::SUCCESS)
}

/// Everybody signed up or in; nobody if one of them has changed their password.
async fn people(door: &Door, emails: &[&str]) -> anyhow::Result<Option<Vec<Visitor>>> {
    let mut people = Vec::new();
    for email in emails {
        let Some(person) = door.enter(email).await? else {
            return Ok(None);
        };
        people.push(person);
    }
    Ok(Some(people))
}

/// Whether what [`fill`] does last has been done.
async fn is_whole(sellers: &[Visitor]) -> anyhow::Result<bool> {
    let last = WITHDRAWN.last().context("something is withdrawn")?;
    let (title, ..) = LISTINGS.get(*last).context("there are listings")?;
    let seller = of_seller(sellers, *last)?;
    let mine = seller.call("GET", "/api/tickets/mine?limit=200", None, None);
    let mine = mine.await?;
    let is_it = |ticket: &Value| ticket["title"] == *title && ticket["status"] == "withdrawn";
    Ok(mine.as_array().is_some_and(|mine| mine.iter().any(is_it)))
}

fn of_seller(sellers: &[Visitor], place: usize) -> anyhow::Result<&Visitor> {
    let seller = sellers.get(place % sellers.len().max(1));
    seller.context("there are sellers")
}

/// Every act has a key, so that one that was done before it broke off is not done again.
async fn fill(door: &Door, sellers: &[Visitor]) -> anyhow::Result<()> {
    let Some(buyers) = people(door, &BUYERS).await? else {
        return Ok(());
    };
    let mut tickets = Vec::new();
    for (place, (title, price, currency)) in LISTINGS.iter().enumerate() {
        let seller = of_seller(sellers, place)?;
        let draft = json!({"title": title, "price": price, "currency": currency});
        let key = format!("demo-listing-{place}");
        let ticket = seller.call("POST", "/api/tickets", Some(&key), Some(draft));
        tickets.push(id_of(&ticket.await?)?);
    }
    let buyer = buyers.first().context("there are buyers")?;
    for place in SOLD {
        let order = reserve(buyer, &tickets, place).await?;
        let payment = json!({"orderId": order, "token": "tok_visa"});
        let key = format!("demo-payment-{place}");
        let paid = buyer.call("POST", "/api/payments", Some(&key), Some(payment));
        paid.await?;
    }
    let other = buyers.last().context("there are buyers")?;
    for place in HELD {
        reserve(other, &tickets, place).await?;
    }
    for place in WITHDRAWN {
        let ticket = tickets.get(place).context("there are listings")?;
        let path = format!("/api/tickets/{ticket}");
        let seller = of_seller(sellers, place)?;
        seller.call("DELETE", &path, None, None).await?;
    }
    Ok(())
}

async fn reserve(buyer: &Visitor, tickets: &[String], place: usize) -> anyhow::Result<String> {
    let ticket = tickets.get(place).context("there are listings")?;
    let (key, order) = (format!("demo-order-{place}"), json!({"ticketId": ticket}));
    let order = buyer.call("POST", "/api/orders", Some(&key), Some(order));
    id_of(&order.await?)
}

fn id_of(answer: &Value) -> anyhow::Result<String> {
    let id = answer
        .get("id")
        .and_then(Value::as_str)
        .context("an answer has no id")?;
    Ok(id.to_owned())
}
