//! What was asked of the marketplace, and what it answered.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use e2e::{Answer, Client, Composition};
use http::StatusCode;
use serde_json::Value;

/// A POST with its idempotency key.
#[derive(Debug, Clone)]
pub struct Ask {
    pub who: usize,
    pub path: String,
    pub body: Value,
    pub key: String,
}

/// The program went away before it answered; how that showed.
#[derive(Debug)]
#[expect(dead_code, reason = "read by whoever looks at a failure")]
pub struct Gone(String);

impl From<anyhow::Error> for Gone {
    fn from(error: anyhow::Error) -> Self {
        Self(format!("{error:#}"))
    }
}

impl From<&Answer> for Gone {
    fn from(answer: &Answer) -> Self {
        Self(format!("{} {:?}", answer.status, answer.body))
    }
}

/// A listing's title and price, as its seller knows it.
pub type Offer = (String, i64);

/// What is known after all answers so far.
#[derive(Default)]
pub struct Known {
    /// Acknowledged POSTs, each with the id in its answer.
    pub created: Vec<(Ask, String)>,
    /// Where in those the present round began.
    pub round_from: usize,
    /// Payments whose card was declined.
    pub declined: Vec<Ask>,
    /// POSTs without an answer.
    pub unknown: Vec<Ask>,
    /// POSTs without an answer that were refused when asked again.
    pub refused_later: Vec<Ask>,
    /// What each listing may say: the last acknowledged offer, and later ones without an answer.
    pub offers: BTreeMap<String, Vec<Offer>>,
    /// Orders whose cancellation was acknowledged.
    pub cancelled: BTreeSet<String>,
    /// Listings whose withdrawal was acknowledged.
    pub withdrawn: BTreeSet<String>,
    /// Cookies whose sign-out was acknowledged.
    pub signed_out: Vec<String>,
}

/// What all people together know.
#[derive(Default)]
pub struct History {
    known: Mutex<Known>,
    /// Parts of the system may be away while the others answer.
    is_patient: bool,
}

impl History {
    /// One in which an answer may be that there is none now.
    pub fn patient() -> Self {
        Self {
            is_patient: true,
            ..Self::default()
        }
    }

    pub fn read(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap()
    }

    /// How much was acknowledged, and how many payments among it: for those events went around.
    pub fn acknowledged(&self) -> (usize, usize) {
        let known = self.read();
        let paid = known
            .created
            .iter()
            .filter(|(ask, _)| ask.path == "/api/payments");
        (known.created.len(), paid.count())
    }

