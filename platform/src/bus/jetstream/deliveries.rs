//! Deliveries to a consumer: a stream that never ends, whatever becomes of the server.

use std::sync::Arc;
use std::time::Duration;

use async_nats::Subject;
use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::{AckKind, Message};
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::sync::mpsc;

use super::names::Names;
use super::place::Place;
use super::progress::Progress;
use super::{Wire, codec};
use crate::bus::{BusError, Delivery, Receipt};

/// How many events are fetched before they can be handled. Those that a crash leaves fetched come
/// again after [`super::place::ACK_WAIT`] only.
const FETCH: usize = 128;

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
    owner: String,
    place: Place,
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
        let place = Place::new(
            wire.jetstream.clone(),
            wire.names.stream(owner),
            Names::durable(consumer, aggregate),
            wire.names.events(owner, aggregate),
        );
        Self {
            wire,
            owner: owner.to_owned(),
            place,
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
                    if let Some(delivery) = self.wire.delivery(message, self.place.progress()) {
                        return delivery;
                    }
                }
                Some(Err(error)) => self.lose(&error.to_string()),
                None => self.lose("the subscription ended"),
            }
        }
    }

    fn lose(&mut self, reason: &str) {
        tracing::info!(consumer = self.place.name(), reason, "subscribing again");
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
                tracing::warn!(consumer = self.place.name(), %error, "no subscription yet");
            }
        }
    }

    /// Makes what is missing: the owner's stream, the consumer's place in it; and asks for events.
    async fn subscribe(&mut self) -> Result<pull::Stream, BusError> {
        if let Err(error) = self.wire.streams.ensure(&self.owner).await {
            self.place.without_stream();
            return Err(error);
        }
        let consumer = self.place.take().await?;
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
    fn delivery(&self, message: Message, progress: &Arc<Progress>) -> Option<Delivery> {
        let (attempt, sequence) = message
            .info()
            .map_or((1, 0), |info| (info.delivered, info.stream_sequence));
        let message = message.message;
        match codec::decode(message.headers.as_ref(), &message.payload) {
            Ok(event) => {
                let attempt = u32::try_from(attempt).unwrap_or(1);
                progress.delivered(sequence);
                let receipt = Answer {
                    to: message.reply,
                    answers: self.answers.clone(),
                    sequence,
                    progress: Arc::clone(progress),
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
    sequence: u64,
    progress: Arc<Progress>,
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
        self.progress.acknowledged(self.sequence);
        self.send(AckKind::Ack);
    }

    fn again(self: Box<Self>, delay: Duration) {
        self.send(AckKind::Nak((!delay.is_zero()).then_some(delay)));
    }
}
