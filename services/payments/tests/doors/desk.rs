//! A running payments service with a pretended orders, and the sandbox to look into.

mod time;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use contracts::events::orders::{Order, OrderFact, OrderState, OrderStatus};
use contracts::events::payments::{Payment, PaymentFact};
use contracts::ids::{OrderId, PaymentId, UserId};
use contracts::money::Currency;
use http::{HeaderMap, Request};
use payments::audit::{self, Finding};
use payments::domain::charge::Charge;
use payments::domain::ledger::Account;
use payments::provider::sandbox::behaviour::Behaviour;
use payments::provider::sandbox::{MIGRATIONS, Sandbox};
use payments::provider::signature::Secret;
use payments::provider::{Position, Provider};
use payments::{Settings, store};
use platform::db::{Surroundings, Wakers};
use platform::random::SystemRandom;
use platform::{Clock, Db, Tx};
use serde_json::{Value, json};
use tempfile::TempDir;
use testing::backup::Backup;
use testing::owner::Owner;
use testing::postgres::Databases;
use testing::{Answered, Replica, TestClock, World};

/// For how long an attempt has its act to itself, by the default settings.
const LEASE: Duration = Duration::from_secs(70);

/// Everything that a test of payments needs.
pub struct Desk {
    pub world: World,
    pub orders: Owner,
    pub sandbox: Arc<Sandbox>,
    pub buyer: UserId,
    pub seller: UserId,
    /// The sandbox has a clock of its own, as a real provider has.
    sandbox_clock: Arc<TestClock>,
    /// What only the provider looks into.
    pub sandbox_db: Db,
    pub settings: Settings,
    _directory: TempDir,
}

impl Desk {
    pub async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    pub async fn open_with(change: impl FnOnce(&mut Settings)) -> Self {
        let databases = Databases::wanted().unwrap();
        Self::open_on(databases, Vec::new(), change).await
    }

    /// The provider tells by itself what becomes of charges.
    pub async fn open_told() -> Self {
        let databases = Databases::wanted().unwrap();
        Self::open_on(databases, vec![secret()], |_| {}).await
    }

    /// Where further replicas can be started.
    pub async fn open_shared() -> Self {
        Self::open_on(Some(Databases::new().unwrap()), Vec::new(), |_| {}).await
    }

    async fn open_on(
        databases: Option<Arc<Databases>>,
        secrets: Vec<Secret>,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let sandbox_clock = TestClock::new();
        let sandbox_db = sandbox_db(&directory, databases.as_deref(), &sandbox_clock).await;
        let provider = sandbox(sandbox_db.clone(), &sandbox_clock);
        let mut settings = Settings::with_sandbox(provider, secrets);
        let sandbox = settings.sandbox.clone().unwrap();
        change(&mut settings);
        let services = vec![payments::service(settings.clone())];
        let world = World::start_on(databases, services).await.unwrap();
        let orders = world.owner("orders").await;
        let (buyer, seller) = (world.new_id(), world.new_id());
        Self {
            world,
            orders,
            sandbox,
            buyer,
            seller,
            sandbox_clock,
            sandbox_db,
            settings,
            _directory: directory,
        }
    }

    /// The process dies and starts again; orders and the provider go on. Where other processes may
    /// work on the same database, what it had taken is free when its lease ends.
    pub async fn crash(self) -> Self {
        self.crash_to(None).await
    }

    /// The same, and payments alone comes back from a backup.
    pub async fn put_back(self, backup: &Backup) -> Self {
        self.crash_to(Some(backup)).await
    }

    async fn crash_to(self, backup: Option<&Backup>) -> Self {
        let clocks = [self.world.clock.clone(), self.sandbox_clock.clone()];
        let is_shared = self.db().is_shared();
        let crashed = self.world.crash().await.unwrap();
        if is_shared {
            // Only now: before, the process would have renewed what it had.
            clocks.iter().for_each(|clock| clock.advance(LEASE));
        }
        let service = payments::service(self.settings.clone());
        if let Some(backup) = backup {
            crashed.put_back(backup).unwrap();
            crashed.begin_new_life(service.schema()).await.unwrap();
        }
        let world = crashed.start(vec![service]).await.unwrap();
        let remember = |orders: &Owner| orders.remember(&self.orders);
        let orders = world.owner_again("orders", remember).await;
        Self {
            world,
            orders,
            ..self
        }
    }

    /// One more process with the same databases and the same provider.
    pub async fn replica(&self) -> Replica {
        let services = vec![payments::service(self.settings.clone())];
        self.world.replica(services).await.unwrap()
    }

    /// An order that can be paid for fifteen minutes.
    pub async fn order(&mut self) -> OrderState {
        let created = self.created_order().await;
        self.say(
            OrderFact::AwaitingPayment,
            &created,
            OrderStatus::AwaitingPayment,
        )
        .await
    }

