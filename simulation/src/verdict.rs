//! What must hold: some of it at every moment, the rest when everything has come to rest.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use app::operator::Operator;
use platform::db::memory::Disk;

use crate::network::Line;
use crate::world::{Replica, SERVICES, World};

/// What is broken now, whatever goes on: read from all disks at one moment.
///
/// # Errors
/// When a disk can't be read.
pub fn now(world: &World) -> anyhow::Result<Vec<String>> {
    let disk = |service: &str| world.host(service).map(|host| host.disk.clone());
    let (orders, payments) = (disk("orders")?, disk("payments")?);
    let mut found = world.accused();
    let twice = "select ticket_id from orders where status in ('created', 'awaiting_payment', \
                 'capturing', 'complete', 'refunding') group by ticket_id having count(*) > 1";
    for ticket in look(&orders, "orders", twice)? {
        found.push(format!("T1: ticket {ticket} has two live orders"));
    }
    let unbalanced = "select transaction_id from ledger_entries \
                      group by transaction_id, currency having sum(amount_minor) <> 0";
    for transaction in look(&payments, "ledger_entries", unbalanced)? {
        found.push(format!(
            "M4: the entries of {transaction} do not sum to zero"
        ));
    }
    found.extend(unlocked(world, &orders)?);
    found.extend(unchosen(world, &orders, &payments)?);
    Ok(found)
}

/// T3: a ticket is locked for the order that may be paid, as long as tickets has its whole log.
fn unlocked(world: &World, orders: &Disk) -> anyhow::Result<Vec<String>> {
    if world.has_lost() {
        return Ok(Vec::new());
    }
    let payable = "select id || ' has ' || ticket_id from orders \
                   where status in ('awaiting_payment', 'capturing')";
    let payable = look(orders, "orders", payable)?;
    let held = "select order_id || ' has ' || id from tickets where status in ('locked', 'sold')";
    let held = look(&world.host("tickets")?.disk, "tickets", held)?;
    let held: BTreeSet<String> = held.into_iter().collect();
    let is_free = |order: &String| !held.contains(order);
    let found = payable.into_iter().filter(is_free);
    Ok(found
        .map(|order| format!("T3: it may be paid, and its lock is gone: {order}"))
        .collect())
}

/// M2: what the provider has taken is for a payment that its order has chosen, where it can hold money.
fn unchosen(world: &World, orders: &Disk, payments: &Disk) -> anyhow::Result<Vec<String>> {
    if world.terms.takes_at_once || world.has_lost() {
        return Ok(Vec::new());
    }
    let taken = "select key from charges where standing = 'captured'";
    let mut found = Vec::new();
    for key in look(&world.provider_disk, "charges", taken)? {
        let sql = format!("select id from payments where provider_key = '{key}'");
        let Some(payment) = look(payments, "payments", &sql)?.pop() else {
            found.push(format!("M2: the provider took {key}, which no payment has"));
            continue;
        };
        let sql = format!(
            "select id from orders where payment_id = '{payment}' \
                           and status in ('capturing', 'complete', 'refunding', 'refunded')"
        );
        if look(orders, "orders", &sql)?.is_empty() {
            found.push(format!(
                "M2: payment {payment} was taken, and its order did not choose it"
            ));
        }
    }
    Ok(found)
}

/// The first column of what a query answers; nothing before the table is there.
pub(crate) fn look(disk: &Disk, table: &str, sql: &str) -> anyhow::Result<Vec<String>> {
    let exists = format!("select name from sqlite_master where name = '{table}'");
    if disk.ask(&exists)?.is_empty() {
        return Ok(Vec::new());
    }
    disk.ask(sql)
}

/// Whose table, and the query that says what of it is under way.
const UNDER_WAY: [(&str, &str, &str); 6] = [
    (
        "orders",
        "orders",
        "select id || ' ' || status from orders where status in \
  ('created', 'awaiting_payment', 'capturing', 'refunding')",
    ),
    (
        "payments",
        "payments",
        "select id || ' ' || status from payments where status in ('started', 'authorized')",
    ),
    (
        "payments",
        "work",
        "select payment_id || ' is to be: ' || act from work",
    ),
    (
        "payments",
        "hints",
        "select payment_id || ' is to be looked up' from hints",
    ),
    (
        "payments",
        "walks",
        "select 'the provider is to be compared with once more' from walks where ended < 2 \
         or incarnation <> (select value from meta where name = 'incarnation')",
    ),
    (
        "notifications",
        "messages",
        "select id || ' ' || state from messages where state in ('queued', 'sending')",
    ),
];

/// What is still under way; nothing once everything has come to rest.
///
/// # Errors
/// When a disk can't be read.
pub async fn under_way(world: &World) -> anyhow::Result<Vec<String>> {
    let missing = world.missing().into_iter();
    let mut left: Vec<String> = missing
        .map(|replica| format!("{replica} does not run"))
        .collect();
    let gates = world.gates();
    for service in SERVICES {
        let Some(gate) = gates.get(service) else {
            continue;
        };
        let waiting = gate.waiting().await?;
        if waiting.unpublished + waiting.parked + waiting.stuck > 0 || waiting.rebuilding {
            left.push(format!("{service}: {waiting:?}"));
        }
        for key in gate.stuck_keys().await? {
            left.push(format!("{service}: {key:?}"));
        }
    }
    for (service, table, sql) in UNDER_WAY {
        let disk = &world.host(service)?.disk;
        left.extend(
            look(disk, table, sql)?
                .into_iter()
                .map(|what| format!("{table}: {what}")),
        );
    }
    let untold = "select reference || ' is to be told of' from notices";
    left.extend(look(&world.provider_disk, "notices", untold)?);
    let events = world.network.waiting();
    if events > 0 {
        left.push(format!("{events} events on the bus"));
    }
    Ok(left)
}

/// What is broken at rest: the audit that operators run, with nothing pending.
///
/// # Errors
/// When a service does not answer.
pub async fn at_rest(world: &World) -> anyhow::Result<Vec<String>> {
    let bus = Arc::new(Line::new(&world.network, Replica::only("operator")));
    let operator = Operator {
        running: false,
        ..Operator::new(
            world.gates(),
            world.provider_db.clone(),
            bus,
            PathBuf::new(),
        )
    };
    let (lines, mut said) = tokio::sync::mpsc::channel(10_000);
    app::check::run(&operator, true, &lines).await?;
    drop(lines);
    let mut found = Vec::new();
    while let Some(line) = said.recv().await {
        if line.starts_with("violation") {
            found.push(line);
        }
    }
    Ok(found)
}
