//! Which of several replicas hears which aggregate's events.
//!
//! Cursors make it safe for all of them to hear the same. But two that take an aggregate's events in
//! turn handle the second before the first as often as not, and then it is sent again, parked, asked
//! for. So each consumer of a service is heard by one replica, by a lease; which one, is shared fairly.

use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::sync::watch;

use super::Gate;
use super::consumer::Consumer;
use crate::bus::Delivery;
use crate::db::Tx;
use crate::lease;

/// How often the share is renewed, and taken anew when a replica came or went.
const RENEW_EVERY: Duration = Duration::from_secs(1);

/// For how long nobody hears what a replica that died has heard: two renewals may fail.
const LASTS: Duration = Duration::from_secs(3);

/// The pause before a subscription is tried again.
const PAUSE: Duration = Duration::from_millis(200);

/// The numbers of the consumers that this replica hears.
pub(super) type Turns = watch::Receiver<Vec<i64>>;

impl Gate {
    /// Hears what the bus delivers until the process stops, as far as it is this replica's turn. Says
    /// whose turn it is.
    pub(crate) async fn take_turns(&self, deliveries: Vec<BoxStream<'static, Delivery>>) -> Turns {
        let (turns, mine) = watch::channel(self.share().await);
        let tasks = &self.context.tasks;
        let all = self.consumers.iter().zip(deliveries).zip(0_i64..);
        for ((consumer, deliveries), number) in all {
            let (gate, consumer, mine) = (self.clone(), consumer.clone(), mine.clone());
            let first = mine.borrow().contains(&number).then_some(deliveries);
            tasks.spawn(gate.hear_in_turn(consumer, (number, mine), first));
        }
        let gate = self.clone();
        tasks.spawn(async move {
            loop {
                gate.context.clock.sleep(RENEW_EVERY).await;
                let share = gate.share().await;
                turns.send_if_modified(|before| std::mem::replace(before, share) != *before);
            }
        });
        mine
    }

    /// What this replica is to hear; nothing when the database does not answer, which is then no time
    /// to hear anything.
    async fn share(&self) -> Vec<i64> {
        let replica = self.context.replica.clone();
        let count = i64::try_from(self.consumers.len()).unwrap_or(0);
        let take = async move |tx: &mut Tx| {
            lease::take_share(tx, ("hear", count), (&replica, LASTS)).await
        };
        self.context.db.write(take).await.unwrap_or_else(|failure| {
            tracing::warn!(service = self.context.service, %failure, "no share of the events");
            Vec::new()
        })
    }

    async fn hear_in_turn(
        self,
        consumer: Consumer,
        (number, mut turns): (i64, Turns),
        mut first: Option<BoxStream<'static, Delivery>>,
    ) {
        let (service, bus) = (self.context.service, &self.context.bus);
        loop {
            if turns.wait_for(|mine| mine.contains(&number)).await.is_err() {
                return;
            }
            let deliveries = match first.take() {
                Some(deliveries) => deliveries,
                None => match bus
                    .subscribe(service, consumer.owner, consumer.aggregate)
                    .await
                {
                    Ok(deliveries) => deliveries,
                    Err(error) => {
                        tracing::debug!(service, %error, "not subscribed");
                        self.context.clock.sleep(PAUSE).await;
                        continue;
                    }
                },
            };
            let mut watched = turns.clone();
            let lost = async move { drop(watched.wait_for(|mine| !mine.contains(&number)).await) };
            let deliveries = deliveries.take_until(lost).boxed();
            self.clone().run(consumer.clone(), deliveries).await;
        }
    }
}
