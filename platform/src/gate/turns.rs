//! Which of several replicas hears which aggregate's events.
//!
//! Cursors make it safe for all of them to hear the same. But two that take an aggregate's events in
//! turn handle the second before the first as often as not, and then it is sent again, parked, asked
//! for. So each consumer of a service is heard by one replica, by a lease; which one, is shared fairly.

use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;

use super::Gate;
use super::consumer::Consumer;
use crate::bus::Delivery;
use crate::shares::Turns;

/// The pause before a subscription is tried again.
const PAUSE: Duration = Duration::from_millis(200);

impl Gate {
    /// Hears what the bus delivers until the process stops, as far as it is this replica's turn.
    pub(crate) fn take_turns(&self, deliveries: Vec<BoxStream<'static, Delivery>>, turns: &Turns) {
        let all = self.consumers.iter().zip(deliveries).zip(0_i64..);
        for ((consumer, deliveries), number) in all {
            let (gate, consumer, turns) = (self.clone(), consumer.clone(), turns.clone());
            let first = turns.have(number).then_some(deliveries);
            let hearing = gate.hear_in_turn(consumer, (number, turns), first);
            self.context.tasks.spawn(hearing);
        }
    }

    async fn hear_in_turn(
        self,
        consumer: Consumer,
        (number, turns): (i64, Turns),
        mut first: Option<BoxStream<'static, Delivery>>,
    ) {
        let (service, bus) = (self.context.service, &self.context.bus);
        loop {
            turns.until(number, true).await;
            let takes_over = first.is_none();
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
            if takes_over {
                // Whoever heard these events before may have died with some of them, and owners that died
                // with it don't announce their heads: the bus would give them again long after the people
                // asked.
                let (gate, consumer, turns) = (self.clone(), consumer.clone(), turns.clone());
                self.context.tasks.spawn(async move {
                    let hears = || turns.have(number);
                    gate.begin_to_hear(&consumer, hears).await;
                });
            }
            let watched = turns.clone();
            let lost = async move { watched.until(number, false).await };
            let deliveries = deliveries.take_until(lost).boxed();
            self.clone().run(consumer.clone(), deliveries).await;
        }
    }
}
