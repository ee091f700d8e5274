//! B5: many buyers, few tickets.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use e2e::{Client, Marketplace};
use http::StatusCode;
use serde_json::json;

use crate::figures::Line;
use crate::workloads::{closed_loop, list_tickets, next, now};

/// One sale of few tickets to many buyers.
struct Sale {
    buyers: usize,
    tickets: usize,
    connections: usize,
}

/// Many buyers, each with one request for one of few tickets.
pub async fn onsale(marketplace: &Marketplace) -> anyhow::Result<()> {
    let seller = Client::sign_up(marketplace.address, "seller").await?;
    let mut people = Vec::new();
    for number in 0..64 {
        people.push(Client::sign_up(marketplace.address, &format!("buyer{number}")).await?);
    }
    for (buyers, tickets, connections) in [
        (200, 20, 64),
        (2_000, 20, 64),
        (2_000, 20, 512),
        (10_000, 100, 512),
    ] {
        let sale = Sale {
            buyers,
            tickets,
            connections,
        };
        sell(marketplace, &seller, &people, &sale).await?;
    }
    Ok(())
}

async fn sell(
    marketplace: &Marketplace,
    seller: &Client,
    people: &[Client],
    sale: &Sale,
) -> anyhow::Result<()> {
    let Sale {
        buyers,
        tickets,
        connections,
    } = *sale;
    let stock: Vec<String> = list_tickets(seller, tickets).await?.into();
    let stock = Arc::new(stock.into_iter().take(tickets).collect::<Vec<_>>());
    let queue = Arc::new(Mutex::new((0..buyers).collect::<VecDeque<_>>()));
    let mut clients = Vec::new();
    for number in 0..connections {
        let person = people.get(number % people.len()).context("nobody")?;
        clients.push(person.again().await?);
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let sold = Arc::new(Mutex::new(0usize));
    let (cpu, began) = (marketplace.cpu()?, now());
    let mut figures = closed_loop(clients, |client| {
        let (stock, queue, sold) = (Arc::clone(&stock), Arc::clone(&queue), Arc::clone(&sold));
        buy_what_is_left(client, stock, queue, sold)
    })
    .await?;
    let (wall, cpu) = (began.elapsed(), marketplace.cpu()?.saturating_sub(cpu));
    let sold = *sold.lock().unwrap_or_else(PoisonError::into_inner);
    if sold != tickets {
        bail!("{sold} orders for {tickets} tickets");
    }
    let (workload, note) = (
        "B5 onsale",
        format!("{sold} sold in {:.2} s", wall.as_secs_f64()),
    );
    let case = format!("{buyers} buyers, {tickets} tickets, {connections} connections");
    Line {
        workload,
        case,
        wall,
        cpu,
        note,
    }
    .print(&mut figures);
    Ok(())
}

/// Sends the next buyer's request until there are no more buyers.
async fn buy_what_is_left(
    mut client: Client,
    stock: Arc<Vec<String>>,
    queue: Arc<Mutex<VecDeque<usize>>>,
    sold: Arc<Mutex<usize>>,
) -> anyhow::Result<Vec<Duration>> {
    let mut took = Vec::new();
    loop {
        let Some(buyer) = next(&queue) else {
            return Ok(took);
        };
        let ticket = stock.get(buyer % stock.len()).context("no tickets")?;
        let order = json!({"ticketId": ticket});
        let answer = client.post("/api/orders", &order).await?;
        match answer.status {
            StatusCode::CREATED => {
                *sold.lock().unwrap_or_else(PoisonError::into_inner) += 1;
            }
            StatusCode::CONFLICT => {}
            other => bail!("ordering: {other} {:?}", answer.body),
        }
        took.push(answer.took);
    }
}
