//! Compares what is there with what was answered.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use e2e::{Answer, Client, Marketplace};
use http::StatusCode;
use serde_json::Value;
use tokio::time::Instant;

use super::connected;
use super::history::{Ask, History, offer, send};
use crate::people::see;

/// How many of a round's acknowledged requests are sent again after the crash.
const SAMPLE: usize = 30;

/// How long a request without an answer that stands is sent again.
const PATIENCE: Duration = Duration::from_secs(60);
/// The pause between two tries: one about what is not known yet is answered at once.
const PAUSE: Duration = Duration::from_millis(250);

/// Sends what got no answer again, with the same keys, twice; and some of what got one.
pub async fn ask_again(history: &History, clients: &mut [Client]) {
    let unknown = std::mem::take(&mut history.read().unknown);
    for ask in unknown {
        let client = &mut clients[ask.who];
        let first = settled(history, client, &ask).await;
        let second = settled(history, client, &ask).await;
        if history.keep(ask.clone(), &first) {
            assert_eq!(first.status, second.status, "{ask:?}");
            assert_eq!(
                first.text("id").unwrap(),
                second.text("id").unwrap(),
                "{ask:?}"
            );
        } else if first.status != StatusCode::PAYMENT_REQUIRED {
            history.read().refused_later.push(ask);
        }
    }
    let acknowledged = history.read().created.clone();
    for (ask, id) in acknowledged.iter().rev().take(SAMPLE) {
        let again = send(&mut clients[ask.who], ask).await.unwrap();
        assert_eq!(
            again.text("id").ok().as_ref(),
            Some(id),
            "{ask:?}: {:?}",
            again.body
        );
    }
}

/// The answer, once there is one and the news of what it is about is there.
async fn settled(history: &History, client: &mut Client, ask: &Ask) -> Answer {
    let began = Instant::now();
    loop {
        let sent = send(client, ask).await;
        if let Ok(answer) = &sent
            && !history.is_late(ask, answer)
        {
            return answer.clone();
        }
        assert!(
            began.elapsed() < PATIENCE,
            "{ask:?}: no answer that stands: {sent:?}"
        );
        tokio::time::sleep(PAUSE).await;
    }
}

/// Everything that was acknowledged in this round is there.
pub async fn acknowledged_is_there(history: &History, clients: &mut [Client]) {
    let (fresh, all) = {
        let mut known = history.read();
        let fresh = known.created[known.round_from..].to_vec();
        known.round_from = known.created.len();
        (fresh, known.created.clone())
    };
    for (ask, id) in fresh {
        let (who, path) = resource(&all, &ask, &id);
        let seen = see(&mut clients[who], &path).await;
        assert_eq!(seen["id"], id.as_str(), "{ask:?} was acknowledged: {seen}");
    }
}

/// What a request made or changed, and who may see it: an order its buyer alone, not the seller who
/// gives the money back.
fn resource(created: &[(Ask, String)], ask: &Ask, id: &str) -> (usize, String) {
    let Some(order) = ask.path.strip_suffix("/refund") else {
        return (ask.who, format!("{}/{id}", ask.path));
    };
    let made = created
        .iter()
        .find(|(ask, made)| ask.path == "/api/orders" && order.ends_with(made));
    let (buyer, _) = made.unwrap_or_else(|| panic!("{ask:?}: nobody ordered it"));
    (buyer.who, order.to_owned())
}

/// Nobody has a ticket, an order or a payment that no request of theirs made.
async fn nothing_else_is_there(history: &History, clients: &mut [Client]) {
    let (created, declined, later) = {
        let known = history.read();
        (
            known.created.clone(),
            known.declined.clone(),
            known.refused_later.clone(),
        )
    };
    for (path, list) in [
        ("/api/tickets", "/api/tickets/mine"),
        ("/api/orders", "/api/orders"),
    ] {
        for (who, client) in clients.iter_mut().enumerate() {
            let made = created
                .iter()
                .filter(|(ask, _)| ask.who == who && ask.path == path);
            let made: BTreeSet<String> = made.map(|(_, id)| id.clone()).collect();
            let there: BTreeSet<String> = whole_list(client, list).await.into_iter().collect();
            assert_eq!(there, made, "{path} of person {who}");
        }
    }
    let mut asked: BTreeMap<(usize, String), (BTreeSet<String>, usize, usize)> = BTreeMap::new();
    let of_order = |ask: &Ask| (ask.who, ask.body["orderId"].as_str().unwrap().to_owned());
    for (ask, id) in created
        .iter()
        .filter(|(ask, _)| ask.path == "/api/payments")
    {
        asked.entry(of_order(ask)).or_default().0.insert(id.clone());
    }
    for ask in &declined {
        asked.entry(of_order(ask)).or_default().1 += 1;
    }
    for ask in later.iter().filter(|ask| ask.path == "/api/payments") {
        asked.entry(of_order(ask)).or_default().2 += 1;
    }
    for ((who, order), (ids, declined, unclear)) in asked {
        let payments = see(&mut clients[who], &format!("/api/payments?orderId={order}")).await;
        let there: BTreeSet<String> = ids_in(&payments).collect();
        assert!(
            there.is_superset(&ids),
            "payments of order {order}: {payments}"
        );
        let least = ids.len() + declined;
        let fine = least..=least + unclear;
        assert!(
            fine.contains(&there.len()),
            "order {order} was asked to be paid {fine:?} times: {payments}"
        );
        let taken = payments.as_array().unwrap().iter();
        let taken = taken
            .filter(|payment| payment["status"] == "captured")
            .count();
        assert!(taken <= 1, "order {order} was paid twice: {payments}");
    }
}

