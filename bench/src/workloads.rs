//! The workloads of the suite, by their numbers.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::ValueEnum;
use e2e::{Answer, Client, Composition, Marketplace};
use http::StatusCode;
use serde_json::json;

use crate::figures::{Figures, Line};
use crate::{apart, expire, mixed, onsale, pay, signin};

/// A workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Workload {
    /// B1: the home page with 20 tickets, signed in.
    Browse,
    /// B2: the same as JSON.
    List,
    /// B4: orders on distinct tickets, durable before the answer.
    Order,
    /// B5: many buyers, few tickets.
    Onsale,
    /// B3: signing in, and pages meanwhile.
    Signin,
    /// B6: payments.
    Pay,
    /// B8: holds that end, one after the other and many at once.
    Expire,
    /// B13: pages, orders, holds that end and people who sign in, all at once.
    Mixed,
    /// B7: from the order's answer to its ticket shown as held.
    Propagate,
    /// B7: from an order's commit to its ticket's lock, committed in another process (apart).
    Applied,
    /// B10: from the start of the process to the first page.
    Start,
    /// B11: memory (PSS).
    Memory,
    /// What PostgreSQL itself does with an order as one statement: the limit of B4 (apart).
    Floor,
    /// What processes use while nobody asks anything (apart).
    Idle,
}

impl Workload {
    /// All of them.
    pub fn all(apart: bool) -> Vec<Self> {
        let fits = |one: &Self| match one {
            Self::Applied | Self::Floor | Self::Idle => apart,
            // It starts programs of its own.
            Self::Start => !apart,
            _ => true,
        };
        Self::value_variants()
            .iter()
            .copied()
            .filter(fits)
            .collect()
    }
}

/// How many people buy in [`Workload::Order`].
const BUYERS: usize = 640;

/// Runs a workload and prints its figures; answers the marketplace that it has left.
pub async fn run(
    workload: Workload,
    mut marketplace: Marketplace,
    length: Duration,
) -> anyhow::Result<Marketplace> {
    match workload {
        Workload::Browse => pages(&marketplace, length, ("B1 browse", "/")).await,
        Workload::List => pages(&marketplace, length, ("B2 list", "/api/tickets?limit=20")).await,
        Workload::Order => orders(&marketplace, length).await,
        Workload::Onsale => onsale::onsale(&marketplace).await,
        Workload::Signin => signin::signin(&marketplace, length).await,
        Workload::Pay => pay::pay(&marketplace, length).await,
        Workload::Expire => return expire::expire(marketplace, length).await,
        Workload::Mixed => return mixed::mixed(marketplace, length).await,
        Workload::Propagate => propagate(&marketplace).await,
        Workload::Applied => apart::applied(&marketplace).await,
        Workload::Start => start(&mut marketplace).await,
        Workload::Memory => memory(&marketplace).await,
        Workload::Floor => apart::floor(&marketplace, length).await,
        Workload::Idle => apart::idle(&marketplace).await,
    }?;
    Ok(marketplace)
}

/// The machine's own time.
#[expect(
    clippy::disallowed_methods,
    reason = "it measures the machine's own time"
)]
pub fn now() -> Instant {
    Instant::now()
}

/// Runs `work` on every connection until it says that it is done; the durations of all answers.
pub async fn closed_loop<C, W, F>(clients: Vec<C>, work: W) -> anyhow::Result<Figures>
where
    W: Fn(C) -> F,
    F: Future<Output = anyhow::Result<Vec<Duration>>>,
{
    let mut figures = Figures::default();
    for took in futures::future::try_join_all(clients.into_iter().map(work)).await? {
        figures.took.extend(took);
    }
    Ok(figures)
}

/// So many further connections of a person.
pub async fn connections(person: &Client, count: usize) -> anyhow::Result<Vec<Client>> {
    let mut clients = Vec::new();
    for _ in 0..count {
        clients.push(person.again().await?);
    }
    Ok(clients)
}

/// Asks for what must be there; how long that took.
pub async fn look_at(client: &mut Client, path: &str) -> anyhow::Result<Duration> {
    let answer = client.get(path).await?;
    if answer.status != StatusCode::OK {
        bail!("{path}: {}", answer.status);
    }
    Ok(answer.took)
}

