//! What becomes of messages when the mailer, or the process, fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use contracts::events::orders::{OrderFact, OrderStatus};
use platform::mail::{MailError, Mailer, Message};

use crate::market::Market;

/// How a mailer fails.
#[derive(Clone, Copy, PartialEq)]
enum How {
    /// It does not take the message.
    Refuses,
    /// It takes the message, and the answer is lost.
    TakesAndFails,
    /// It refuses for good.
    RefusesForGood,
    /// It never answers.
    Hangs,
}

/// Fails so many times, then hands on.
struct Unsteady {
    failures: AtomicUsize,
    how: How,
    to: Arc<dyn Mailer>,
}

#[async_trait]
impl Mailer for Unsteady {
    async fn send(&self, message: &Message) -> Result<(), MailError> {
        let left = |left: usize| left.checked_sub(1);
        if self
            .failures
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, left)
            .is_err()
        {
            return self.to.send(message).await;
        }
        match self.how {
            How::Refuses | How::RefusesForGood => {}
            How::TakesAndFails => self.to.send(message).await?,
            How::Hangs => std::future::pending().await,
        }
        let temporary = self.how != How::RefusesForGood;
        Err(MailError {
            temporary,
            message: "a failure of the test's".to_owned(),
        })
    }
}

async fn market(how: How, failures: usize) -> Result<Market> {
    let market = Market::open_through(|to| {
        Arc::new(Unsteady {
            failures: AtomicUsize::new(failures),
            how,
            to,
        })
    });
    let market = market.await?;
    market.register_both().await?;
    let mut order = market.new_order("The Band");
    order.status = OrderStatus::AwaitingPayment;
    market.say(&order, OrderFact::AwaitingPayment).await?;
    Ok(market)
}

/// Lets time pass until a message stands in this state.
async fn patiently(market: &Market, state: &'static str, step: Duration) -> Result<()> {
    let look = async || {
        market.world.clock.advance(step);
        Ok((market.in_state(state).await? == 1).then_some(()))
    };
    market.world.until(look).await
}

#[tokio::test]
async fn a_message_that_is_not_taken_is_tried_again() -> Result<()> {
    for how in [How::Refuses, How::TakesAndFails] {
        let market = market(how, 3).await?;
        patiently(&market, "sent", Duration::from_secs(5)).await?;
        assert_eq!(
            market.files.list(10).await?.len(),
            1,
            "one file, however often it was sent"
        );
        market.end().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_message_that_is_refused_for_good_is_given_up() -> Result<()> {
    let market = market(How::RefusesForGood, usize::MAX).await?;
    market.wait_for_state("failed", 1).await?;
    market.world.clock.advance(Duration::from_secs(7200));
    assert_eq!(market.in_state("failed").await?, 1);
    assert!(market.files.list(10).await?.is_empty());
    market.end().await
}

#[tokio::test]
async fn a_message_that_nobody_takes_for_days_is_given_up() -> Result<()> {
    let market = market(How::Refuses, usize::MAX).await?;
    patiently(&market, "failed", Duration::from_secs(3600)).await?;
    market.end().await
}

#[tokio::test]
async fn a_crash_while_sending_sends_the_same_message_again() -> Result<()> {
    for how in [How::Hangs, How::TakesAndFails] {
        let market = market(how, usize::MAX).await?;
        let begun = async || {
            let tries = market.in_state("sending").await? + market.in_state("queued").await?;
            Ok((tries == 1).then_some(()))
        };
        market.world.until(begun).await?;
        if how == How::TakesAndFails {
            market.mails(1).await?;
        } else {
            market.wait_for_state("sending", 1).await?;
        }
        let market = market.restart().await?;
        patiently(&market, "sent", Duration::from_secs(10)).await?;
        assert_eq!(market.files.list(10).await?.len(), 1);
        market.end().await?;
    }
    Ok(())
}

#[tokio::test]
async fn after_a_month_only_that_it_was_written_is_left() -> Result<()> {
    let market = market(How::Refuses, 0).await?;
    market.wait_for_state("sent", 1).await?;
    market
        .world
        .clock
        .advance(Duration::from_secs(31 * 24 * 3600));
    let emptied = async || {
        let sql = "select count(*) from messages where recipient = '' and body_text = ''";
        Ok((market.count(sql).await? == 1).then_some(()))
    };
    market.world.until(emptied).await?;
    assert_eq!(market.in_state("sent").await?, 1);
    market.end().await
}
