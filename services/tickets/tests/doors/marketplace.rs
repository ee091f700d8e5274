//! The service with a pretended owner of orders.

use contracts::Timestamp;
use contracts::events::orders::{CancelReason, Order, OrderFact, OrderState, OrderStatus};
use contracts::events::tickets::{Ticket, TicketFact, TicketState, TicketStatus};
use contracts::ids::{OrderId, PaymentId, TicketId, UserId};
use contracts::money::Currency;
use serde_json::{Value, json};
use testing::owner::Owner;
use testing::{Answered, World};

/// Tickets, a seller who is signed in, and orders in our hands.
pub struct Marketplace {
    pub world: World,
    pub orders: Owner,
    pub seller: UserId,
    /// The seller's `Cookie` header.
    pub cookie: String,
}

impl Marketplace {
    pub async fn open() -> Self {
        let services = vec![tickets::service(tickets::Settings::default())];
        let world = World::start(services).await.unwrap();
        let orders = world.owner("orders").await;
        let seller = world.new_id();
        let cookie = world.cookie_of(seller).unwrap();
        Self {
            world,
            orders,
            seller,
            cookie,
        }
    }

    pub async fn close(self) {
        self.world.end().await.unwrap();
    }

    pub fn stranger(&self) -> String {
        self.world.cookie_of(self.world.new_id()).unwrap()
    }

    pub async fn get(&self, path: &str) -> Answered {
        self.world.call("GET", path, None, None).await.unwrap()
    }

    pub async fn post(&self, body: Value) -> Answered {
        let cookie = Some(self.cookie.as_str());
        self.world
            .call("POST", "/api/tickets", cookie, Some(body))
            .await
            .unwrap()
    }

    pub async fn put(&self, id: TicketId, cookie: &str, body: Value) -> Answered {
        let path = format!("/api/tickets/{id}");
        self.world
            .call("PUT", &path, Some(cookie), Some(body))
            .await
            .unwrap()
    }

    pub async fn delete(&self, id: TicketId, cookie: &str) -> Answered {
        let path = format!("/api/tickets/{id}");
        self.world
            .call("DELETE", &path, Some(cookie), None)
            .await
            .unwrap()
    }

    /// Lists a ticket for $20.
    pub async fn list(&self, title: &str) -> TicketId {
        let answer = self.post(json!({"title": title, "price": 20})).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        id_in(&answer.json())
    }

    pub async fn show(&self, id: TicketId) -> Value {
        let answer = self.get(&format!("/api/tickets/{id}")).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    }

    /// The titles of a list, and the address of its next page.
    pub async fn titles(&self, path: &str) -> (Vec<String>, Option<String>) {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        titles_in(&answer)
    }

    /// An order's first state, on the ticket's present offer.
    pub async fn order_on(&self, id: TicketId, epoch: i64) -> OrderState {
        let ticket = self.show(id).await;
        let now = self.world.clock_now();
        OrderState {
            id: self.world.new_id(),
            ticket_id: id,
            buyer_id: self.world.new_id(),
            seller_id: self.seller,
            title: ticket["title"].as_str().unwrap().to_owned(),
            price_minor: ticket["price"].as_i64().unwrap() * 100,
            currency: Currency::USD,
            offer_version: ticket["offerVersion"].as_i64().unwrap(),
            epoch,
            status: OrderStatus::Created,
            created_at: now,
            expires_at: now,
            payment_id: None,
            cancel_reason: None,
            refunded_minor: 0,
        }
    }

    pub async fn publish(&self, fact: OrderFact, state: &OrderState) {
        self.orders
            .publish::<Order>(&state.id.to_string(), &fact, state)
            .await
            .unwrap();
    }

    /// Places an order and waits for the lock.
    pub async fn lock(&self, id: TicketId, epoch: i64) -> OrderState {
        let order = self.order_on(id, epoch).await;
        self.publish(OrderFact::Created, &order).await;
        self.said(id, |fact| {
            *fact
                == TicketFact::Locked {
                    order_id: order.id,
                    epoch,
                }
        })
        .await;
        order
    }

    /// Places an order, pays it, and waits for the sale.
    pub async fn sell(&self, id: TicketId, epoch: i64) -> OrderState {
        let order = self.lock(id, epoch).await;
        let order = OrderState {
            status: OrderStatus::Complete,
            ..order
        };
        let payment_id: PaymentId = self.world.new_id();
        self.publish(OrderFact::Completed { payment_id }, &order)
            .await;
        self.said(id, |fact| *fact == TicketFact::Sold { order_id: order.id })
            .await;
        order
    }

    pub async fn cancel(&self, order: &OrderState) {
        let state = OrderState {
            status: OrderStatus::Cancelled,
            ..order.clone()
        };
        self.publish(
            OrderFact::Cancelled {
                reason: CancelReason::Buyer,
            },
            &state,
        )
        .await;
    }

    /// Waits for the ticket's event.
    pub async fn said(&self, id: TicketId, wanted: impl Fn(&TicketFact) -> bool) -> TicketState {
        let event = self
            .world
            .wait_for_event::<Ticket>(|state, fact| state.id == id && fact.is_some_and(&wanted))
            .await
            .unwrap();
        contracts::envelope::decode_state::<Ticket>(&event).unwrap()
    }

    /// The types of the ticket's events so far, once everything is handled.
    pub async fn history(&self, id: TicketId) -> Vec<String> {
        self.world.settle().await.unwrap();
        let events = self.world.events.lock().unwrap();
        let of_ticket = events
            .iter()
            .filter(|event| event.subject == id.to_string());
        let name = |kind: &str| kind.split('.').nth(2).unwrap_or_default().to_owned();
        of_ticket.map(|event| name(&event.kind)).collect()
    }
}

/// What the world's clock shows.
trait Now {
    fn clock_now(&self) -> Timestamp;
}

impl Now for World {
    fn clock_now(&self) -> Timestamp {
        platform::Clock::now(self.clock.as_ref())
    }
}

pub fn id_in(ticket: &Value) -> TicketId {
    ticket["id"].as_str().unwrap().parse().unwrap()
}

pub fn holder_in(status: TicketStatus) -> Option<OrderId> {
    match status {
        TicketStatus::Locked { order_id } | TicketStatus::Sold { order_id } => Some(order_id),
        TicketStatus::Listed | TicketStatus::Withdrawn => None,
    }
}

pub fn titles_in(answer: &Answered) -> (Vec<String>, Option<String>) {
    let list = answer.json();
    let titles = list.as_array().unwrap().iter();
    let titles = titles
        .map(|ticket| ticket["title"].as_str().unwrap().to_owned())
        .collect();
    let link = answer
        .headers
        .get("link")
        .map(|link| link.to_str().unwrap());
    let next = link.map(|link| {
        let (address, relation) = link.split_once('>').unwrap();
        assert_eq!(relation, "; rel=\"next\"");
        address.trim_start_matches('<').to_owned()
    });
    (titles, next)
}

/// The fields that a problem names, with their messages.
pub fn errors_in(answer: &Answered) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let problem = answer.json();
    let errors = problem["errors"].as_array().unwrap().iter();
    errors
        .map(|error| (text(&error["field"]), text(&error["message"])))
        .collect()
}