async fn pages(
    marketplace: &Marketplace,
    length: Duration,
    (name, path): (&str, &str),
) -> anyhow::Result<()> {
    let mut seller = Client::sign_up(marketplace.address, "seller").await?;
    for number in 0..20 {
        seller
            .list_ticket(&format!("Concert number {number}, row {number}"))
            .await?;
    }
    for count in [1, 8, 64] {
        let clients = connections(&seller, count).await?;
        let (cpu, began) = (marketplace.cpu()?, now());
        let end = began + length;
        let mut figures = closed_loop(clients, |mut client| async move {
            let mut took = Vec::new();
            while now() < end {
                took.push(look_at(&mut client, path).await?);
            }
            Ok(took)
        })
        .await?;
        let (wall, cpu) = (began.elapsed(), marketplace.cpu()?.saturating_sub(cpu));
        let (case, note) = (format!("{count} connections"), String::new());
        Line {
            workload: name,
            case,
            wall,
            cpu,
            note,
        }
        .print(&mut figures);
    }
    Ok(())
}

/// Lists tickets on several connections at once, so that they share syncs.
pub async fn list_tickets(seller: &Client, count: usize) -> anyhow::Result<VecDeque<String>> {
    let clients = connections(seller, 64).await?;
    let each = count.div_ceil(64);
    let lists = clients.into_iter().map(|mut client| async move {
        let mut ids = Vec::new();
        for number in 0..each {
            ids.push(
                client
                    .list_ticket(&format!("Ticket number {number}"))
                    .await?,
            );
        }
        anyhow::Ok(ids)
    });
    let ids: Vec<Vec<String>> = futures::future::try_join_all(lists).await?;
    Ok(ids.into_iter().flatten().collect())
}

/// Orders a ticket that is to be had.
pub async fn order(buyer: &mut Client, ticket: &str) -> anyhow::Result<Answer> {
    let answer = buyer
        .post("/api/orders", &json!({"ticketId": ticket}))
        .await?;
    if answer.status != StatusCode::CREATED {
        bail!("ordering: {} {:?}", answer.status, answer.body);
    }
    Ok(answer)
}

async fn orders(marketplace: &Marketplace, length: Duration) -> anyhow::Result<()> {
    let seller = Client::sign_up(marketplace.address, "seller").await?;
    let buyers = sign_up_buyers(marketplace).await?;
    // As many as can be sold in the time, for each eight seconds of it.
    let share = match marketplace.composition() {
        Composition::Embedded => 1,
        Composition::Apart => 10,
    };
    for (count, wanted) in [(1, 8_000), (8, 25_000), (64, 50_000)] {
        let wanted = wanted / share * usize::try_from(length.as_secs())?.div_ceil(8);
        let stock = list_tickets(&seller, wanted).await?;
        // What follows from the listing is not to be paid for by the orders.
        marketplace.come_to_rest().await?;
        let clients = shared_among(marketplace.address, &buyers, count).await?;
        let (cpu, began) = (marketplace.cpu()?, now());
        let mut figures = buy(clients, stock, began + length).await?;
        let (wall, cpu) = (began.elapsed(), marketplace.cpu()?.saturating_sub(cpu));
        // What an order sets off may take longer than its answer.
        let note = match marketplace.composition() {
            Composition::Embedded => String::new(),
            Composition::Apart => {
                let later = apart::until_heard(marketplace).await?.as_secs_f64();
                format!("all heard {later:.1} s later")
            }
        };
        Line {
            workload: "B4 order",
            case: format!("{count} connections"),
            wall,
            cpu,
            note,
        }
        .print(&mut figures);
    }
    Ok(())
}

/// So many connections, each for some of these people in turn.
pub async fn shared_among(
    address: SocketAddr,
    buyers: &[String],
    count: usize,
) -> anyhow::Result<Vec<(Client, Vec<String>)>> {
    let mut clients = Vec::new();
    for number in 0..count {
        let mine: Vec<_> = buyers.iter().skip(number).step_by(count).cloned().collect();
        clients.push((Client::connect(address).await?, mine));
    }
    Ok(clients)
}

/// Orders one ticket after the other, until there are none or the time is over.
pub async fn buy(
    clients: Vec<(Client, Vec<String>)>,
    stock: VecDeque<String>,
    end: Instant,
) -> anyhow::Result<Figures> {
    let stock = Arc::new(Mutex::new(stock));
    let work = |(mut client, mine): (Client, Vec<String>)| {
        let stock = Arc::clone(&stock);
        async move {
            let mut took = Vec::new();
            for cookie in mine.into_iter().cycle() {
                if now() >= end {
                    break;
                }
                client.cookie = Some(cookie);
                let Some(ticket) = next(&stock) else { break };
                took.push(order(&mut client, &ticket).await?.took);
            }
            Ok(took)
        }
    };
    closed_loop(clients, work).await
}

