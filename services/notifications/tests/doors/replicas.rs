//! Several replicas on one database.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use contracts::events::orders::{OrderFact, OrderStatus};
use platform::clock::later;
use platform::mail::{MailError, Mailer, Message};
use platform::{Tx, params};

use crate::market::{Market, service};

/// Counts how often it takes each message, once it takes any.
#[derive(Default)]
struct Counting {
    open: AtomicBool,
    taken: Mutex<HashMap<String, usize>>,
}

#[async_trait]
impl Mailer for Counting {
    async fn send(&self, message: &Message) -> Result<(), MailError> {
        if !self.open.load(Ordering::SeqCst) {
            return Err(MailError {
                temporary: true,
                message: "not yet".to_owned(),
            });
        }
        let mut taken = locked(&self.taken);
        *taken.entry(message.message_id.clone()).or_default() += 1;
        Ok(())
    }
}

/// A test that failed elsewhere leaves it usable.
fn locked<T>(kept: &Mutex<T>) -> MutexGuard<'_, T> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_send_each_message_once() -> Result<()> {
    let mailer = Arc::new(Counting::default());
    let given: Arc<dyn Mailer> = mailer.clone();
    let market = Market::open_shared(|_| Arc::clone(&given)).await?;
    let services = vec![service(given, &market.files)];
    let _other = market.world.replica(services).await?;
    market.register_both().await?;
    for number in 0..24 {
        let mut order = market.new_order(&format!("The Band, night {number}"));
        order.status = OrderStatus::AwaitingPayment;
        market.say(&order, OrderFact::AwaitingPayment).await?;
    }
    // All were tried once, and wait.
    let sql = "select count(*) from messages where state = 'queued' and tries > 0";
    let waiting = async || Ok((market.count(sql).await? == 24).then_some(()));
    market.world.until(waiting).await?;
    let lock = "lock table messages in exclusive mode".to_owned();
    let held = market.world.hold(market.db()?, lock).await?;
    mailer.open.store(true, Ordering::SeqCst);
    market.world.clock.advance(Duration::from_secs(3600));
    // Both are about to take the same.
    market.world.until_waiting(market.db()?, 2).await?;
    held.release().await?;
    market.wait_for_state("sent", 24).await?;
    let taken = mailer.taken.lock().unwrap().clone();
    assert_eq!(taken.len(), 24);
    assert!(taken.values().all(|times| *times == 1), "{taken:?}");
    market.end().await
}

/// A message that this replica is handing over, for three minutes at most.
async fn handed_over_by(market: &Market, replica: &str) -> Result<()> {
    let mut order = market.new_order("The Band");
    order.status = OrderStatus::AwaitingPayment;
    market.say(&order, OrderFact::AwaitingPayment).await?;
    // It was tried once: nobody has it in hand.
    let sql = "select count(*) from messages where state = 'queued' and tries > 0";
    let waiting = async || Ok((market.count(sql).await? == 1).then_some(()));
    market.world.until(waiting).await?;
    let ends = later(market.world.now(), LEASE);
    let replica = replica.to_owned();
    let take = async move |tx: &mut Tx| {
        let sql =
            "update messages set state = 'sending', tries = 50, next_try_at = $1, holder = $2";
        tx.execute(sql, params![ends, replica]).await
    };
    assert_eq!(market.db()?.write(take).await?, 1);
    Ok(())
}

/// About as long as a replica keeps a message to itself.
const LEASE: Duration = Duration::from_secs(170);

#[tokio::test(flavor = "multi_thread")]
async fn a_live_replica_keeps_its_messages_when_another_starts_or_looks() -> Result<()> {
    let mailer = Arc::new(Counting::default());
    let given: Arc<dyn Mailer> = mailer.clone();
    let market = Market::open_shared(|_| Arc::clone(&given)).await?;
    market.register_both().await?;
    let services = vec![service(Arc::clone(&given), &market.files)];
    let other = market.world.replica(services).await?;
    let holder = other.gates["notifications"].context.replica.to_string();
    handed_over_by(&market, &holder).await?;
    mailer.open.store(true, Ordering::SeqCst);
    let services = vec![service(given, &market.files)];
    let _third = market.world.replica(services).await?;
    // The others are at work.
    let mut second = market.new_order("The Other Band");
    second.status = OrderStatus::AwaitingPayment;
    market.say(&second, OrderFact::AwaitingPayment).await?;
    market.wait_for_state("sent", 1).await?;
    assert_eq!(market.in_state("sending").await?, 1);
    assert_eq!(mailer.taken.lock().unwrap().len(), 1);
    market.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_replica_that_has_gone_was_handing_over_is_sent_soon() -> Result<()> {
    let mailer = Arc::new(Counting::default());
    let given: Arc<dyn Mailer> = mailer.clone();
    let market = Market::open_shared(|_| Arc::clone(&given)).await?;
    market.register_both().await?;
    handed_over_by(&market, "has gone").await?;
    let soon = later(market.world.now(), Duration::from_secs(45));
    mailer.open.store(true, Ordering::SeqCst);
    market.wait_for_state("sent", 1).await?;
    assert!(market.world.now() < soon, "its lease had ended");
    assert_eq!(mailer.taken.lock().unwrap().len(), 1);
    market.end().await
}