    /// Waits until payments knows the order in this state.
    pub async fn known(&self, order: &OrderState, status: OrderStatus) {
        let (db, id) = (self.db(), order.id);
        let look = async || {
            let read = async move |tx: &mut Tx| store::order_copies::find(tx, id).await;
            let copy = db.read(read).await?;
            Ok(copy.filter(|copy| copy.status == status).map(drop))
        };
        self.world.until(look).await.unwrap();
    }

    /// An order whose ticket is not locked yet.
    pub async fn created_order(&mut self) -> OrderState {
        let now = self.world.clock.now();
        let state = OrderState {
            id: self.world.new_id(),
            ticket_id: self.world.new_id(),
            buyer_id: self.buyer,
            seller_id: self.seller,
            title: "A concert".to_owned(),
            price_minor: 2000,
            currency: Currency::USD,
            offer_version: 1,
            epoch: 1,
            status: OrderStatus::Created,
            created_at: now,
            expires_at: now.checked_add(Duration::from_secs(900)).unwrap(),
            payment_id: None,
            cancel_reason: None,
            refunded_minor: 0,
        };
        self.say(OrderFact::Created, &state, OrderStatus::Created)
            .await
    }

    /// Orders says something.
    pub async fn say(
        &mut self,
        fact: OrderFact,
        order: &OrderState,
        status: OrderStatus,
    ) -> OrderState {
        let cancel_reason = match &fact {
            OrderFact::Cancelled { reason } => Some(*reason),
            _ => None,
        };
        let payment_id = match &fact {
            OrderFact::Capturing { payment_id } | OrderFact::Completed { payment_id } => {
                Some(*payment_id)
            }
            _ => order.payment_id,
        };
        let state = OrderState {
            status,
            cancel_reason,
            payment_id,
            ..order.clone()
        };
        self.orders
            .publish::<Order>(&state.id.to_string(), &fact, &state)
            .await
            .unwrap();
        state
    }

    pub async fn pay(&self, order: &OrderState, token: &str) -> Answered {
        let body = json!({"orderId": order.id, "token": token});
        self.post(self.buyer, None, &body).await
    }

    pub async fn pay_with_key(&self, order: &OrderState, token: &str, key: &str) -> Answered {
        let body = json!({"orderId": order.id, "token": token});
        self.post(self.buyer, Some(key), &body).await
    }

    pub async fn post(&self, who: UserId, key: Option<&str>, body: &Value) -> Answered {
        let cookie = self.world.cookie_of(who).unwrap();
        let mut request = Request::post("/api/payments")
            .header("cookie", cookie)
            .header("content-type", "application/json");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        self.world
            .send(request.body(Body::from(body.to_string())).unwrap())
            .await
            .unwrap()
    }

    pub async fn get(&self, who: UserId, path: &str) -> Answered {
        let cookie = self.world.cookie_of(who).unwrap();
        self.world
            .call("GET", path, Some(&cookie), None)
            .await
            .unwrap()
    }

    /// The customer's answer on the sandbox's page, and the way back from there.
    pub async fn confirm(&self, url: &str, answer: &str) -> Answered {
        let answered = self.answer(url, answer).await;
        let Some(back) = answered.headers.get("location") else {
            return answered;
        };
        let back = back.to_str().unwrap().to_owned();
        self.world.call("GET", &back, None, None).await.unwrap()
    }

