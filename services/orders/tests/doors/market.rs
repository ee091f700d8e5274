//! A world with orders alone: tickets, payments and expiration are pretended.

use std::sync::Arc;
use std::time::Duration;

use contracts::Envelope;
use contracts::envelope;
use contracts::events::expiration::{Timer, TimerFact, TimerState};
use contracts::events::orders::{Order, OrderFact, OrderState, OrderStatus};
use contracts::events::payments::{Payment, PaymentFact, PaymentState, PaymentStatus};
use contracts::events::tickets::{LockRefusal, Ticket, TicketFact, TicketState, TicketStatus};
use contracts::ids::{OrderId, PaymentId, TicketId, UserId};
use contracts::money::Currency;
use orders::Settings;
use platform::{Clock, Tx, params};
use serde_json::{Value, json};
use testing::owner::Owner;
use testing::{Answered, World};

/// The whole setting of a test.
pub struct Market {
    pub world: World,
    pub tickets: Owner,
    pub payments: Owner,
    pub expiration: Owner,
}

/// Somebody who is signed in.
#[derive(Clone)]
pub struct Person {
    pub id: UserId,
    pub cookie: String,
}

impl Market {
    pub async fn open() -> Self {
        Self::open_with(Settings::default()).await
    }

    pub async fn open_with(settings: Settings) -> Self {
        let world = World::start(vec![orders::service(settings)]).await.unwrap();
        let tickets = world.owner("tickets").await;
        let payments = world.owner("payments").await;
        let expiration = world.owner("expiration").await;
        Self {
            world,
            tickets,
            payments,
            expiration,
        }
    }

    pub async fn close(self) {
        self.world.end().await.unwrap();
    }

    pub fn person(&self) -> Person {
        let id = self.world.new_id();
        Person {
            id,
            cookie: self.world.cookie_of(id).unwrap(),
        }
    }

    /// A ticket for 19.99 that nobody has heard of yet.
    pub fn ticket(&self, seller: &Person) -> TicketState {
        TicketState {
            id: self.world.new_id(),
            seller_id: seller.id,
            title: "Front row".to_owned(),
            price_minor: 1999,
            currency: Currency::USD,
            status: TicketStatus::Listed,
            offer_version: 1,
            epoch: 0,
            created_at: self.world.clock.now(),
        }
    }

    pub async fn listed(&self, seller: &Person) -> TicketState {
        let ticket = self.ticket(seller);
        self.publish_ticket(&ticket, TicketFact::Listed).await;
        ticket
    }

    pub async fn publish_ticket(&self, ticket: &TicketState, fact: TicketFact) {
        self.tickets
            .publish::<Ticket>(&ticket.id.to_string(), &fact, ticket)
            .await
            .unwrap();
    }

    pub async fn post(&self, person: &Person, path: &str, body: Value) -> Answered {
        self.world
            .call("POST", path, Some(&person.cookie), Some(body))
            .await
            .unwrap()
    }

    pub async fn get(&self, person: &Person, path: &str) -> Answered {
        self.world
            .call("GET", path, Some(&person.cookie), None)
            .await
            .unwrap()
    }

    pub async fn delete(&self, person: &Person, path: &str) -> Answered {
        self.world
            .call("DELETE", path, Some(&person.cookie), None)
            .await
            .unwrap()
    }

    pub async fn ask(&self, person: &Person, ticket_id: TicketId) -> Answered {
        self.post(person, "/api/orders", json!({ "ticketId": ticket_id }))
            .await
    }

    /// Reserves the ticket; the state of order.created.
    pub async fn reserve(&self, person: &Person, ticket_id: TicketId) -> OrderState {
        let answered = self.ask(person, ticket_id).await;
        assert_eq!(answered.status, 201, "{}", answered.body);
        let id: OrderId = serde_json::from_value(answered.json()["id"].clone()).unwrap();
        self.heard(id, OrderStatus::Created).await
    }

    /// Reserves the ticket and lets tickets lock it.
    pub async fn held(&self, person: &Person, ticket: &TicketState) -> OrderState {
        let order = self.reserve(person, ticket.id).await;
        self.lock(ticket, &order).await;
        self.heard(order.id, OrderStatus::AwaitingPayment).await
    }

    pub async fn lock(&self, ticket: &TicketState, order: &OrderState) {
        let (order_id, epoch) = (order.id, order.epoch);
        let locked = TicketStatus::Locked { order_id };
        let ticket = TicketState {
            status: locked,
            epoch,
            ..ticket.clone()
        };
        self.publish_ticket(&ticket, TicketFact::Locked { order_id, epoch })
            .await;
    }

