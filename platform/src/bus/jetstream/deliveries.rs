//! Deliveries to a consumer: a stream that never ends, whatever becomes of the server.

use std::sync::Arc;
use std::time::Duration;

use async_nats::Subject;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::{AckKind, Message};
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::sync::mpsc;

use super::names::Names;
use super::{Wire, codec};
use crate::bus::{BusError, Delivery, Receipt};

/// How many events are fetched before they can be handled. Those that a crash leaves fetched come
/// again after [`ACK_WAIT`] only.
const FETCH: usize = 128;

/// How many events of one consumer may wait for their acknowledgement: with more, nothing comes.
const WINDOW: i64 = 4096;

/// After how long the server sends what was neither acknowledged nor refused again. It counts from
/// the fetching, so it is longer than a full fetch takes to be handled. What is dropped here is
/// refused at once, so this alone is for processes that died.
const ACK_WAIT: Duration = Duration::from_secs(30);

/// For how long one question for events stands, and may go on taking what nobody reads: a server hears
/// late of a machine that is gone.
const EXPIRES: Duration = Duration::from_secs(10);

/// How often the server says that it still has nothing; twice as long a silence is a loss.
const HEARTBEAT: Duration = Duration::from_secs(3);

/// The pause before a lost subscription is made again; it doubles.
const PAUSE_FIRST: Duration = Duration::from_millis(50);
const PAUSE_LONGEST: Duration = Duration::from_secs(2);

/// For how long what is on its way to a subscription that ends is gathered: so long after the last,
/// and so long in all.
const GATHER_IDLE: Duration = Duration::from_millis(100);
pub(super) const GATHER_MAX: Duration = Duration::from_millis(300);

/// The subscription of one consumer to one aggregate type.
pub(super) struct Deliveries {
    wire: Arc<Wire>,
    consumer: String,
    owner: String,
    aggregate: &'static str,
    open: Option<pull::Stream>,
    pause: Duration,
}

impl Deliveries {
    pub(super) fn new(
        wire: Arc<Wire>,
        consumer: &str,
        owner: &str,
        aggregate: &'static str,
    ) -> Self {
        Self {
            wire,
            consumer: consumer.to_owned(),
            owner: owner.to_owned(),
            aggregate,
            open: None,
            pause: Duration::ZERO,
        }
    }

    /// Makes the first attempt to subscribe; if it fails, the stream goes on trying.
    pub(super) async fn stream(mut self) -> BoxStream<'static, Delivery> {
        self.reopen().await;
        futures::stream::unfold(self, |mut deliveries| async {
            let delivery = deliveries.next().await;
            Some((delivery, deliveries))
        })
        .boxed()
    }

    async fn next(&mut self) -> Delivery {
        loop {
            let Some(open) = self.open.as_mut() else {
                tokio::time::sleep(self.pause).await;
                self.reopen().await;
                continue;
            };
            match open.next().await {
                Some(Ok(message)) => {
                    self.pause = Duration::ZERO;
                    if let Some(delivery) = self.wire.delivery(message) {
                        return delivery;
                    }
                }
                Some(Err(error)) => self.lose(&error.to_string()),
                None => self.lose("the subscription ended"),
            }
        }
    }

    fn lose(&mut self, reason: &str) {
        let (consumer, aggregate) = (&self.consumer, self.aggregate);
        tracing::info!(consumer, aggregate, reason, "subscribing again");
        self.give_back();
    }

    async fn reopen(&mut self) {
        self.pause = (self.pause * 2).clamp(PAUSE_FIRST, PAUSE_LONGEST);
        if self.wire.connected().is_err() {
            return;
        }
        match self.subscribe().await {
            Ok(open) => self.open = Some(open),
            Err(error) => {
                let (consumer, aggregate) = (&self.consumer, self.aggregate);
                tracing::warn!(consumer, aggregate, %error, "no subscription yet");
            }
        }
    }

    /// Makes what is missing: the owner's stream, the consumer's place in it; and asks for events.
    async fn subscribe(&self) -> Result<pull::Stream, BusError> {
        let (wire, names) = (&self.wire, &self.wire.names);
        wire.streams.ensure(&self.owner).await?;
        let config = pull::Config {
            durable_name: Some(Names::durable(&self.consumer, self.aggregate)),
            filter_subject: names.events(&self.owner, self.aggregate),
            deliver_policy: DeliverPolicy::All,
            ack_policy: AckPolicy::Explicit,
            ack_wait: ACK_WAIT,
            max_deliver: -1,
            max_ack_pending: WINDOW,
            ..pull::Config::default()
        };
        let consumer = wire
            .jetstream
            .create_consumer_on_stream(config, names.stream(&self.owner))
            .await
            .map_err(|error| BusError(error.to_string()))?;
        consumer
            .stream()
            .max_messages_per_batch(FETCH)
            .expires(EXPIRES)
            .heartbeat(HEARTBEAT)
            .messages()
            .await
            .map_err(|error| BusError(error.to_string()))
    }

    /// Refuses what was fetched and not handled, so that it comes to another replica, or to the next
    /// start, without the server's long wait. Some of it is still on its way.
    fn give_back(&mut self) {
        let Some(mut open) = self.open.take() else {
            return;
        };
        // Outside of a runtime nothing can be waited for.
        if tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        let wire = Arc::clone(&self.wire);
        self.wire.tasks.spawn_until_stopped(async move {
            let mut refused = Vec::new();
            let gathering = async {
                while let Ok(Some(Ok(message))) =
                    tokio::time::timeout(GATHER_IDLE, open.next()).await
                {
                    refused.extend(message.message.reply);
                }
            };
            drop(tokio::time::timeout(GATHER_MAX, gathering).await);
            // Only now: as long as it is open, what is refused would come back to it.
            drop(open);
            for to in &refused {
                wire.answer(Some(to), AckKind::Nak(None));
            }
        });
    }
}

impl Drop for Deliveries {
    fn drop(&mut self) {
        self.give_back();
    }
}

impl Wire {
    /// A message as a delivery. What is no event never comes again: the owner's log heals it.
    fn delivery(&self, message: Message) -> Option<Delivery> {
        let attempt = message.info().map_or(1, |info| info.delivered);
        let message = message.message;
        match codec::decode(message.headers.as_ref(), &message.payload) {
            Ok(event) => {
                let attempt = u32::try_from(attempt).unwrap_or(1);
                let receipt = Answer {
                    to: message.reply,
                    answers: self.answers.clone(),
                };
                Some(Delivery::new(Arc::new(event), attempt, Box::new(receipt)))
            }
            Err(error) => {
                tracing::warn!(subject = %message.subject, %error, "a message is no event");
                self.answer(message.reply.as_ref(), AckKind::Term);
                None
            }
        }
    }

    fn answer(&self, to: Option<&Subject>, kind: AckKind) {
        if let Some(to) = to {
            drop(self.answers.send((to.clone(), kind.into())));
        }
    }
}

/// Tells the server what became of a delivery.
struct Answer {
    to: Option<Subject>,
    answers: mpsc::UnboundedSender<(Subject, Bytes)>,
}

impl Answer {
    /// Queues it; lost, it leaves a delivery that comes again.
    fn send(self, kind: AckKind) {
        if let Some(to) = self.to {
            drop(self.answers.send((to, kind.into())));
        }
    }
}

impl Receipt for Answer {
    fn acknowledge(self: Box<Self>) {
        self.send(AckKind::Ack);
    }

    fn again(self: Box<Self>, delay: Duration) {
        self.send(AckKind::Nak((!delay.is_zero()).then_some(delay)));
    }
}