    /// The customer's answer alone: nobody comes back to tell of it.
    pub async fn answer(&self, url: &str, answer: &str) -> Answered {
        let request = Request::post(url)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(format!("answer={answer}")))
            .unwrap();
        self.world.send(request).await.unwrap()
    }

    /// A payment that the provider has authorised.
    pub async fn authorized(&self, order: &OrderState) -> PaymentId {
        let answered = self.pay(order, "tok_visa").await;
        assert_eq!(answered.status, 201, "{}", answered.body);
        id_in(&answered.json())
    }

    /// An order that was paid and completed.
    pub async fn complete(&mut self) -> (OrderState, PaymentId) {
        let order = self.order().await;
        let payment_id = self.authorized(&order).await;
        self.say(
            OrderFact::Capturing { payment_id },
            &order,
            OrderStatus::Capturing,
        )
        .await;
        self.heard(payment_id, &PaymentFact::Captured).await;
        let fact = OrderFact::Completed { payment_id };
        let order = self.say(fact, &order, OrderStatus::Complete).await;
        self.until_balance(Account::Seller(self.seller), -2000)
            .await;
        (order, payment_id)
    }

    /// Waits for an event of a payment.
    pub async fn heard(&self, id: PaymentId, fact: &PaymentFact) {
        let wanted = |state: &contracts::events::payments::PaymentState,
                      what: Option<&PaymentFact>| {
            state.id == id && what == Some(fact)
        };
        self.world.wait_for_event::<Payment>(wanted).await.unwrap();
    }

    /// The kinds of a payment's events so far.
    pub fn kinds(&self, id: PaymentId) -> Vec<String> {
        let events = self.world.events.lock().unwrap();
        let of_payment = events
            .iter()
            .filter(|event| event.subject == id.to_string());
        let kind = |kind: &str| kind.split('.').nth(2).unwrap_or_default().to_owned();
        of_payment.map(|event| kind(&event.kind)).collect()
    }

    pub async fn charges(&self) -> Vec<Charge> {
        self.sandbox
            .list(&Position::beginning(), 1000)
            .await
            .unwrap()
    }

    /// The provider gives back so much of its first charge, without being asked by payments; answers what
    /// is left.
    pub async fn give_back(&self, amount_minor: i64, key: &str) -> i64 {
        let reference = self.charges().await[0].reference.clone();
        let given = self.sandbox.refund(&reference, amount_minor, key).await;
        given.unwrap().held_minor()
    }

    /// The provider's records, also while it answers late.
    pub async fn charges_now(&self) -> Vec<Charge> {
        let mut charges = Vec::new();
        for audited in self.payments().await {
            let key = audited.payment.provider_key();
            charges.extend(self.sandbox.record(&key).await.unwrap());
        }
        charges
    }

    pub async fn payments(&self) -> Vec<audit::Audited> {
        self.db()
            .read(async |tx: &mut Tx| audit::payments(tx).await)
            .await
            .unwrap()
    }

    pub fn behave(&self, behaviour: Behaviour) {
        self.sandbox.behave(behaviour);
    }

    pub fn db(&self) -> Db {
        self.world.gates["payments"].context.db.clone()
    }

    pub async fn balance(&self, account: Account) -> i64 {
        let read = async move |tx: &mut Tx| store::ledger::balance(tx, account).await;
        let balances = self.db().read(read).await.unwrap();
        balances.iter().map(|(_, sum)| *sum).sum()
    }

    pub async fn until_balance(&self, account: Account, minor: i64) {
        let look = async || Ok((self.balance(account).await == minor).then_some(()));
        self.world.until(look).await.unwrap();
    }

    pub async fn open_work(&self) -> i64 {
        self.db()
            .read(async |tx: &mut Tx| audit::open_work(tx).await)
            .await
            .unwrap()
    }

    pub async fn until_no_work(&self) {
        let look = async || Ok((self.open_work().await == 0).then_some(()));
        self.world.until(look).await.unwrap();
    }

    /// Ends the test: nothing may be left over or wrong anywhere.
    pub async fn close(self) {
        self.until_no_work().await;
        let clean = async || Ok(self.findings().await.is_empty().then_some(()));
        if self.world.until(clean).await.is_err() {
            assert_eq!(self.findings().await, []);
        }
        self.world.end().await.unwrap();
    }

    pub async fn findings(&self) -> Vec<Finding> {
        self.sandbox.behave(Behaviour::default());
        let charges = self.charges().await;
        let read = async move |tx: &mut Tx| {
            let payments = audit::payments(tx).await?;
            let mut found = audit::findings(&payments, &charges);
            found.extend(audit::ledger(tx, &payments).await?);
            Ok(found)
        };
        self.db().read(read).await.unwrap()
    }
}

pub fn sandbox(db: Db, clock: &Arc<TestClock>) -> Sandbox {
    Sandbox::new(db, clock.clone(), Behaviour::default())
}

/// The sandbox's own database: a file, or one on a server.
pub async fn sandbox_db(
    directory: &TempDir,
    databases: Option<&Databases>,
    clock: &Arc<TestClock>,
) -> Db {
    let surroundings = Surroundings {
        clock: clock.clone(),
        random: Arc::new(SystemRandom),
        wakers: Wakers::default(),
    };
    match databases {
        Some(databases) => {
            let settings = databases.of("sandbox").unwrap();
            let opened = Db::open_postgres(&settings, "sandbox", MIGRATIONS, surroundings);
            opened.await.unwrap()
        }
        None => {
            let path = directory.path().join("sandbox.db");
            Db::open_sqlite(&path, "sandbox", MIGRATIONS, surroundings).unwrap()
        }
    }
}

/// What the sandbox of [`Desk::open_told`] signs with.
pub fn secret() -> Secret {
    format!("whsec_{}", "s".repeat(40)).parse().unwrap()
}

pub fn id_in(view: &Value) -> PaymentId {
    view["id"].as_str().unwrap().parse().unwrap()
}

pub fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers[name].to_str().unwrap()
}

pub fn unknown_order(desk: &Desk) -> OrderId {
    desk.world.new_id()
}
