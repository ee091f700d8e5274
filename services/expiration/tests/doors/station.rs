//! The service with a pretended owner of orders.

use std::time::Duration;

use contracts::events::expiration::Timer;
use contracts::events::orders::{CancelReason, Order, OrderFact, OrderState, OrderStatus};
use contracts::ids::OrderId;
use contracts::money::Currency;
use contracts::{Envelope, Timestamp};
use expiration::{Repeats, Settings};
use platform::clock::later;
use platform::{Clock, Service};
use testing::World;
use testing::owner::Owner;

/// Expiration, and orders in our hands.
pub struct Station {
    pub world: World,
    pub orders: Owner,
}

pub fn services() -> Vec<Service> {
    vec![expiration::service(Settings::default())]
}

/// Waits half a minute before it rings again.
pub fn patient() -> Vec<Service> {
    let wait = Duration::from_secs(30);
    let defaults = Settings::default();
    vec![expiration::service(Settings {
        repeats: Repeats {
            first: wait,
            longest: wait,
            ..defaults.repeats
        },
        ..defaults
    })]
}

impl Station {
    pub async fn open() -> Self {
        let world = World::start(services()).await.unwrap();
        let orders = world.owner("orders").await;
        Self { world, orders }
    }

    /// Where further replicas can be started; nobody is rung twice within half a minute.
    pub async fn open_shared() -> Self {
        let world = World::start_shared(patient()).await.unwrap();
        let orders = world.owner("orders").await;
        Self { world, orders }
    }

    pub async fn close(self) {
        self.world.end().await.unwrap();
    }

    pub fn now(&self) -> Timestamp {
        self.world.clock.now()
    }

    /// Places an order that expires after a while.
    pub async fn place(&self, expires_in: Duration) -> OrderState {
        let order = order(&self.world, expires_in);
        self.publish(OrderFact::Created, &order).await;
        order
    }

    /// The order takes another status.
    pub async fn becomes(&self, order: &OrderState, status: OrderStatus) {
        let payment_id = self.world.new_id();
        let fact = match status {
            OrderStatus::Created => OrderFact::Created,
            OrderStatus::AwaitingPayment => OrderFact::AwaitingPayment,
            OrderStatus::Capturing => OrderFact::Capturing { payment_id },
            OrderStatus::Complete => OrderFact::Completed { payment_id },
            _ => OrderFact::Cancelled {
                reason: CancelReason::Buyer,
            },
        };
        self.publish(
            fact,
            &OrderState {
                status,
                ..order.clone()
            },
        )
        .await;
    }

    /// The order can be paid until another time.
    pub async fn extend(&self, order: &OrderState, expires_at: Timestamp) {
        let status = OrderStatus::AwaitingPayment;
        let state = OrderState {
            status,
            expires_at,
            ..order.clone()
        };
        self.publish(OrderFact::Extended, &state).await;
    }

    pub async fn publish(&self, fact: OrderFact, state: &OrderState) {
        self.orders
            .publish::<Order>(&state.id.to_string(), &fact, state)
            .await
            .unwrap();
        self.heard(state).await;
    }

    /// Waits until the copy is as this state, so that moving the clock comes after it.
    async fn heard(&self, state: &OrderState) {
        let db = self.world.gates["expiration"].context.db.clone();
        let wanted = serde_json::to_value(state.status).unwrap();
        let sql = "select status, expires_at from order_copies where order_id = $1";
        let id = state.id;
        self.world
            .until(async || {
                let read = async move |tx: &mut platform::Tx| {
                    tx.query_opt(sql, platform::params![id]).await
                };
                let Some(row) = db.read(read).await? else {
                    return Ok(None);
                };
                let same = row.get::<String>(0)? == wanted.as_str().unwrap_or_default()
                    && row.get::<Timestamp>(1)? == state.expires_at;
                Ok(same.then_some(()))
            })
            .await
            .unwrap();
    }

    pub fn advance(&self, seconds: f64) {
        self.world.clock.advance(Duration::from_secs_f64(seconds));
    }

    /// Waits for the timer's ring of this number and answers when it was.
    pub async fn ring(&self, order: &OrderState, number: i64) -> Timestamp {
        rung(&self.world, order.id, number).await
    }

    /// How often the order's timer has rung by now.
    pub fn rings(&self, order: &OrderState) -> usize {
        let events = self.world.events.lock().unwrap();
        let subject = order.id.to_string();
        events
            .iter()
            .filter(|e| e.aggregate == "timer" && e.subject == subject)
            .count()
    }
}

pub async fn rung(world: &World, id: OrderId, number: i64) -> Timestamp {
    let look = async || {
        let events = world.events.lock().unwrap();
        let subject = id.to_string();
        let is_it = |event: &Envelope| {
            event.aggregate == "timer"
                && event.subject == subject
                && event.aggregateversion == number
        };
        Ok(events.iter().find(|event| is_it(event)).cloned())
    };
    let event = world.until(look).await.unwrap();
    let state = contracts::envelope::decode_state::<Timer>(&event).unwrap();
    assert!(
        event.time >= state.due_at,
        "rung at {}, before {}",
        event.time,
        state.due_at
    );
    event.time
}

pub fn order(world: &World, expires_in: Duration) -> OrderState {
    let now = world.clock.now();
    OrderState {
        id: world.new_id(),
        ticket_id: world.new_id(),
        buyer_id: world.new_id(),
        seller_id: world.new_id(),
        title: "Jazz night".to_owned(),
        price_minor: 2_000,
        currency: Currency::USD,
        offer_version: 1,
        epoch: 1,
        status: OrderStatus::Created,
        created_at: now,
        expires_at: later(now, expires_in),
        payment_id: None,
        cancel_reason: None,
        refunded_minor: 0,
    }
}
