//! What one person does until the program goes away.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use e2e::{Answer, Client};
use http::StatusCode;
use serde_json::{Value, json};
use testing::random::Seeded;

use super::history::{Ask, Gone, History, offer, send};

/// The pause between two acts of somebody in no hurry.
const PACE: Duration = Duration::from_millis(150);

/// One person at one connection.
pub struct Life<'a> {
    history: &'a History,
    who: usize,
    client: Client,
    seed: u64,
    choices: Seeded,
}

impl<'a> Life<'a> {
    pub fn new(history: &'a History, who: usize, client: Client, seed: u64) -> Self {
        let choices = Seeded::new(seed);
        Self {
            history,
            who,
            client,
            seed,
            choices,
        }
    }

    /// Does one thing after the other.
    pub async fn live(mut self) {
        while self.act().await.is_ok() {}
    }

    /// Does one thing after the other, in no hurry, whatever goes away and comes back, until it is over.
    pub async fn live_through(mut self, over: &AtomicBool) {
        while !over.load(Ordering::Relaxed) {
            if self.act().await.is_err() {
                // The connection may have broken, and the load balancer may not be there yet.
                if let Ok(fresh) = self.client.again().await {
                    self.client = fresh;
                }
            }
            tokio::time::sleep(PACE).await;
        }
    }

    async fn act(&mut self) -> Result<(), Gone> {
        match self.choices.below(100) {
            0..30 => self.list().await,
            30..38 => self.edit().await,
            38..42 => self.withdraw().await,
            42..50 => self.refund().await,
            50..52 => self.sign_in_and_out().await,
            _ => self.buy().await,
        }
    }

    async fn list(&mut self) -> Result<(), Gone> {
        let price = 5 + self.choices.below(50);
        let title = format!("Ticket {}", self.choices.next());
        let draft = json!({"title": title, "price": price});
        self.post("/api/tickets", draft).await.map(drop)
    }

    async fn edit(&mut self) -> Result<(), Gone> {
        let Some(ticket) = self.one_of_mine("listed").await? else {
            return Ok(());
        };
        let (id, before) = (ticket["id"].as_str().unwrap(), offer(&ticket));
        let price = 5 + self.choices.below(50);
        let after = (format!("{}*", before.0), i64::try_from(price).unwrap());
        let draft = json!({"title": after.0, "price": after.1});
        // Only what was looked at is edited: an earlier edit without an answer can't come after this one.
        let looked_at = format!("\"{}\"", ticket["version"].as_i64().unwrap());
        let path = format!("/api/tickets/{id}");
        let edited = self
            .client
            .call("PUT", &path, Some(&draft), &[("if-match", &looked_at)])
            .await
            .map_err(Gone::from)
            .and_then(|answer| self.history.heard(answer));
        self.history.edited(id, (before, after), edited)
    }

    async fn withdraw(&mut self) -> Result<(), Gone> {
        let Some(ticket) = self.one_of_mine("listed").await? else {
            return Ok(());
        };
        let id = ticket["id"].as_str().unwrap();
        let answer = self
            .call("DELETE", &format!("/api/tickets/{id}"), None)
            .await?;
        if answer.status == StatusCode::NO_CONTENT {
            self.history.read().withdrawn.insert(id.to_owned());
        } else {
            assert_eq!(answer.status, StatusCode::CONFLICT, "{:?}", answer.body);
        }
        Ok(())
    }

    async fn refund(&mut self) -> Result<(), Gone> {
        let Some(ticket) = self.one_of_mine("sold").await? else {
            return Ok(());
        };
        let Some(order) = ticket["orderId"].as_str() else {
            return Ok(());
        };
        let body = match self.choices.below(3) {
            0 => json!({"amount": 1}),
            1 => json!({"relist": true}),
            _ => json!({"relist": false}),
        };
        self.post(&format!("/api/orders/{order}/refund"), body)
            .await
            .map(drop)
    }

    /// A second session of the same person, which then ends.
    async fn sign_in_and_out(&mut self) -> Result<(), Gone> {
        let email = format!("person{}@bench.example", self.who);
        let body = json!({"email": email, "password": "correct horse"});
        let mut elsewhere = self.client.again().await?;
        elsewhere.cookie = None;
        let answer = elsewhere
            .post("/api/users/signin", &body)
            .await
            .map_err(Gone::from)
            .and_then(|answer| self.history.heard(answer))?;
        assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
        elsewhere.cookie.clone_from(&answer.cookie);
        let ended = elsewhere
            .post("/api/users/signout", &json!({}))
            .await
            .map_err(Gone::from)
            .and_then(|answer| self.history.heard(answer))?;
        assert_eq!(ended.status, StatusCode::OK, "{:?}", ended.body);
        self.history.read().signed_out.extend(answer.cookie);
        Ok(())
    }