    /// Waits until so much more was acknowledged, a payment among it; only then comes the next.
    pub async fn goes_on(&self, next: &str, progress: usize, within: Duration) {
        let (all, paid) = self.acknowledged();
        println!("before {next}: {self}");
        let has_gone_on = || {
            let now = self.acknowledged();
            now.0 >= all + progress && now.1 > paid
        };
        let goes_on = async {
            while !has_gone_on() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let gone_on = tokio::time::timeout(within, goes_on).await;
        assert!(gone_on.is_ok(), "before {next} nothing goes on: {self}");
    }

    /// The answer, unless it says that a part of the system is away, or still at it.
    pub fn heard(&self, answer: Answer) -> Result<Answer, Gone> {
        let is_away = matches!(answer.status.as_u16(), 502..=504);
        if self.is_patient && (is_away || answer.code() == "idempotency_in_progress") {
            return Err(Gone::from(&answer));
        }
        Ok(answer)
    }

    /// Sends a POST and keeps what became of it; the id in the answer if it succeeded.
    pub async fn post(&self, client: &mut Client, ask: Ask) -> Result<Option<Answer>, Gone> {
        let sent = send(client, &ask).await;
        match sent.and_then(|answer| self.heard(answer)) {
            Ok(answer) => Ok(self.keep(ask, &answer).then_some(answer)),
            Err(gone) => {
                self.read().unknown.push(ask);
                Err(gone)
            }
        }
    }

    /// Keeps an answer; whether it was a success.
    pub fn keep(&self, ask: Ask, answer: &Answer) -> bool {
        self.fits(&ask, answer);
        let mut known = self.read();
        match answer.status {
            StatusCode::CREATED | StatusCode::ACCEPTED => {
                let id = answer.text("id").unwrap();
                if ask.path == "/api/tickets" {
                    // Asked again, this is the first answer: edits since then count.
                    let offer = offer(&answer.json());
                    known
                        .offers
                        .entry(id.clone())
                        .or_insert_with(|| vec![offer]);
                }
                known.created.push((ask, id));
                return true;
            }
            StatusCode::PAYMENT_REQUIRED => known.declined.push(ask),
            _ => {}
        }
        false
    }

    /// Keeps what came of a seller's edit, from one offer to another.
    pub fn edited(
        &self,
        listing: &str,
        (before, after): (Offer, Offer),
        answer: Result<Answer, Gone>,
    ) -> Result<(), Gone> {
        let mut known = self.read();
        // The listing may be one whose own answer never came.
        let offers = known
            .offers
            .entry(listing.to_owned())
            .or_insert_with(|| vec![before]);
        match answer {
            Ok(answer) if answer.status == StatusCode::OK => *offers = vec![after],
            // The load balancer may have sent it twice, and the first was done.
            Ok(answer) if answer.status == StatusCode::PRECONDITION_FAILED => offers.push(after),
            Ok(answer) => assert_eq!(answer.status, StatusCode::CONFLICT, "{:?}", answer.body),
            Err(gone) => {
                offers.push(after);
                return Err(gone);
            }
        }
        Ok(())
    }

    /// The answer is one that this request may get: what is on the list can be ordered, what one has
    /// made can be used; unless the news of it could not get there.
    fn fits(&self, ask: &Ask, answer: &Answer) {
        let refusals: &[u16] = match ask.path.as_str() {
            "/api/tickets" => &[],
            "/api/orders" => &[409],
            "/api/payments" => &[200, 402, 409],
            _ => &[400, 409],
        };
        let status = answer.status.as_u16();
        let fine = matches!(status, 201 | 202) || refusals.contains(&status);
        let fine = fine || self.is_late(ask, answer);
        assert!(fine, "{ask:?}: {status} {:?}", answer.body);
    }

    /// The news of what is asked for could not get there, or another try is still at it.
    pub fn is_late(&self, ask: &Ask, answer: &Answer) -> bool {
        let is_missing = answer.status == StatusCode::NOT_FOUND && ask.path != "/api/tickets";
        self.is_patient && (is_missing || answer.code() == "idempotency_in_progress")
    }
}

/// Sends a POST.
pub async fn send(client: &mut Client, ask: &Ask) -> Result<Answer, Gone> {
    let headers = [("idempotency-key", ask.key.as_str())];
    let sent = client.call("POST", &ask.path, Some(&ask.body), &headers);
    let answer = sent.await?;
    // Apart, the load balancer may outlive what it asks by a moment: it can't tell what came of it.
    let lost = matches!(answer.status.as_u16(), 502..=504);
    if lost && Composition::told() == Composition::Apart {
        return Err(Gone::from(&answer));
    }
    Ok(answer)
}

/// The title and price in a listing.
pub fn offer(ticket: &Value) -> Offer {
    let title = ticket["title"].as_str().unwrap().to_owned();
    (title, ticket["price"].as_i64().unwrap())
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.read();
        let count = |end: &str| {
            known
                .created
                .iter()
                .filter(|(ask, _)| ask.path.ends_with(end))
                .count()
        };
        write!(
            f,
            "{} listed, {} ordered, {} paid, {} refunds, {} declined, {} cancelled, {} withdrawn, {} signed out, {} unknown",
            count("/tickets"),
            count("/orders"),
            count("/payments"),
            count("/refund"),
            known.declined.len(),
            known.cancelled.len(),
            known.withdrawn.len(),
            known.signed_out.len(),
            known.unknown.len()
        )
    }
}
