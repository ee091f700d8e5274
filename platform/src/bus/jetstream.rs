//! The bus between processes: NATS, with JetStream for events. What it loses, the logs heal.

mod codec;
mod connection;
mod deliveries;
mod names;
mod place;
mod progress;
mod publishing;
mod questions;
mod settings;
mod streams;

use std::sync::Arc;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::{Client, Request, Subject, Subscriber, jetstream};
use async_trait::async_trait;
use bytes::Bytes;
use contracts::Envelope;
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::sync::mpsc;

pub use connection::ConnectError;
pub use settings::Settings;

use self::deliveries::Deliveries;
use self::names::Names;
use self::streams::Streams;
use super::{Bus, BusError, Delivery, Question};
use crate::tasks::Tasks;

/// How long the server may take to show that it knows a new subscription.
const SETTLES_WITHIN: Duration = Duration::from_secs(1);

/// How long acknowledgements of the last handlers, and what subscriptions give back, are waited for at
/// the end.
const LAST_ANSWERS: Duration = deliveries::GATHER_MAX.saturating_add(Duration::from_millis(50));

/// The bus between processes.
#[derive(Clone)]
pub struct JetStreamBus(Arc<Wire>);

/// A connection, and what is known of the other side.
struct Wire {
    client: Client,
    jetstream: jetstream::Context,
    names: Names,
    streams: Streams,
    /// Acknowledgements and refusals on their way, so that no handler waits for the server.
    answers: mpsc::UnboundedSender<(Subject, Bytes)>,
    tasks: Tasks,
}

/// Connects to the servers. Later losses of the connection are repaired for ever; background work
/// runs as `tasks`.
///
/// # Errors
/// When the settings are malformed, no server answers, it refuses the credentials, or has no JetStream.
/// The caller puts the setting's name before it.
pub async fn connect(settings: &Settings, tasks: &Tasks) -> Result<JetStreamBus, ConnectError> {
    let names = Names::new(&settings.namespace)?;
    let (client, jetstream) = connection::connect(settings).await?;
    let (answers, waiting) = mpsc::unbounded_channel();
    tasks.spawn_until_stopped(send_answers(client.clone(), waiting, tasks.clone()));
    Ok(JetStreamBus(Arc::new(Wire {
        streams: Streams::new(jetstream.clone(), names.clone(), settings),
        client,
        jetstream,
        names,
        answers,
        tasks: tasks.clone(),
    })))
}

/// Sends acknowledgements; at the end also those of the handlers that end with the process.
async fn send_answers(
    client: Client,
    mut waiting: mpsc::UnboundedReceiver<(Subject, Bytes)>,
    tasks: Tasks,
) {
    let stopping = tasks.stopping();
    // Only the waiting is interrupted: what was taken from the queue is sent.
    while let Some(next) = stopping.run_until_cancelled(waiting.recv()).await {
        let Some((to, answer)) = next else {
            return;
        };
        drop(client.publish(to, answer).await);
    }
    while let Ok(Some((to, answer))) = tokio::time::timeout(LAST_ANSWERS, waiting.recv()).await {
        drop(tokio::time::timeout(LAST_ANSWERS, client.publish(to, answer)).await);
    }
    drop(tokio::time::timeout(SETTLES_WITHIN, client.flush()).await);
}

impl Wire {
    fn connected(&self) -> Result<(), BusError> {
        match self.client.connection_state() {
            State::Connected => Ok(()),
            _ => Err(BusError("not connected".to_owned())),
        }
    }

    /// Hears a subject from now on. The client subscribes again by itself after a loss.
    async fn hear(&self, subject: String) -> Result<Subscriber, BusError> {
        let subscriber = self
            .client
            .subscribe(subject)
            .await
            .map_err(|error| BusError(error.to_string()))?;
        self.settle().await;
        Ok(subscriber)
    }

    /// Waits until the server has read what was sent before; a server that is away reads it later.
    async fn settle(&self) {
        let request = Request::new().timeout(Some(SETTLES_WITHIN));
        drop(self.client.send_request(self.names.nobody(), request).await);
    }

    async fn tell(&self, subject: String, body: Bytes) -> Result<(), BusError> {
        self.connected()?;
        let told = self.client.publish(subject, body).await;
        told.map_err(|error| BusError(error.to_string()))
    }
}

#[async_trait]
impl Bus for JetStreamBus {
    async fn publish(&self, event: &Arc<Envelope>) -> Result<(), BusError> {
        let mut outcomes = self.0.publish(std::slice::from_ref(event)).await;
        outcomes.pop().unwrap_or(Ok(()))
    }

    async fn publish_all(&self, events: &[Arc<Envelope>]) -> Vec<Result<(), BusError>> {
        self.0.publish(events).await
    }

    async fn subscribe(
        &self,
        consumer: &str,
        owner: &str,
        aggregate: &'static str,
    ) -> Result<BoxStream<'static, Delivery>, BusError> {
        let deliveries = Deliveries::new(Arc::clone(&self.0), consumer, owner, aggregate);
        Ok(deliveries.stream().await)
    }

    async fn follow(
        &self,
        owner: &str,
        aggregate: &'static str,
    ) -> Result<BoxStream<'static, Arc<Envelope>>, BusError> {
        let heard = self.0.hear(self.0.names.events(owner, aggregate)).await?;
        let events = heard.filter_map(|message| {
            let event = codec::decode(message.headers.as_ref(), &message.payload);
            std::future::ready(event.ok().map(Arc::new))
        });
        Ok(events.boxed())
    }

    async fn request(
        &self,
        service: &str,
        question: Bytes,
        limit: Duration,
    ) -> Result<Bytes, BusError> {
        tokio::time::timeout(limit, self.0.ask(service, question))
            .await
            .unwrap_or_else(|_| Err(BusError(format!("{service} does not answer"))))
    }

    async fn serve(&self, service: &str) -> Result<BoxStream<'static, Question>, BusError> {
        self.0.serve(service).await
    }

    async fn announce(&self, service: &str, news: Bytes) -> Result<(), BusError> {
        self.0.tell(self.0.names.news(service), news).await
    }

    async fn listen(&self, service: &str) -> Result<BoxStream<'static, Bytes>, BusError> {
        let heard = self.0.hear(self.0.names.news(service)).await?;
        Ok(heard.map(|message| message.payload).boxed())
    }

    async fn nudge(&self, service: &str, word: &str) -> Result<(), BusError> {
        let word = Bytes::copy_from_slice(word.as_bytes());
        self.0.tell(self.0.names.nudges(service), word).await
    }

    async fn nudges(&self, service: &str) -> Result<BoxStream<'static, String>, BusError> {
        let heard = self.0.hear(self.0.names.nudges(service)).await?;
        let words = heard.map(|message| String::from_utf8_lossy(&message.payload).into_owned());
        Ok(words.boxed())
    }

    async fn flush(&self) {
        drop(tokio::time::timeout(SETTLES_WITHIN, self.0.client.flush()).await);
    }

    fn is_connected(&self) -> bool {
        self.0.connected().is_ok()
    }
}
