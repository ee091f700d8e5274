//! People who look, sell and buy, and take down whatever does not go as it should.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use deploy::cluster::Endpoints;
use e2e::{Answer, Client};
use http::StatusCode;
use serde_json::{Value, json};

use crate::world::{Routes, World};

/// How long a person waits for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long until an order is paid, or can be.
const STEPS: usize = 400;

/// What has happened so far, for everybody.
#[derive(Clone, Default)]
pub struct Log(Rc<RefCell<Entries>>);

#[derive(Default)]
struct Entries {
    requests: usize,
    by_person: Vec<usize>,
    failures: Vec<String>,
    slowest: Duration,
    sold: usize,
    on_sale: VecDeque<(usize, String)>,
    ended: bool,
}

impl Log {
    pub fn count(&self) -> usize {
        self.0.borrow().requests
    }

    pub fn failures(&self) -> Vec<String> {
        self.0.borrow().failures.clone()
    }

    /// Nobody begins anything new.
    pub fn end(&self) {
        self.0.borrow_mut().ended = true;
    }

    /// Waits until everybody has done something, and something was sold.
    pub async fn progress(&self, much: usize) {
        let (before, sold) = {
            let entries = self.0.borrow();
            (entries.by_person.clone(), entries.sold)
        };
        let end = tokio::time::Instant::now() + Duration::from_secs(90);
        loop {
            {
                let now = self.0.borrow();
                let all = now.by_person.iter().zip(&before);
                if all.clone().all(|(now, before)| *now >= before + much) && now.sold > sold {
                    return;
                }
            }
            assert!(tokio::time::Instant::now() < end, "nothing goes on: {self}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.0.borrow();
        let (requests, sold, slowest) = (entries.requests, entries.sold, entries.slowest);
        write!(
            f,
            "{requests} requests, {sold} sales, the slowest took {slowest:?}; "
        )?;
        write!(f, "failed: {:?}", entries.failures)
    }
}

/// A person, and the load balancer in front of them. For one half it is the cluster's own, which routes by
/// the HTTPRoute; for the other half it sends everything to our gateway. Both know pods from hearsay.
pub struct Visitor {
    who: usize,
    log: Log,
    endpoints: Endpoints,
    routes: Option<Rc<Routes>>,
    clients: BTreeMap<String, (SocketAddr, Client)>,
    turn: usize,
    cookie: Option<String>,
    listed: Vec<String>,
    bought: Vec<String>,
}

impl Visitor {
    /// Somebody new signs up.
    pub async fn arrives(world: &World, log: &Log, who: usize) -> Self {
        let gateway = world.endpoints.of("gateway")[0];
        let client = Client::sign_up(gateway, &format!("visitor{who}"))
            .await
            .unwrap();
        log.0.borrow_mut().by_person.push(0);
        Self {
            who,
            log: log.clone(),
            endpoints: world.endpoints.clone(),
            cookie: client.cookie.clone(),
            routes: (who % 2 == 1).then(|| Rc::clone(&world.routes)),
            clients: BTreeMap::new(),
            turn: who,
            listed: Vec::new(),
            bought: Vec::new(),
        }
    }

    fn email(&self) -> String {
        format!("visitor{}@bench.example", self.who)
    }

    /// The page, rendered by web through the load balancer, is for this person and nobody else.
    pub async fn is_greeted(&mut self) {
        let answer = self.ask("GET", "/", None, None).await.unwrap();
        self.is_mine(&answer);
    }

    fn is_mine(&self, answer: &Answer) {
        let page = String::from_utf8_lossy(&answer.body);
        assert!(page.contains(&self.email()), "{}: {page}", self.who);
        for other in (0..9).filter(|other| *other != self.who) {
            assert!(
                !page.contains(&format!("visitor{other}@")),
                "{}: {page}",
                self.who
            );
        }
    }

    /// Looks, sells and buys until the log ends.
    pub async fn lives(mut self) -> Self {
        let mut round = 0;
        while !self.log.0.borrow().ended {
            round += 1;
            self.looks().await;
            self.sells(round).await;
            if round % 2 == 0 {
                self.buys(round).await;
            }
        }
        self
    }

    async fn looks(&mut self) {
        if let Some(answer) = self.ask("GET", "/", None, None).await {
            self.is_mine(&answer);
        }
        self.ask("GET", "/api/tickets?limit=5", None, None).await;
    }

    /// Without a key nobody may send this again: it must arrive at the first try.
    async fn sells(&mut self, round: usize) {
        let body = json!({"title": format!("Seat {} {round}", self.who), "price": 20});
        let Some(answer) = self.ask("POST", "/api/tickets", Some(&body), None).await else {
            return;
        };
        let ticket = answer.text("id").unwrap();
        self.listed.push(ticket.clone());
        self.log
            .0
            .borrow_mut()
            .on_sale
            .push_back((self.who, ticket));
    }

    async fn buys(&mut self, round: usize) -> Option<()> {
        let ticket = {
            let on_sale = &mut self.log.0.borrow_mut().on_sale;
            let place = on_sale.iter().position(|(seller, _)| *seller != self.who)?;
            on_sale.remove(place)?.1
        };
        let who = self.who;
        let key = |what: &str| format!("{what}-{who}-{round}");
        let wish = json!({"ticketId": ticket});
        let order = self
            .ask("POST", "/api/orders", Some(&wish), Some(&key("order")))
            .await?;
        let order = order.text("id").unwrap();
        self.until(&order, "awaiting:payment").await?;
        let card = json!({"orderId": order, "token": "tok_visa"});
        self.ask("POST", "/api/payments", Some(&card), Some(&key("payment")))
            .await?;
        self.bought.push(order.clone());
        self.until(&order, "complete").await?;
        self.log.0.borrow_mut().sold += 1;
        Some(())
    }

    /// Looks at an order until it is in this state.
    async fn until(&mut self, order: &str, status: &str) -> Option<()> {
        let path = format!("/api/orders/{order}");
        for _ in 0..STEPS {
            let answer = self.ask("GET", &path, None, None).await?;
            if answer.json()["status"] == status {
                return Some(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        self.fails(format!("{path} was never {status}"));
        None
    }

    /// What everybody was told is there: each listing, and each payment has come to its end.
    pub async fn finds_what_was_acknowledged(&mut self) {
        for ticket in std::mem::take(&mut self.listed) {
            let path = format!("/api/tickets/{ticket}");
            let answer = self.ask("GET", &path, None, None).await;
            assert!(answer.is_some(), "{ticket} is gone: {}", self.log);
        }
        for order in std::mem::take(&mut self.bought) {
            let complete = self.until(&order, "complete").await;
            assert!(complete.is_some(), "{order}: {}", self.log);
        }
    }

    /// One request; none if it failed, which is noted.
    async fn ask(
        &mut self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        key: Option<&str>,
    ) -> Option<Answer> {
        let began = tokio::time::Instant::now();
        let header = key.map(|key| [("idempotency-key", key)]);
        let headers = header.as_ref().map_or(&[][..], |header| &header[..]);
        let sent = tokio::time::timeout(PATIENCE, self.send(method, path, (body, headers))).await;
        let wrong = match sent {
            Ok(Ok(answer)) if is_success(method, path, answer.status) => {
                let mut entries = self.log.0.borrow_mut();
                entries.requests += 1;
                entries.by_person[self.who] += 1;
                entries.slowest = entries.slowest.max(began.elapsed());
                return Some(answer);
            }
            Ok(Ok(answer)) => {
                let said = String::from_utf8_lossy(&answer.body).into_owned();
                format!(
                    "{} {}",
                    answer.status,
                    said.chars().take(300).collect::<String>()
                )
            }
            Ok(Err(error)) => format!("{error:#}"),
            Err(_) => "no answer".to_owned(),
        };
        self.clients.clear();
        self.fails(format!("{method} {path}: {wrong}"));
        // Whoever met a fault looks again a little later.
        tokio::time::sleep(Duration::from_millis(200)).await;
        None
    }

    async fn send(
        &mut self,
        method: &str,
        path: &str,
        (body, headers): (Option<&Value>, &[(&str, &str)]),
    ) -> anyhow::Result<Answer> {
        let service = match &self.routes {
            Some(routes) => routes.service_of(path).to_owned(),
            None => "gateway".to_owned(),
        };
        let known = self.endpoints.of(&service);
        let kept = self.clients.get(&service);
        if kept.is_none_or(|(address, _)| !known.contains(address)) {
            self.turn += 1;
            let address = known[self.turn % known.len()];
            let mut client = Client::connect(address).await?;
            client.cookie.clone_from(&self.cookie);
            self.clients.insert(service.clone(), (address, client));
        }
        let (_, client) = self.clients.get_mut(&service).unwrap();
        client.call(method, path, body, headers).await
    }

    fn fails(&self, what: String) {
        self.log.0.borrow_mut().failures.push(what);
    }
}

fn is_success(method: &str, path: &str, status: StatusCode) -> bool {
    match (method, path) {
        ("POST", "/api/payments") => matches!(status, StatusCode::CREATED | StatusCode::OK),
        ("POST", _) => status == StatusCode::CREATED,
        _ => status == StatusCode::OK,
    }
}