    /// Takes a ticket from the list at the price that stands there, and pays, or does not.
    async fn buy(&mut self) -> Result<(), Gone> {
        let list = self
            .call("GET", "/api/tickets?limit=20", None)
            .await?
            .json();
        let Some(ticket) = self.pick(&list) else {
            return Ok(());
        };
        let wish = json!({"ticketId": ticket["id"], "price": ticket["price"]});
        let Some(order) = self.post("/api/orders", wish).await? else {
            return Ok(());
        };
        assert_eq!(
            order.json()["ticket"]["price"],
            ticket["price"],
            "{:?}",
            order.body
        );
        let id = order.text("id").unwrap();
        match self.choices.below(10) {
            0 => Ok(()),
            1 | 2 => self.cancel(&id).await,
            3 => self.pay(&id, "tok_chargeDeclined").await.map(drop),
            4 => {
                let started = self.pay(&id, "tok_threeDSecureRequired").await?;
                match started.and_then(|answer| answer.text("actionUrl").ok()) {
                    Some(url) => self.confirm(&url).await,
                    None => Ok(()),
                }
            }
            5 => {
                self.pay(&id, "tok_chargeDeclinedExpiredCard").await?;
                self.pay(&id, "tok_amex").await.map(drop)
            }
            _ => self.pay(&id, "tok_visa").await.map(drop),
        }
    }

    async fn cancel(&mut self, order: &str) -> Result<(), Gone> {
        let answer = self
            .call("DELETE", &format!("/api/orders/{order}"), None)
            .await?;
        assert_eq!(answer.status, StatusCode::NO_CONTENT, "{:?}", answer.body);
        self.history.read().cancelled.insert(order.to_owned());
        Ok(())
    }

    async fn pay(&mut self, order: &str, token: &str) -> Result<Option<Answer>, Gone> {
        self.post("/api/payments", json!({"orderId": order, "token": token}))
            .await
    }

    async fn confirm(&mut self, url: &str) -> Result<(), Gone> {
        let form = b"answer=approve".to_vec();
        let answer = self
            .client
            .raw(url, "application/x-www-form-urlencoded", form)
            .await;
        let answer = answer?;
        let status = self.history.heard(answer)?.status;
        assert_eq!(status, StatusCode::SEE_OTHER, "{url}");
        Ok(())
    }

    async fn one_of_mine(&mut self, status: &str) -> Result<Option<Value>, Gone> {
        let mine = self
            .call("GET", "/api/tickets/mine?limit=50", None)
            .await?
            .json();
        let mine = mine.as_array().unwrap().iter();
        let fitting: Value = mine
            .filter(|ticket| ticket["status"] == status)
            .cloned()
            .collect();
        Ok(self.pick(&fitting))
    }

    fn pick(&self, list: &Value) -> Option<Value> {
        let list = list.as_array().unwrap();
        let place = self.choices.below(list.len() as u64);
        list.get(usize::try_from(place).unwrap()).cloned()
    }

    /// A POST; now and then sent a second time, which must say the same.
    async fn post(&mut self, path: &str, body: Value) -> Result<Option<Answer>, Gone> {
        let key = format!("{}-{}-{}", self.who, self.seed, self.choices.next());
        let ask = Ask {
            who: self.who,
            path: path.to_owned(),
            body,
            key,
        };
        let answer = self.history.post(&mut self.client, ask.clone()).await?;
        if self.choices.below(10) == 0
            && let Some(first) = &answer
        {
            let again = send(&mut self.client, &ask).await?;
            let again = self.history.heard(again)?;
            let (first, again) = (
                (first.status, first.text("id").ok()),
                (again.status, again.text("id").ok()),
            );
            assert_eq!(first, again, "{ask:?} sent twice");
        }
        Ok(answer)
    }

    async fn call(
        &mut self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, Gone> {
        let answer = self
            .client
            .call(method, path, body, &[])
            .await
            .map_err(Gone::from)
            .and_then(|answer| self.history.heard(answer))?;
        assert!(
            !answer.status.is_server_error(),
            "{method} {path}: {:?}",
            answer.body
        );
        Ok(answer)
    }
}
