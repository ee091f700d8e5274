//! B6: payments, with a provider that answers at once.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{bail, ensure};
use e2e::{Client, Composition, Marketplace};
use http::StatusCode;
use serde_json::json;

use crate::figures::Line;
use crate::stored::{ask, until_none};
use crate::workloads::{closed_loop, list_tickets, next, now, order, sign_up_buyers};

/// An order that waits for its money, and the session of its buyer.
type Unpaid = (String, String);

/// Pays for orders that wait for it, on so many connections.
pub async fn pay(marketplace: &Marketplace, length: Duration) -> anyhow::Result<()> {
    let seller = Client::sign_up(marketplace.address, "seller").await?;
    let buyers = sign_up_buyers(marketplace).await?;
    let share = match marketplace.composition() {
        Composition::Embedded => 1,
        Composition::Apart => 5,
    };
    let mut paid = 0;
    for (count, wanted) in [(1, 200), (8, 400), (64, 800)] {
        let wanted = wanted / share * usize::try_from(length.as_secs())?;
        let unpaid = place(marketplace, &seller, (&buyers, wanted)).await?;
        let placed = unpaid.len();
        let unpaid = Arc::new(Mutex::new(unpaid));
        let mut clients = Vec::new();
        for _ in 0..count {
            clients.push(Client::connect(marketplace.address).await?);
        }
        let (cpu, began) = (marketplace.cpu()?, now());
        let mut figures =
            closed_loop(clients, |client| pay_for(client, Arc::clone(&unpaid))).await?;
        let answered = began.elapsed();
        until_none(marketplace, "orders", UNPAID).await?;
        let (wall, cpu) = (began.elapsed(), marketplace.cpu()?.saturating_sub(cpu));
        paid += placed;
        let complete = ask(marketplace, "orders", COMPLETE.to_owned()).await?;
        ensure!(
            complete == [paid.to_string()],
            "{paid} paid, {complete:?} complete"
        );
        let later = wall.saturating_sub(answered).as_secs_f64();
        Line {
            workload: "B6 pay",
            case: format!("{count} connections"),
            wall: answered,
            cpu,
            note: format!("{placed} paid, all complete {later:.1} s later"),
        }
        .print(&mut figures);
    }
    Ok(())
}

/// Orders that are not paid.
const UNPAID: &str = "orders where status in ('created', 'awaiting_payment', 'capturing')";

const COMPLETE: &str = "select count(*) as answer from orders where status = 'complete'";

/// Places orders and waits until each can be paid.
async fn place(
    marketplace: &Marketplace,
    seller: &Client,
    (buyers, wanted): (&[String], usize),
) -> anyhow::Result<VecDeque<Unpaid>> {
    let tickets = list_tickets(seller, wanted).await?;
    let mut client = Client::connect(marketplace.address).await?;
    let mut unpaid = VecDeque::new();
    for (ticket, cookie) in tickets.iter().zip(buyers.iter().cycle()) {
        client.cookie = Some(cookie.clone());
        let id = order(&mut client, ticket).await?.text("id")?;
        unpaid.push_back((id, cookie.clone()));
    }
    until_none(marketplace, "orders", "orders where status = 'created'").await?;
    marketplace.come_to_rest().await?;
    Ok(unpaid)
}

async fn pay_for(
    mut client: Client,
    unpaid: Arc<Mutex<VecDeque<Unpaid>>>,
) -> anyhow::Result<Vec<Duration>> {
    let mut took = Vec::new();
    while let Some((order, cookie)) = next(&unpaid) {
        client.cookie = Some(cookie);
        let body = json!({"orderId": order, "token": "tok_visa"});
        let answer = client.post("/api/payments", &body).await?;
        if answer.status != StatusCode::CREATED {
            bail!("paying: {} {:?}", answer.status, answer.body);
        }
        took.push(answer.took);
    }
    Ok(took)
}