/// The next one of what several share.
pub fn next<T>(queue: &Mutex<VecDeque<T>>) -> Option<T> {
    let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
    queue.pop_front()
}

/// The sessions of people who buy in turn: as outside of a bench, nobody holds hundreds of tickets, each of
/// which would be counted at their next order.
pub async fn sign_up_buyers(marketplace: &Marketplace) -> anyhow::Result<Vec<String>> {
    let address = marketplace.address;
    let groups = (0..4).map(|group| async move {
        let mut cookies = Vec::new();
        for number in 0..BUYERS / 4 {
            let buyer = Client::sign_up(address, &format!("buyer{group}-{number}")).await?;
            cookies.push(buyer.cookie.context("no session")?);
        }
        anyhow::Ok(cookies)
    });
    let cookies = futures::future::try_join_all(groups).await?;
    Ok(cookies.into_iter().flatten().collect())
}

async fn propagate(marketplace: &Marketplace) -> anyhow::Result<()> {
    let seller = Client::sign_up(marketplace.address, "seller").await?;
    let mut buyer = Client::sign_up(marketplace.address, "buyer").await?;
    let mut looker = buyer.again().await?;
    let mut figures = Figures::default();
    // Apart, looking without a pause would keep one of the cores busy on which the event travels.
    let pause = match marketplace.composition() {
        Composition::Embedded => Duration::ZERO,
        Composition::Apart => Duration::from_millis(1),
    };
    let tickets = list_tickets(&seller, 320).await?;
    marketplace.come_to_rest().await?;
    let (cpu, began) = (marketplace.cpu()?, now());
    for ticket in tickets {
        tokio::time::sleep(Duration::from_millis(20)).await;
        order(&mut buyer, &ticket).await?;
        let answered = now();
        loop {
            let shown: Answer = looker.get(&format!("/api/tickets/{ticket}")).await?;
            if shown.text("status")? == "held" {
                break;
            }
            tokio::time::sleep(pause).await;
        }
        figures.took.push(answered.elapsed());
    }
    let (wall, cpu) = (began.elapsed(), marketplace.cpu()?.saturating_sub(cpu));
    let (case, note) = (
        "idle".to_owned(),
        "per s and CPU include the waiting".to_owned(),
    );
    Line {
        workload: "B7 propagate",
        case,
        wall,
        cpu,
        note,
    }
    .print(&mut figures);
    Ok(())
}

async fn start(marketplace: &mut Marketplace) -> anyhow::Result<()> {
    say_start(marketplace, "empty", marketplace.started_in);
    let seller = Client::sign_up(marketplace.address, "seller").await?;
    list_tickets(&seller, 100_000).await?;
    let program = marketplace.program().to_owned();
    let new = Marketplace::start_program(&program, Composition::Embedded, crate::SETTINGS).await?;
    let full = std::mem::replace(marketplace, new);
    let full = full.restart().await?;
    let mut client = Client::connect(full.address).await?;
    let page_in = look_at(&mut client, "/").await?;
    say_start(
        &full,
        "100,000 tickets, with the first page",
        full.started_in + page_in,
    );
    full.audit_and_stop().await
}

fn say_start(marketplace: &Marketplace, case: &str, took: Duration) {
    let mut figures = Figures { took: vec![took] };
    let cpu = marketplace.cpu().unwrap_or_default();
    let (case, note) = (case.to_owned(), String::new());
    Line {
        workload: "B10 start",
        case,
        wall: took,
        cpu,
        note,
    }
    .print(&mut figures);
}

async fn memory(marketplace: &Marketplace) -> anyhow::Result<()> {
    tokio::time::sleep(Duration::from_secs(2)).await;
    println!(
        "| B11 memory | idle | | | | | {} KiB PSS |",
        marketplace.memory_kib()?
    );
    pages(marketplace, Duration::from_secs(2), ("B11 (load)", "/")).await?;
    let mut seller = Client::sign_up(marketplace.address, "other").await?;
    seller.list_ticket("One more").await?;
    let stock = list_tickets(&seller, 5_000).await?;
    let mut buyer = Client::sign_up(marketplace.address, "buyer").await?;
    for ticket in stock {
        order(&mut buyer, &ticket).await?;
    }
    println!(
        "| B11 memory | after load | | | | | {} KiB PSS |",
        marketplace.memory_kib()?
    );
    Ok(())
}