    pub async fn refuse_lock(&self, ticket: &TicketState, order: &OrderState, reason: LockRefusal) {
        let (order_id, epoch) = (order.id, order.epoch);
        let ticket = TicketState {
            epoch,
            ..ticket.clone()
        };
        self.publish_ticket(
            &ticket,
            TicketFact::LockRefused {
                order_id,
                epoch,
                reason,
            },
        )
        .await;
    }

    /// Lets the order's timer ring, until orders has dealt with it.
    pub async fn ring(&self, order: &OrderState) {
        let state = TimerState {
            order_id: order.id,
            due_at: order.expires_at,
        };
        let subject = order.id.to_string();
        let rung = self
            .expiration
            .publish::<Timer>(&subject, &TimerFact::Due, &state)
            .await;
        self.dealt_with(&rung.unwrap()).await;
    }

    /// Waits until orders has dealt with the event, whether or not something came of it.
    pub async fn dealt_with(&self, event: &Envelope) {
        let db = &self.world.gates["orders"].context.db;
        let sql = "select 1 from cursors where aggregate = $1 and subject = $2 and version >= $3";
        let (aggregate, subject) = (event.aggregate.clone(), event.subject.clone());
        let version = event.aggregateversion;
        let look = async || {
            let (aggregate, subject) = (aggregate.clone(), subject.clone());
            let read = async move |tx: &mut Tx| {
                tx.query_opt(sql, params![aggregate, subject, version])
                    .await
            };
            Ok(db.read(read).await?.map(drop))
        };
        self.world.until(look).await.unwrap();
    }

    /// A payment of the whole price that nobody has heard of yet.
    pub fn payment(&self, order: &OrderState) -> PaymentState {
        PaymentState {
            id: self.world.new_id::<PaymentId>(),
            order_id: order.id,
            buyer_id: order.buyer_id,
            amount_minor: order.price_minor,
            currency: order.currency,
            status: PaymentStatus::Started,
            refunded_minor: 0,
            failure_code: None,
            created_at: self.world.clock.now(),
        }
    }

    pub async fn publish_payment(
        &self,
        payment: &PaymentState,
        fact: PaymentFact,
    ) -> Arc<Envelope> {
        let subject = payment.id.to_string();
        self.payments
            .publish::<Payment>(&subject, &fact, payment)
            .await
            .unwrap()
    }

    /// Reserves, locks and pays the ticket.
    pub async fn paid(&self, person: &Person, ticket: &TicketState) -> (OrderState, PaymentState) {
        let order = self.held(person, ticket).await;
        let payment = self.payment(&order);
        for fact in [
            PaymentFact::Started,
            PaymentFact::Authorized,
            PaymentFact::Captured,
        ] {
            self.publish_payment(&payment, fact).await;
        }
        (self.heard(order.id, OrderStatus::Complete).await, payment)
    }

    /// Waits until orders has said that the order is in this state.
    pub async fn heard(&self, id: OrderId, status: OrderStatus) -> OrderState {
        self.said(id, |state, _| state.status == status).await
    }

    /// Waits until orders has said something about the order.
    pub async fn said(
        &self,
        id: OrderId,
        wanted: impl Fn(&OrderState, &OrderFact) -> bool,
    ) -> OrderState {
        let wanted = |state: &OrderState, fact: Option<&OrderFact>| {
            state.id == id && fact.is_some_and(|fact| wanted(state, fact))
        };
        let event = self.world.wait_for_event::<Order>(wanted).await.unwrap();
        envelope::decode_state::<Order>(&event).unwrap()
    }

    /// What orders has said about an order so far, once everything is published; without holes.
    pub async fn story(&self, id: OrderId) -> Vec<OrderFact> {
        self.world.settle().await.unwrap();
        let events = self.world.events.lock().unwrap();
        let subject = id.to_string();
        let mut about: Vec<_> = events
            .iter()
            .filter(|event| event.aggregate == "order" && event.subject == subject)
            .collect();
        about.sort_by_key(|event| event.aggregateversion);
        about.dedup_by_key(|event| event.aggregateversion);
        for (place, event) in (1..).zip(&about) {
            assert_eq!(event.aggregateversion, place, "a hole");
        }
        about
            .iter()
            .map(|event| envelope::decode_fact::<Order>(event).unwrap())
            .collect()
    }

    pub fn advance(&self, seconds: u64) {
        self.world.clock.advance(Duration::from_secs(seconds));
    }

    /// Lets `asked` wait on the clock of the world, and moves it on.
    pub async fn meanwhile<T>(&self, asked: impl Future<Output = T>, seconds: u64) -> T {
        let moved = async {
            // Machine time on purpose: the request has to begin first.
            tokio::time::sleep(Duration::from_millis(100)).await;
            self.advance(seconds);
        };
        futures::future::join(asked, moved).await.0
    }
}

pub fn path(order: &OrderState) -> String {
    format!("/api/orders/{}", order.id)
}
