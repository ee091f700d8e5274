//! B13: everything at once, at rates that don't wait for answers: pages, orders, holds that end, people
//! who sign in.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use e2e::{Client, Composition, Marketplace};

use crate::figures::{Figures, Line};
use crate::signin::sign_up_people;
use crate::start_instead;
use crate::workloads::{
    closed_loop, connections, list_tickets, look_at, next, now, order, shared_among, sign_up_buyers,
};

/// How many of each there are a second.
struct Rates {
    pages: u32,
    orders: u32,
    sign_ins: u32,
}

impl Rates {
    fn of(composition: Composition) -> Self {
        match composition {
            Composition::Embedded => Self {
                pages: 5_000,
                orders: 200,
                sign_ins: 20,
            },
            Composition::Apart => Self {
                pages: 500,
                orders: 20,
                sign_ins: 5,
            },
        }
    }
}

/// How long a ticket is held.
const HOLD: Duration = Duration::from_secs(20);

/// After how long, at the least, somebody else orders it: its hold has ended, and everybody knows.
const AGAIN: Duration = Duration::from_secs(40);

/// How many connections look, and how many order: more than are ever waited for at once.
const CONNECTIONS: usize = 64;

/// Runs all of it. Durations count from when something was due.
pub async fn mixed(marketplace: Marketplace, length: Duration) -> anyhow::Result<Marketplace> {
    let hold = format!("{}s", HOLD.as_secs());
    let marketplace = start_instead(marketplace, &hold).await?;
    let rates = Rates::of(marketplace.composition());
    let seller = Client::sign_up(marketplace.address, "seller").await?;
    let count = u64::from(rates.orders) * AGAIN.as_secs();
    let stock = Mutex::new(list_tickets(&seller, usize::try_from(count)?).await?);
    let cookies = sign_up_buyers(&marketplace).await?;
    let buyers = shared_among(marketplace.address, &cookies, CONNECTIONS).await?;
    let buyers = buyers
        .into_iter()
        .map(|(client, mine)| (client, VecDeque::from(mine)));
    let visitors = connections(&seller, CONNECTIONS).await?;
    let people = sign_up_people(&marketplace).await?;
    marketplace.come_to_rest().await?;

    let memory = marketplace.memory_kib()?;
    let (cpu, began) = (marketplace.cpu()?, now());
    let pace = |a_second: u32| Pace {
        began,
        length,
        every: Duration::from_secs(1) / a_second,
        number: AtomicU32::new(0),
    };
    let (looking, ordering, signing_in) =
        (pace(rates.pages), pace(rates.orders), pace(rates.sign_ins));
    let (mut pages, mut orders, mut sign_ins) = tokio::try_join!(
        paced(visitors, &looking, async |visitor| look_at(visitor, "/")
            .await
            .map(drop)),
        paced(buyers.collect(), &ordering, async |buyer| {
            order_again(buyer, &stock).await
        }),
        paced(people, &signing_in, async |(client, name)| client
            .sign_in(name)
            .await
            .map(drop)),
    )?;
    let (wall, cpu) = (began.elapsed(), marketplace.cpu()?.saturating_sub(cpu));
    let after = marketplace.memory_kib()?;
    let line = |case: &str, rate: u32| Line {
        workload: "B13 mixed",
        case: case.to_owned(),
        wall,
        cpu,
        note: format!("{rate}/s asked for; CPU is for all"),
    };
    line("pages", rates.pages).print(&mut pages);
    line("orders, each cancelled later", rates.orders).print(&mut orders);
    line("sign-ins", rates.sign_ins).print(&mut sign_ins);
    println!("| B13 memory | | | | | | {memory} KiB PSS before, {after} after |");
    Ok(marketplace)
}

/// The next person orders the ticket that was ordered longest ago.
async fn order_again(
    (client, cookies): &mut (Client, VecDeque<String>),
    stock: &Mutex<VecDeque<String>>,
) -> anyhow::Result<()> {
    cookies.rotate_left(1);
    client.cookie = cookies.front().cloned();
    let ticket = next(stock).context("no ticket is left")?;
    order(client, &ticket).await?;
    let mut stock = stock.lock().map_err(|_| anyhow::anyhow!("given up"))?;
    stock.push_back(ticket);
    Ok(())
}

/// When the next of something is due, whatever became of those before.
struct Pace {
    began: Instant,
    length: Duration,
    every: Duration,
    number: AtomicU32,
}

impl Pace {
    /// Waits until it is; when that was to be. Nothing once the time is over.
    async fn turn(&self) -> Option<Instant> {
        let after = self.every * self.number.fetch_add(1, Ordering::Relaxed);
        if after >= self.length {
            return None;
        }
        let due = self.began + after;
        tokio::time::sleep_until(due.into()).await;
        Some(due)
    }
}

/// Does something whenever it is due, on whichever connection is free.
async fn paced<C>(
    clients: Vec<C>,
    pace: &Pace,
    work: impl AsyncFn(&mut C) -> anyhow::Result<()>,
) -> anyhow::Result<Figures> {
    let work = &work;
    closed_loop(clients, |mut client| async move {
        let mut took = Vec::new();
        while let Some(due) = pace.turn().await {
            work(&mut client).await?;
            took.push(due.elapsed());
        }
        Ok(took)
    })
    .await
}
