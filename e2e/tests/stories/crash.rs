//! `kill -9` in a loop under load: what was acknowledged stays, what was not happens at most once.

use std::sync::Mutex;
use std::time::Duration;

use e2e::{Client, Composition, Marketplace};
use futures::future::join_all;
use http::StatusCode;
use serde_json::{Value, json};
use testing::random::Seeded;

use crate::people::{person, see};

/// How often it is killed; `TICKETING_CRASH_ROUNDS` for a longer campaign.
const ROUNDS: u64 = 6;

/// Requests whose answer is known or unknown, each with its idempotency key.
#[derive(Default)]
struct History {
    acknowledged: Mutex<Vec<(usize, String, String)>>,
    unknown: Mutex<Vec<(usize, &'static str, Value, String)>>,
}

impl History {
    /// Sends a POST; the answer's id if it was created. `None` ends the worker: the program is gone.
    async fn post(
        &self,
        (who, client): (usize, &mut Client),
        path: &'static str,
        body: Value,
        key: String,
    ) -> Option<Option<String>> {
        let headers = [("idempotency-key", key.as_str())];
        match client.call("POST", path, Some(&body), &headers).await {
            Ok(answer) if answer.status == StatusCode::CREATED => {
                let id = answer.text("id").unwrap();
                self.acknowledged
                    .lock()
                    .unwrap()
                    .push((who, path.to_owned(), id.clone()));
                Some(Some(id))
            }
            Ok(answer) => {
                assert!(
                    !answer.status.is_server_error(),
                    "{path}: {:?}",
                    answer.body
                );
                Some(None)
            }
            Err(_) => {
                self.unknown.lock().unwrap().push((who, path, body, key));
                None
            }
        }
    }
}

/// One person's life until the program goes away: list, reserve what is for sale, pay, cancel.
async fn live(history: &History, who: usize, mut client: Client, seed: u64) {
    let choices = Seeded::new(seed);
    let key = || format!("{who}-{seed}-{}", choices.next());
    loop {
        let title = format!("Ticket {}", choices.next());
        let draft = json!({"title": title, "price": 20});
        if history
            .post((who, &mut client), "/api/tickets", draft, key())
            .await
            .is_none()
        {
            return;
        }
        let Ok(list) = client.get("/api/tickets?limit=30").await else {
            return;
        };
        let list = list.json();
        let listed = list.as_array().map(Vec::as_slice).unwrap_or_default();
        let place = choices.below(30);
        let Some(ticket) = listed.get(usize::try_from(place).unwrap() % listed.len().max(1)) else {
            continue;
        };
        let wish = json!({"ticketId": ticket["id"]});
        let Some(order) = history
            .post((who, &mut client), "/api/orders", wish, key())
            .await
        else {
            return;
        };
        let Some(order) = order else { continue };
        let done = if choices.below(4) == 0 {
            let path = format!("/api/orders/{order}");
            client.call("DELETE", &path, None, &[]).await.is_ok()
        } else {
            let token = if choices.below(5) == 0 {
                "tok_chargeDeclined"
            } else {
                "tok_visa"
            };
            let payment = json!({"orderId": order, "token": token});
            history
                .post((who, &mut client), "/api/payments", payment, key())
                .await
                .is_some()
        };
        if !done {
            return;
        }
    }
}

async fn connected(marketplace: &Marketplace, cookies: &[Option<String>]) -> Vec<Client> {
    let mut clients = Vec::new();
    for cookie in cookies {
        let mut client = Client::connect(marketplace.address).await.unwrap();
        client.cookie.clone_from(cookie);
        clients.push(client);
    }
    clients
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_under_load_it_loses_nothing_and_does_nothing_twice() {
    let rounds = std::env::var("TICKETING_CRASH_ROUNDS")
        .ok()
        .and_then(|n| n.parse().ok());
    let settings = [
        "--order-hold",
        "2s",
        "--payment-grace",
        "2s",
        "--unpaid-holds",
        "1000",
        "--log",
        "error",
    ];
    let mut marketplace = Marketplace::start(Composition::Embedded, &settings)
        .await
        .unwrap();
    let mut cookies = Vec::new();
    for number in 0..6 {
        cookies.push(
            person(&marketplace, &format!("person{number}"))
                .await
                .cookie,
        );
    }
    let (history, moments) = (History::default(), Seeded::new(7));
    for round in 0..rounds.unwrap_or(ROUNDS) {
        let clients = connected(&marketplace, &cookies).await;
        let people = clients.into_iter().enumerate();
        let lives =
            people.map(|(who, client)| live(&history, who, client, round * 100 + who as u64));
        let kill = async {
            tokio::time::sleep(Duration::from_millis(300 + moments.below(900))).await;
            marketplace.kill_and_restart().await.unwrap()
        };
        (marketplace, _) = tokio::join!(kill, join_all(lives));
        retry_unknown(&marketplace, &history, &cookies).await;
    }
    everything_acknowledged_is_there(&marketplace, &history, &cookies).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    marketplace.audit_and_stop().await.unwrap();
}

/// Asks again, with the same keys, for what got no answer: twice, and both must say the same.
async fn retry_unknown(marketplace: &Marketplace, history: &History, cookies: &[Option<String>]) {
    let unknown = std::mem::take(&mut *history.unknown.lock().unwrap());
    let mut clients = connected(marketplace, cookies).await;
    for (who, path, body, key) in unknown {
        let client = &mut clients[who];
        let headers = [("idempotency-key", key.as_str())];
        let first = client
            .call("POST", path, Some(&body), &headers)
            .await
            .unwrap();
        let second = client
            .call("POST", path, Some(&body), &headers)
            .await
            .unwrap();
        assert!(!first.status.is_server_error(), "{path}: {:?}", first.body);
        if first.status == StatusCode::CREATED {
            assert_eq!(
                first.text("id").unwrap(),
                second.text("id").unwrap(),
                "{path} with one key"
            );
            let id = first.text("id").unwrap();
            history
                .acknowledged
                .lock()
                .unwrap()
                .push((who, path.to_owned(), id));
        }
    }
}

async fn everything_acknowledged_is_there(
    marketplace: &Marketplace,
    history: &History,
    cookies: &[Option<String>],
) {
    let acknowledged = std::mem::take(&mut *history.acknowledged.lock().unwrap());
    assert!(
        acknowledged.len() > 50,
        "the load was no load: {}",
        acknowledged.len()
    );
    let mut clients = connected(marketplace, cookies).await;
    for (who, path, id) in acknowledged {
        let seen = see(&mut clients[who], &format!("{path}/{id}")).await;
        assert_eq!(
            seen["id"],
            id.as_str(),
            "{path}/{id} was acknowledged: {seen}"
        );
    }
}
