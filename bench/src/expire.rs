//! B8: holds that end. One after the other; and very many at the same instant, after a crash.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, ensure};
use e2e::{Client, Composition, Marketplace};
use jiff::Timestamp;

use crate::figures::{Figures, Line};
use crate::start_instead;
use crate::stored::{ask, field, until_none};
use crate::workloads::{buy, list_tickets, now, order, shared_among, sign_up_buyers};

/// How many holds begin a second where they end one after the other.
const EACH_SECOND: u64 = 125;

/// How long those last.
const SHORT: &str = "3s";

/// Runs both cases, each on a marketplace of its own: how long holds last is said at the start.
pub async fn expire(marketplace: Marketplace, length: Duration) -> anyhow::Result<Marketplace> {
    let marketplace = start_instead(marketplace, SHORT).await?;
    one_by_one(&marketplace, length).await?;
    all_at_once(marketplace, length).await
}

/// Orders at a fixed rate, whatever becomes of them: how late is each cancelled, by the program's own clock?
async fn one_by_one(marketplace: &Marketplace, length: Duration) -> anyhow::Result<()> {
    let seller = Client::sign_up(marketplace.address, "seller").await?;
    let mut buyer = Client::sign_up(marketplace.address, "buyer").await?;
    let count = usize::try_from(EACH_SECOND * length.as_secs())?;
    let tickets = list_tickets(&seller, count).await?;
    marketplace.come_to_rest().await?;
    let (cpu, began) = (marketplace.cpu()?, now());
    for (ticket, number) in tickets.iter().take(count).zip(0_u32..) {
        let at = Duration::from_secs(1) / u32::try_from(EACH_SECOND)? * number;
        tokio::time::sleep(at.saturating_sub(began.elapsed())).await;
        order(&mut buyer, ticket).await?;
    }
    until_none(marketplace, "orders", LIVE).await?;
    until_none(marketplace, "tickets", "tickets where status = 'locked'").await?;
    let (wall, cpu) = (began.elapsed(), marketplace.cpu()?.saturating_sub(cpu));
    let mut figures = Figures {
        took: late(marketplace).await?,
    };
    ensure!(
        figures.took.len() == count,
        "{} have ended",
        figures.took.len()
    );
    Line {
        workload: "B8 expire",
        case: format!("{EACH_SECOND} a second, how late"),
        wall,
        cpu,
        note: "per s and CPU include the holds".to_owned(),
    }
    .print(&mut figures);
    Ok(())
}

/// Orders that can still be paid.
const LIVE: &str = "orders where status in ('created', 'awaiting_payment')";

/// By how much each hold that time has ended was longer than promised; none may be shorter.
async fn late(marketplace: &Marketplace) -> anyhow::Result<Vec<Duration>> {
    let of = |path: &[&str]| field(marketplace.composition(), path);
    let sql = format!(
        "select {} || ' ' || {} as answer from events where aggregate = 'order' and {} = 'expired'",
        of(&["data", "state", "expires_at"]),
        of(&["time"]),
        of(&["data", "reason"]),
    );
    let lines = ask(marketplace, "orders", sql).await?;
    let each = lines.iter().map(|line| {
        let (due, ended) = line.split_once(' ').context("two times")?;
        let (due, ended): (Timestamp, Timestamp) = (due.parse()?, ended.parse()?);
        let micros = ended.as_microsecond() - due.as_microsecond();
        ensure!(micros >= 0, "ended {micros} µs before its time");
        anyhow::Ok(Duration::from_micros(micros.unsigned_abs()))
    });
    each.collect()
}

/// Very many holds that have ended when the program is there again, which was killed before; somebody goes
/// on ordering other tickets meanwhile.
async fn all_at_once(marketplace: Marketplace, length: Duration) -> anyhow::Result<Marketplace> {
    // So many, and how many can be placed a second, at the least.
    let (each_second, placed) = match marketplace.composition() {
        Composition::Embedded => (4_000, 1_000),
        Composition::Apart => (400, 200),
    };
    let count = each_second * usize::try_from(length.as_secs())?;
    let hold = Duration::from_secs(10 + u64::try_from(count / placed)?);
    let marketplace = start_instead(marketplace, &format!("{}s", hold.as_secs())).await?;
    let seller = Client::sign_up(marketplace.address, "seller").await?;
    let stock = list_tickets(&seller, count).await?;
    let count = stock.len();
    let others = list_tickets(&seller, 5_000).await?;
    let buyers = sign_up_buyers(&marketplace).await?;
    let clients = shared_among(marketplace.address, &buyers, 64).await?;
    marketplace.come_to_rest().await?;
    let began = now();
    buy(clients, stock, began + hold).await?;
    ensure!(
        began.elapsed() < hold,
        "the first holds ended before all were placed"
    );
    let placed = now();
    let killed = marketplace.kill().await?;
    tokio::time::sleep((hold + Duration::from_secs(1)).saturating_sub(placed.elapsed())).await;
    let marketplace = killed.start().await.map_err(|(_, error)| error)?;
    let due = time_of_day().as_microsecond();
    let (cpu, began) = (marketplace.cpu()?, now());
    let buyer = Client::sign_up(marketplace.address, "meanwhile").await?;
    let stop = AtomicBool::new(false);
    let all_free = async {
        let dead = format!("{LIVE} and expires_at < {due}");
        let ended = until_none(&marketplace, "orders", &dead).await?;
        let locked = format!("tickets where status = 'locked' and epoch < {due}");
        until_none(&marketplace, "tickets", &locked).await?;
        stop.store(true, Ordering::Relaxed);
        anyhow::Ok(ended)
    };
    let (mut orders, ended) = tokio::try_join!(order_until(buyer, others, &stop), all_free)?;
    let (wall, cpu) = (began.elapsed(), marketplace.cpu()?.saturating_sub(cpu));
    let late = late(&marketplace).await?.len();
    ensure!(late >= count, "{late} of {count} have ended");
    println!(
        "| B8 expire | {count} at once, after a crash | | | | | orders ended after {:.1} s, tickets free after {:.1} s |",
        ended.as_secs_f64(),
        wall.as_secs_f64()
    );
    Line {
        workload: "B8 orders meanwhile",
        case: "1 connection".to_owned(),
        wall,
        cpu,
        note: "CPU is for what expires, too".to_owned(),
    }
    .print(&mut orders);
    Ok(marketplace)
}

async fn order_until(
    mut buyer: Client,
    tickets: VecDeque<String>,
    stop: &AtomicBool,
) -> anyhow::Result<Figures> {
    let mut figures = Figures::default();
    for ticket in tickets {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        figures.took.push(order(&mut buyer, &ticket).await?.took);
    }
    Ok(figures)
}

#[expect(
    clippy::disallowed_methods,
    reason = "it tells what the program has written before from what it writes later"
)]
fn time_of_day() -> Timestamp {
    Timestamp::now()
}
