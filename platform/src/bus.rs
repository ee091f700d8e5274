//! The bus: transport between services, and nothing more. What it loses, the logs heal.

pub mod in_process;
pub mod jetstream;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use contracts::Envelope;
use futures::stream::BoxStream;
use tokio::sync::oneshot;

/// The bus did not do what it was asked; try again.
#[derive(Debug, Clone, thiserror::Error)]
#[error("bus: {0}")]
pub struct BusError(pub String);

impl From<BusError> for crate::Failure {
    fn from(error: BusError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// Carries events from owners to consumers, questions to owners, and announcements to whoever hears.
#[async_trait]
pub trait Bus: Send + Sync + 'static {
    /// Hands an event over; returns once the bus has taken responsibility for it. The event's id is
    /// what duplicates are recognised by.
    ///
    /// # Errors
    /// When that is not certain: it may have been taken all the same.
    async fn publish(&self, event: &Arc<Envelope>) -> Result<(), BusError>;

    /// Hands several events over in this order, and says of each what [`Bus::publish`] would. Where one
    /// fails the later ones may have been taken: a transport that can sends all before it waits.
    async fn publish_all(&self, events: &[Arc<Envelope>]) -> Vec<Result<(), BusError>> {
        let mut outcomes = Vec::with_capacity(events.len());
        for event in events {
            if let Err(error) = self.publish(event).await {
                outcomes.resize(events.len(), Err(error));
                break;
            }
            outcomes.push(Ok(()));
        }
        outcomes
    }

    /// Hears every event of an aggregate type of `owner` on behalf of a named consumer; several who
    /// hear under one name share the events. What is published while nobody hears is kept for it where
    /// the transport can (the in-process one can't).
    ///
    /// # Errors
    /// When the bus does not answer.
    async fn subscribe(
        &self,
        consumer: &str,
        owner: &str,
        aggregate: &'static str,
    ) -> Result<BoxStream<'static, Delivery>, BusError>;

    /// Hears events of an aggregate type of `owner` from now on without acknowledging; some may be missed.
    ///
    /// # Errors
    /// When the bus does not answer.
    async fn follow(
        &self,
        owner: &str,
        aggregate: &'static str,
    ) -> Result<BoxStream<'static, Arc<Envelope>>, BusError>;

    /// Asks a service and waits for its reply.
    ///
    /// # Errors
    /// When none comes within `limit`.
    async fn request(
        &self,
        service: &str,
        question: Bytes,
        limit: Duration,
    ) -> Result<Bytes, BusError>;

    /// Hears the questions to a service.
    ///
    /// # Errors
    /// When the bus does not answer.
    async fn serve(&self, service: &str) -> Result<BoxStream<'static, Question>, BusError>;

    /// Tells everybody who listens to a service; may get lost.
    ///
    /// # Errors
    /// When the bus does not answer.
    async fn announce(&self, service: &str, news: Bytes) -> Result<(), BusError>;

    /// Hears a service's announcements.
    ///
    /// # Errors
    /// When the bus does not answer.
    async fn listen(&self, service: &str) -> Result<BoxStream<'static, Bytes>, BusError>;

    /// Wakes the replicas of a service with a word of its own, the caller too; may get lost.
    ///
    /// # Errors
    /// When the bus does not answer.
    async fn nudge(&self, service: &str, word: &str) -> Result<(), BusError>;

    /// Hears the words that wake a service's replicas.
    ///
    /// # Errors
    /// When the bus does not answer.
    async fn nudges(&self, service: &str) -> Result<BoxStream<'static, String>, BusError>;

    /// Waits until what was said here is on its way, for whoever ends now; not for long. A transport that
    /// keeps nothing back has nothing to do.
    async fn flush(&self) {}

    /// Whether the bus can be reached now.
    fn is_connected(&self) -> bool;
}

/// A question to a service.
#[derive(Debug)]
pub struct Question {
    /// What is asked.
    pub body: Bytes,
    /// Where the reply goes.
    pub reply: oneshot::Sender<Bytes>,
}

/// An event that waits for its acknowledgement. Dropped without one, it comes again.
pub struct Delivery {
    /// The event.
    pub envelope: Arc<Envelope>,
    /// Which delivery of this event to this consumer it is, from 1.
    pub attempt: u32,
    receipt: Option<Box<dyn Receipt>>,
}

impl std::fmt::Debug for Delivery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Delivery")
            .field("id", &self.envelope.id)
            .finish_non_exhaustive()
    }
}

/// How a transport hears what became of a delivery.
pub trait Receipt: Send {
    /// It is durably handled: never again.
    fn acknowledge(self: Box<Self>);
    /// It is not: again after `delay`.
    fn again(self: Box<Self>, delay: Duration);
}

/// After how long an event that was neither acknowledged nor refused comes again.
pub const ACKNOWLEDGE_WITHIN: Duration = Duration::from_secs(5);

impl Delivery {
    /// A delivery by a transport.
    #[must_use]
    pub fn new(envelope: Arc<Envelope>, attempt: u32, receipt: Box<dyn Receipt>) -> Self {
        Self {
            envelope,
            attempt,
            receipt: Some(receipt),
        }
    }

    /// Acknowledges: it is durably applied, parked or known to be superfluous.
    pub fn acknowledge(mut self) {
        if let Some(receipt) = self.receipt.take() {
            receipt.acknowledge();
        }
    }

    /// Does not acknowledge: it comes again after `delay`.
    pub fn again(mut self, delay: Duration) {
        if let Some(receipt) = self.receipt.take() {
            receipt.again(delay);
        }
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if let Some(receipt) = self.receipt.take() {
            receipt.again(ACKNOWLEDGE_WITHIN);
        }
    }
}