async fn whole_list(client: &mut Client, path: &str) -> Vec<String> {
    let mut ids = Vec::new();
    let mut next = Some(format!("{path}?limit=200"));
    while let Some(page) = next.take() {
        let answer = client.get(&page).await.unwrap();
        assert_eq!(answer.status, StatusCode::OK, "{page}");
        ids.extend(ids_in(&answer.json()));
        let link = answer
            .headers
            .get("link")
            .map(|link| link.to_str().unwrap().to_owned());
        next = link.and_then(|link| Some(link.split_once('<')?.1.split_once('>')?.0.to_owned()));
    }
    ids
}

fn ids_in(list: &Value) -> impl Iterator<Item = String> {
    list.as_array()
        .unwrap()
        .iter()
        .map(|item| item["id"].as_str().unwrap().to_owned())
}

/// Waits until nobody holds a ticket that is not paid, the requests that were sent again among them, and
/// then until nothing is left to do.
pub async fn come_to_rest(marketplace: &Marketplace, history: &History, clients: &mut [Client]) {
    let began = Instant::now();
    let created = history.read().created.clone();
    for (ask, id) in created.iter().filter(|(ask, _)| ask.path == "/api/orders") {
        let path = format!("{}/{id}", ask.path);
        loop {
            let seen = see(&mut clients[ask.who], &path).await;
            let status = seen["status"].as_str().unwrap_or_default();
            if ["complete", "cancelled", "refunded"].contains(&status) {
                break;
            }
            assert!(began.elapsed() < PATIENCE, "it does not end: {seen}");
            tokio::time::sleep(PAUSE).await;
        }
    }
    marketplace.come_to_rest().await.unwrap();
}

/// At rest, every order and every listing ended as their people were told.
async fn ended_as_was_said(history: &History, clients: &mut [Client]) {
    let (created, cancelled, withdrawn, offers) = {
        let known = history.read();
        (
            known.created.clone(),
            known.cancelled.clone(),
            known.withdrawn.clone(),
            known.offers.clone(),
        )
    };
    for (ask, id) in &created {
        let (who, path) = resource(&created, ask, id);
        let seen = see(&mut clients[who], &path).await;
        let status = seen["status"].as_str().unwrap_or_default();
        let fine: &[&str] = match ask.path.as_str() {
            "/api/tickets" => {
                assert!(
                    offers[id].contains(&offer(&seen)),
                    "{seen}: {:?}",
                    offers[id]
                );
                if withdrawn.contains(id) {
                    &["withdrawn"]
                } else {
                    &["listed", "sold", "withdrawn"]
                }
            }
            "/api/orders" if cancelled.contains(id) => &["cancelled"],
            "/api/orders" => &["cancelled", "complete", "refunded"],
            "/api/payments" => &["captured", "failed", "voided", "refunded"],
            _ => {
                assert!(seen["refunded"] != 0, "{ask:?}: {seen}");
                &["complete", "refunded"]
            }
        };
        assert!(fine.contains(&status), "{ask:?}: {seen}");
    }
}

/// At rest: nothing is there but what was answered, all of it ended as was said, and whoever signed out
/// stays out. At connections of its own: others may have been idle for long, and be closed.
pub async fn all_was_kept(
    marketplace: &Marketplace,
    history: &History,
    cookies: &[Option<String>],
) {
    let mut clients = connected(marketplace, cookies).await;
    nothing_else_is_there(history, &mut clients).await;
    ended_as_was_said(history, &mut clients).await;
    let thief = Client::connect(marketplace.address).await.unwrap();
    signed_out_stays_out(history, thief).await;
}

/// A session whose end was acknowledged opens no door any more.
async fn signed_out_stays_out(history: &History, mut thief: Client) {
    let cookies = history.read().signed_out.clone();
    for cookie in cookies {
        thief.cookie = Some(cookie);
        for path in [
            "/api/tickets/mine",
            "/api/orders",
            "/api/payments/none",
            "/api/users/sessions",
        ] {
            let status = thief.get(path).await.unwrap().status;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{path}");
        }
    }
}
