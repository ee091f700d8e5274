//! What clients were told must be so for ever: acknowledged is done (D1), a key has one effect (D2), an
//! order ends by time only when its time is up (H1), what follows from an event follows once (P2).

use std::collections::BTreeSet;

use axum::body::Body;
use contracts::Timestamp;
use http::Request;
use platform::clock::until;

use crate::history::{Act, Told};
use crate::verdict::look;
use crate::world::{Heard, World};

/// What must be there once something was acknowledged: who knows it, and the ids of all for which it is
/// so.
const PROMISES: [(Act, &str, &str); 7] = [
    (Act::SignUp, "auth", "select id from users"),
    (Act::List, "tickets", "select id from tickets"),
    (
        Act::Withdraw,
        "tickets",
        "select id from tickets where status = 'withdrawn'",
    ),
    (Act::Reserve, "orders", "select id from orders"),
    (
        Act::Cancel,
        "orders",
        "select id from orders where status = 'cancelled'",
    ),
    (
        Act::Refund,
        "orders",
        "select id from orders where refunded_minor > 0",
    ),
    (Act::Pay, "payments", "select id from payments"),
];

/// What clients were told and is not so.
///
/// # Errors
/// When a disk can't be read.
pub async fn broken(world: &World, told: &Told) -> anyhow::Result<Vec<String>> {
    let mut found = told.broken.clone();
    found.extend(not_done(world, told)?);
    found.extend(done_twice(world, told)?);
    found.extend(ended_early(world)?);
    found.extend(handled_twice(world)?);
    found.extend(let_in_again(world, told).await?);
    Ok(found)
}

/// D1: what was acknowledged.
fn not_done(world: &World, told: &Told) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for (act, service, sql) in PROMISES {
        let done: BTreeSet<String> = world.host(service)?.disk.ask(sql)?.into_iter().collect();
        for id in told.made.get(&act).into_iter().flatten() {
            // A ticket whose lock was lost with a part of the log can be taken back, and be sold.
            let is_excused = act == Act::Withdraw && world.has_lost_lock(id)
                || act == Act::Pay && world.has_lost_payment(id);
            if !is_excused && !done.contains(id) {
                found.push(format!(
                    "D1: {act:?} of {id} was acknowledged, and is not so"
                ));
            }
        }
    }
    Ok(found)
}

/// D2: one key, one effect.
fn done_twice(world: &World, told: &Told) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for (key, ids) in &told.by_key {
        // Where a payment was lost, so was what its key stood for.
        let ids = ids.iter().filter(|id| !world.has_lost_payment(id));
        let ids: BTreeSet<&String> = ids.collect();
        if ids.len() > 1 {
            found.push(format!("D2: the key {key} had several effects: {ids:?}"));
        }
    }
    let twice = "select json_extract(envelope, '$.data.state.title') as title from events \
                 where aggregate = 'ticket' and version = 1 group by title having count(*) > 1";
    for title in look(&world.host("tickets")?.disk, "events", twice)? {
        if told.titles.contains(&title) {
            found.push(format!("D2: {title:?} was listed twice under one key"));
        }
    }
    Ok(found)
}

/// H1: orders that time has ended before it was up, by the clock of orders itself.
fn ended_early(world: &World) -> anyhow::Result<Vec<String>> {
    let sql = "select json_extract(envelope, '$.data.state.created_at') || ' ' || \
               json_extract(envelope, '$.time') || ' ' || subject from events \
               where aggregate = 'order' and json_extract(envelope, '$.data.reason') = 'expired'";
    let mut found = Vec::new();
    for line in look(&world.host("orders")?.disk, "events", sql)? {
        let mut words = line.split(' ');
        let mut time = || words.next().unwrap_or_default().parse::<Timestamp>();
        let (placed, ended) = (time()?, time()?);
        if until(placed, ended) < world.terms.hold {
            found.push(format!(
                "H1: placed, ended by time, and its hold was longer: {line}"
            ));
        }
    }
    Ok(found)
}

/// P2: an event that was handled once had each of its consequences once. What comes of it twice and leaves
/// everything as it is shows only here.
fn handled_twice(world: &World) -> anyhow::Result<Vec<String>> {
    // Events have ids with slashes, requests don't.
    let twice = "select json_extract(envelope, '$.type') || ' of ' || subject || ' twice because of ' || \
                 json_extract(envelope, '$.causationid') as line from events \
                 where json_extract(envelope, '$.causationid') like '%/%' \
                 group by line having count(*) > 1";
    let mut found = Vec::new();
    for host in world.machines.values() {
        let lines = look(&host.disk, "events", twice)?;
        found.extend(lines.into_iter().map(|line| format!("P2: {line}")));
    }
    Ok(found)
}

/// D1: whoever has signed out stays out, everywhere.
async fn let_in_again(world: &World, told: &Told) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    if world.has_lost_sign_outs() {
        return Ok(found);
    }
    for cookie in &told.signed_out {
        for (service, path) in [("orders", "/api/orders"), ("tickets", "/api/tickets/mine")] {
            let request = Request::builder().uri(path).header("cookie", cookie);
            let heard = world.ask(service, request.body(Body::empty())?).await;
            if let Heard::Answer(answer) = heard
                && answer.status.as_u16() != 401
            {
                found.push(format!(
                    "D1: {service} lets in who has signed out: {}",
                    answer.status
                ));
            }
        }
    }
    Ok(found)
}
