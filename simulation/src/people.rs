//! People: they list, race for the same tickets, pay in time or late, change their minds, click twice.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::client::{Client, Wish};
use crate::executor::FOREVER;
use crate::history::{Act, Outcome};

/// How many offers are known at a time: few, so that many want the same.
const OFFERS: usize = 6;

/// What people know of the market. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Market(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    offers: Vec<Offer>,
    sold: Vec<(String, usize)>,
    listed: usize,
}

#[derive(Debug, Clone)]
struct Offer {
    ticket: String,
    seller: usize,
    price: String,
}

impl Market {
    fn with<T>(&self, look: impl FnOnce(&mut Known) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What a person does on the market.
pub struct Person {
    /// The way there.
    pub client: Client,
    /// What is known of it.
    pub market: Market,
}

const MILLI: Duration = Duration::from_millis(1);

impl Person {
    /// Does things until the time is up.
    pub async fn live(&self, until: Duration) {
        self.sign_up().await;
        while self.client.world.executor.now() < until {
            self.client.pause(30 * MILLI, 600 * MILLI).await;
            if self.client.cookie().is_none() {
                self.sign_in().await;
                continue;
            }
            match self.client.choices.below(100) {
                0..22 => self.list().await,
                22..76 => self.buy().await,
                76..82 => self.edit().await,
                82..85 => self.withdraw().await,
                85..93 => self.refund().await,
                93..96 => self.sign_out().await,
                _ => self.look().await,
            }
        }
    }

    fn wish(act: Act, method: &'static str, path: String, body: Option<Value>) -> Wish {
        Wish {
            act,
            method,
            path,
            body,
            key: None,
        }
    }

    fn key(&self) -> Option<String> {
        // Some clients know no keys.
        let key = format!(
            "{:016x}{:016x}",
            self.client.choices.next(),
            self.client.choices.next()
        );
        self.client.chance(85).then_some(key)
    }

    fn credentials(&self) -> Value {
        let email = format!("person{}@people.example", self.client.number);
        json!({"email": email, "password": "correct horse battery"})
    }

    async fn sign_up(&self) {
        let path = "/api/users/signup".to_owned();
        let mut wish = Self::wish(Act::SignUp, "POST", path, Some(self.credentials()));
        wish.key = self.key();
        self.enter(wish).await;
    }

    async fn sign_in(&self) {
        let path = "/api/users/signin".to_owned();
        let wish = Self::wish(Act::SignIn, "POST", path, Some(self.credentials()));
        if !self.enter(wish).await {
            self.sign_up().await;
        }
    }

    async fn enter(&self, wish: Wish) -> bool {
        let (outcome, answer) = self.client.send(&wish).await;
        let cookie = answer
            .filter(|answer| answer.status.is_success())
            .and_then(|answer| {
                let cookie = answer.headers.get("set-cookie")?.to_str().ok()?;
                Some(cookie.split(';').next()?.to_owned())
            });
        let entered = cookie.is_some();
        if entered {
            self.client.set_cookie(cookie);
            self.is_oneself(&outcome).await;
        }
        entered
    }

    /// The session is that of the person whom the answer was about.
    async fn is_oneself(&self, outcome: &Outcome) {
        let path = "/api/users/currentuser".to_owned();
        let wish = Self::wish(Act::Look, "GET", path, None);
        let (_, Some(answer)) = self.client.send(&wish).await else {
            return;
        };
        let answer = answer.json();
        let id = answer.pointer("/currentUser/id").and_then(Value::as_str);
        if let (Outcome::Acknowledged(_, told), Some(id)) = (outcome, id)
            && told != id
        {
            let what = format!("D2: whoever was told to be {told} is signed in as {id}");
            self.client.history.broken(what);
        }
    }

    async fn sign_out(&self) {
        let path = "/api/users/signout".to_owned();
        let (outcome, _) = self
            .client
            .send(&Self::wish(Act::SignOut, "POST", path, None))
            .await;
        if let (Outcome::Acknowledged(..), Some(cookie)) = (outcome, self.client.cookie()) {
            self.client.history.ended(&cookie);
            self.client.set_cookie(None);
        }
    }

    async fn list(&self) {
        let number = self.market.with(|known| {
            known.listed += 1;
            known.listed
        });
        let title = format!("Concert {number}");
        let price = self.price();
        let body = json!({"title": title, "price": price});
        let mut wish = Self::wish(Act::List, "POST", "/api/tickets".to_owned(), Some(body));
        wish.key = self.key();
        if wish.key.is_some() {
            self.client.history.lists(&title);
        }
        if let Outcome::Acknowledged(_, ticket) = self.twice(&wish).await {
            let seller = self.client.number;
            self.market.with(|known| {
                known.offers.push(Offer {
                    ticket,
                    seller,
                    price,
                });
                if known.offers.len() > OFFERS {
                    known.offers.remove(0);
                }
            });
        }
    }

    fn price(&self) -> String {
        let choices = &self.client.choices;
        format!("{}.{:02}", 1 + choices.below(200), choices.below(100))
    }

    /// Sends a request, some of the time twice at once; both are told the same.
    async fn twice(&self, wish: &Wish) -> Outcome {
        if wish.key.is_none() || !self.client.chance(10) {
            return self.client.send(wish).await.0;
        }
        let (tell, told) = oneshot::channel();
        let (client, again) = (self.client.clone(), wish.clone());
        self.client.world.executor.spawn(FOREVER, async move {
            drop(tell.send(client.send(&again).await.0));
        });
        let (first, second) = (self.client.send(wish).await.0, told.await);
        match (first, second) {
            (Outcome::Acknowledged(status, id), _) => Outcome::Acknowledged(status, id),
            (_, Ok(second)) => second,
            (first, Err(_)) => first,
        }
    }

    fn offer(&self, is_own: bool) -> Option<Offer> {
        let me = self.client.number;
        let offers: Vec<Offer> = self.market.with(|known| {
            let fit = known
                .offers
                .iter()
                .filter(|offer| (offer.seller == me) == is_own);
            fit.cloned().collect()
        });
        self.client.choices.one_of(&offers).cloned()
    }

    async fn edit(&self) {
        let Some(offer) = self.offer(true) else {
            return;
        };
        let price = self.price();
        let body = json!({"title": format!("{} again", offer.ticket), "price": price});
        let path = format!("/api/tickets/{}", offer.ticket);
        let (outcome, _) = self
            .client
            .send(&Self::wish(Act::Edit, "PUT", path, Some(body)))
            .await;
        if matches!(outcome, Outcome::Acknowledged(..)) {
            self.market.with(|known| {
                let same = known
                    .offers
                    .iter_mut()
                    .filter(|known| known.ticket == offer.ticket);
                same.for_each(|known| known.price.clone_from(&price));
            });
        }
    }

    async fn withdraw(&self) {
        let Some(offer) = self.offer(true) else {
            return;
        };
        let path = format!("/api/tickets/{}", offer.ticket);
        self.client
            .send(&Self::wish(Act::Withdraw, "DELETE", path, None))
            .await;
    }

    async fn buy(&self) {
        let Some(offer) = self.offer(self.client.chance(3)) else {
            return self.list().await;
        };
        let body = if self.client.chance(80) {
            json!({"ticketId": offer.ticket, "price": offer.price})
        } else {
            json!({"ticketId": offer.ticket})
        };
        let mut wish = Self::wish(Act::Reserve, "POST", "/api/orders".to_owned(), Some(body));
        wish.key = self.key();
        if let Outcome::Acknowledged(_, order) = self.twice(&wish).await {
            self.decide(&offer, order).await;
        }
    }

    async fn decide(&self, offer: &Offer, order: String) {
        let hold = self.client.world.terms.hold;
        match self.client.choices.below(100) {
            0..60 => {
                self.client.pause(Duration::ZERO, 800 * MILLI).await;
                self.pay(offer, &order).await;
            }
            60..72 => {
                let early = hold.saturating_sub(Duration::from_millis(400));
                self.client.pause(early, hold + 400 * MILLI).await;
                self.pay(offer, &order).await;
            }
            72..78 => {
                let (tell, told) = oneshot::channel();
                let (client, path) = (self.client.clone(), format!("/api/orders/{order}"));
                self.client.world.executor.spawn(FOREVER, async move {
                    client.pause(Duration::ZERO, 20 * MILLI).await;
                    drop(
                        tell.send(
                            client
                                .send(&Self::wish(Act::Cancel, "DELETE", path, None))
                                .await,
                        ),
                    );
                });
                self.pay(offer, &order).await;
                drop(told.await);
            }
            78..90 => {
                self.client.pause(Duration::ZERO, 500 * MILLI).await;
                let path = format!("/api/orders/{order}");
                self.client
                    .send(&Self::wish(Act::Cancel, "DELETE", path, None))
                    .await;
            }
            _ => {}
        }
    }

    async fn pay(&self, offer: &Offer, order: &str) {
        for _ in 0..2 {
            let token = match self.client.choices.below(20) {
                0..14 => "tok_visa",
                14..17 => "tok_chargeDeclined",
                17 => "tok_captureDeclined",
                _ => "tok_threeDSecureRequired",
            };
            let body = json!({"orderId": order, "token": token});
            let mut wish = Self::wish(Act::Pay, "POST", "/api/payments".to_owned(), Some(body));
            wish.key = self.key();
            let outcome = self.twice(&wish).await;
            if token == "tok_threeDSecureRequired" {
                self.confirm(order).await;
            }
            match outcome {
                Outcome::Refused(402, _) => {}
                Outcome::Acknowledged(..) => {
                    let sold = (order.to_owned(), offer.seller);
                    return self.market.with(|known| known.sold.push(sold));
                }
                _ => return,
            }
        }
    }

    /// Confirms at the provider what is to be confirmed, or says no.
    async fn confirm(&self, order: &str) {
        let path = format!("/api/payments?orderId={order}");
        let (_, answer) = self
            .client
            .send(&Self::wish(Act::Look, "GET", path, None))
            .await;
        let payments = answer.map(|answer| answer.json()).unwrap_or_default();
        for payment in payments.as_array().into_iter().flatten() {
            let Some(url) = payment.get("actionUrl").and_then(Value::as_str) else {
                continue;
            };
            self.client
                .pause(Duration::ZERO, Duration::from_secs(2))
                .await;
            let reference = url.rsplit('/').next().unwrap_or_default().to_owned();
            let approved = self.client.chance(80);
            drop(
                self.client
                    .world
                    .provider
                    .confirm(&reference, approved)
                    .await,
            );
        }
    }

    async fn refund(&self) {
        let me = self.client.number;
        let sold = self.market.with(|known| {
            let place = known.sold.iter().position(|(_, seller)| *seller == me)?;
            Some(known.sold.remove(place).0)
        });
        let Some(order) = sold else { return };
        let relist = self.client.chance(50);
        let body = if self.client.chance(25) {
            json!({"relist": relist, "amount": "0.50"})
        } else {
            json!({"relist": relist})
        };
        let path = format!("/api/orders/{order}/refund");
        let mut wish = Self::wish(Act::Refund, "POST", path, Some(body));
        wish.key = self.key();
        self.twice(&wish).await;
    }

    async fn look(&self) {
        let paths = [
            "/api/tickets",
            "/api/tickets/mine",
            "/api/orders",
            "/api/users/sessions",
        ];
        let drawn = usize::try_from(self.client.choices.below(4)).unwrap_or(0);
        let path = paths.get(drawn).copied().unwrap_or("/api/tickets");
        self.client
            .send(&Self::wish(Act::Look, "GET", path.to_owned(), None))
            .await;
    }
}
