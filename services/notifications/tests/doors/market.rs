//! A running notifications, and owners that stand in for the rest of the marketplace.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use contracts::events::auth::{User, UserFact, UserState};
use contracts::events::orders::{Order, OrderFact, OrderState, OrderStatus};
use contracts::events::tickets::{Ticket, TicketFact, TicketState, TicketStatus};
use contracts::ids::UserId;
use notifications::Settings;
use platform::clock::SystemClock;
use platform::db::{Db, params};
use platform::mail::{FileMailer, KeptMessage, Mailer};
use platform::{Clock, Service};
use tempfile::TempDir;
use testing::World;
use testing::owner::Owner;
use testing::postgres::Databases;

/// A running notifications and what stands around it.
pub struct Market {
    pub world: World,
    pub files: Arc<FileMailer>,
    pub auth: Owner,
    pub orders: Owner,
    pub tickets: Owner,
    pub buyer: UserState,
    pub seller: UserState,
    directory: TempDir,
}

impl Market {
    pub async fn open() -> Result<Self> {
        Self::open_through(|files| files).await
    }

    /// With a mailer of its own before the files.
    pub async fn open_through(
        change: impl FnOnce(Arc<dyn Mailer>) -> Arc<dyn Mailer>,
    ) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let files = Arc::new(mailer_to(&directory)?);
        let mailer = change(files.clone());
        let databases = Databases::wanted()?;
        Self::open_on(databases, mailer, (files, directory)).await
    }

    /// Where further replicas can be started.
    pub async fn open_shared(
        change: impl FnOnce(Arc<dyn Mailer>) -> Arc<dyn Mailer>,
    ) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let files = Arc::new(mailer_to(&directory)?);
        let mailer = change(files.clone());
        let databases = Some(Databases::new()?);
        Self::open_on(databases, mailer, (files, directory)).await
    }

    async fn open_on(
        databases: Option<Arc<Databases>>,
        mailer: Arc<dyn Mailer>,
        (files, directory): (Arc<FileMailer>, TempDir),
    ) -> Result<Self> {
        let world = World::start_on(databases, vec![service(mailer, &files)]).await?;
        let (auth, orders, tickets) = (
            world.owner("auth").await,
            world.owner("orders").await,
            world.owner("tickets").await,
        );
        let (buyer, seller) = (person(&world, "buyer"), person(&world, "seller"));
        Ok(Self {
            world,
            files,
            auth,
            orders,
            tickets,
            buyer,
            seller,
            directory,
        })
    }

    /// Crashes, and starts again with the files as the mailer.
    pub async fn restart(self) -> Result<Self> {
        let Self {
            world,
            files,
            auth,
            orders,
            tickets,
            buyer,
            seller,
            directory,
        } = self;
        let mailer: Arc<dyn Mailer> = files.clone();
        let world = world.restart(vec![service(mailer, &files)]).await?;
        let again = async |service, before: Owner| {
            let remember = |owner: &Owner| owner.remember(&before);
            world.owner_again(service, remember).await
        };
        let (auth, orders, tickets) = (
            again("auth", auth).await,
            again("orders", orders).await,
            again("tickets", tickets).await,
        );
        Ok(Self {
            world,
            files,
            auth,
            orders,
            tickets,
            buyer,
            seller,
            directory,
        })
    }

    pub async fn end(self) -> Result<()> {
        self.world.end().await?;
        Ok(self.directory.close()?)
    }

    pub async fn register(&self, person: &UserState) -> Result<()> {
        self.auth
            .publish::<User>(&person.id.to_string(), &UserFact::Registered, person)
            .await?;
        Ok(())
    }

    /// Both have signed up.
    pub async fn register_both(&self) -> Result<()> {
        self.register(&self.buyer).await?;
        self.register(&self.seller).await
    }

    /// An order of the buyer's for a ticket of the seller's.
    pub fn new_order(&self, title: &str) -> OrderState {
        OrderState {
            id: self.world.new_id(),
            ticket_id: self.world.new_id(),
            buyer_id: self.buyer.id,
            seller_id: self.seller.id,
            title: title.to_owned(),
            price_minor: 1999,
            currency: contracts::money::Currency::USD,
            offer_version: 1,
            epoch: 1,
            status: OrderStatus::Created,
            created_at: self.world.clock.now(),
            expires_at: self.world.clock.now(),
            payment_id: None,
            cancel_reason: None,
            refunded_minor: 0,
        }
    }

    pub async fn say(&self, order: &OrderState, fact: OrderFact) -> Result<()> {
        self.orders
            .publish::<Order>(&order.id.to_string(), &fact, order)
            .await?;
        Ok(())
    }

    pub async fn say_sold(&self, order: &OrderState) -> Result<()> {
        let ticket = TicketState {
            id: order.ticket_id,
            seller_id: order.seller_id,
            title: order.title.clone(),
            price_minor: order.price_minor,
            currency: order.currency,
            status: TicketStatus::Sold { order_id: order.id },
            offer_version: 1,
            epoch: 1,
            created_at: order.created_at,
        };
        let fact = TicketFact::Sold { order_id: order.id };
        self.tickets
            .publish::<Ticket>(&ticket.id.to_string(), &fact, &ticket)
            .await?;
        Ok(())
    }

    /// Waits until so many messages have been taken; by subject.
    pub async fn mails(&self, count: usize) -> Result<Vec<KeptMessage>> {
        let look = async || {
            let mut mails = self.files.list(1000).await?;
            mails.sort_by(|one, other| one.subject.cmp(&other.subject));
            Ok((mails.len() >= count).then_some(mails))
        };
        self.world.until(look).await
    }

    /// The database of notifications.
    pub fn db(&self) -> Result<&Db> {
        let gate = self.world.gates.get("notifications");
        Ok(&gate.context("notifications runs")?.context.db)
    }

    /// The one number that a query answers.
    pub async fn count(&self, sql: &'static str) -> Result<i64> {
        let read = async move |tx: &mut platform::Tx| tx.query_one(sql, &[]).await?.get::<i64>(0);
        Ok(self.db()?.read(read).await?)
    }

    /// How many messages stand in this state.
    pub async fn in_state(&self, state: &'static str) -> Result<i64> {
        let read = async move |tx: &mut platform::Tx| {
            let sql = "select count(*) from messages where state = $1";
            tx.query_one(sql, params![state]).await?.get::<i64>(0)
        };
        Ok(self.db()?.read(read).await?)
    }

    /// Waits until so many messages stand in this state.
    pub async fn wait_for_state(&self, state: &'static str, count: i64) -> Result<()> {
        let look = async || Ok((self.in_state(state).await? == count).then_some(()));
        self.world.until(look).await
    }
}

fn mailer_to(directory: &TempDir) -> Result<FileMailer> {
    let from = "Tickets <no-reply@tickets.example>";
    FileMailer::open(directory.path(), from, Arc::new(SystemClock::new()))
}

pub fn service(mailer: Arc<dyn Mailer>, files: &Arc<FileMailer>) -> Service {
    notifications::service(Settings {
        mailer,
        public_url: "https://tickets.example/".to_owned(),
        dev_mail: Some(Arc::clone(files)),
    })
}

fn person(world: &World, name: &str) -> UserState {
    UserState {
        id: world.new_id::<UserId>(),
        email: format!("{name}@example.org"),
        language: "en".to_owned(),
        closed: false,
    }
}
