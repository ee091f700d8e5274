//! A process's connection to the network: its bus.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use contracts::Envelope;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use platform::bus::{Bus, BusError, Delivery, Question};
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio_stream::wrappers::{BroadcastStream, UnboundedReceiverStream};

use super::{NEWS_MAX, Network};
use crate::faults::Fault;

/// How long a sender waits for a confirmation that does not come.
const CONFIRM_WITHIN: Duration = Duration::from_secs(2);

/// A process's connection to the network.
#[derive(Clone)]
pub struct Line {
    network: Network,
    process: &'static str,
}

impl Line {
    /// The connection of this process.
    #[must_use]
    pub fn new(network: &Network, process: &'static str) -> Self {
        Self {
            network: network.clone(),
            process,
        }
    }

    fn is_heard(&self) -> bool {
        !self.network.connection(self.process).outgoing_cut
    }

    fn hears(&self) -> bool {
        !self.network.connection(self.process).incoming_cut
    }

    async fn silence(&self, limit: Duration) -> BusError {
        self.network.0.executor.sleep(limit).await;
        BusError("nothing is heard".to_owned())
    }

    fn stream<T: Clone + Send + 'static>(
        &self,
        sender: &broadcast::Sender<T>,
    ) -> BoxStream<'static, T> {
        let line = self.clone();
        let heard = BroadcastStream::new(sender.subscribe()).filter_map(move |item| {
            let item = item.ok().filter(|_| line.hears());
            std::future::ready(item)
        });
        heard.boxed()
    }
}

fn channel<T: Clone>() -> broadcast::Sender<T> {
    broadcast::channel(NEWS_MAX).0
}

#[async_trait]
impl Bus for Line {
    async fn publish(&self, event: &Arc<Envelope>) -> Result<(), BusError> {
        let outcomes = self.publish_all(std::slice::from_ref(event)).await;
        outcomes.into_iter().collect()
    }

    async fn publish_all(&self, events: &[Arc<Envelope>]) -> Vec<Result<(), BusError>> {
        let network = &self.network;
        network.travel().await;
        if !self.is_heard() {
            let error = self.silence(CONFIRM_WITHIN).await;
            return events.iter().map(|_| Err(error.clone())).collect();
        }
        events.iter().for_each(|event| network.take(event));
        network.travel().await;
        if !self.hears() {
            let error = self.silence(CONFIRM_WITHIN).await;
            return events.iter().map(|_| Err(error.clone())).collect();
        }
        let unconfirmed = network.weather().unconfirmed;
        let outcome = |_| {
            if network.happens(unconfirmed, Fault::Unconfirmed) {
                return Err(BusError("not confirmed".to_owned()));
            }
            Ok(())
        };
        events.iter().map(outcome).collect()
    }

    async fn subscribe(
        &self,
        _consumer: &str,
        _owner: &str,
        aggregate: &'static str,
    ) -> Result<BoxStream<'static, Delivery>, BusError> {
        let address = (aggregate, self.process);
        self.network.wires().inboxes.entry(address).or_default();
        let deliveries = stream::unfold(self.network.clone(), move |network| async move {
            let delivery = network.next(address).await;
            Some((delivery, network))
        });
        Ok(deliveries.boxed())
    }

    async fn follow(
        &self,
        _owner: &str,
        aggregate: &'static str,
    ) -> Result<BoxStream<'static, Arc<Envelope>>, BusError> {
        let mut wires = self.network.wires();
        let sender = wires.followers.entry(aggregate).or_insert_with(channel);
        Ok(self.stream(&sender.clone()))
    }

    async fn request(
        &self,
        service: &str,
        question: Bytes,
        limit: Duration,
    ) -> Result<Bytes, BusError> {
        let network = &self.network;
        network.travel().await;
        let unanswered = network.weather().unanswered;
        let target = network.connection(service);
        if !self.is_heard() || target.incoming_cut || network.happens(unanswered, Fault::Unanswered)
        {
            return Err(self.silence(limit).await);
        }
        let (reply, replied) = oneshot::channel();
        let asked = network.wires().questions.get(service).cloned();
        let nobody = || BusError(format!("{service} does not answer"));
        let question = Question {
            body: question,
            reply,
        };
        asked
            .ok_or_else(nobody)?
            .send(question)
            .map_err(|_| nobody())?;
        let answer = tokio::select! {
            biased;
            answer = replied => answer.map_err(|_| nobody())?,
            () = network.0.executor.sleep(limit) => return Err(nobody()),
        };
        network.travel().await;
        if !self.hears() || network.connection(service).outgoing_cut {
            return Err(self.silence(limit).await);
        }
        Ok(answer)
    }

    async fn serve(&self, service: &str) -> Result<BoxStream<'static, Question>, BusError> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.network
            .wires()
            .questions
            .insert(service.to_owned(), sender);
        Ok(UnboundedReceiverStream::new(receiver).boxed())
    }

    async fn announce(&self, service: &str, news: Bytes) -> Result<(), BusError> {
        let unheard = self.network.weather().unheard;
        if !self.is_heard() || self.network.happens(unheard, Fault::Unheard) {
            return Ok(());
        }
        let sender = self.network.wires().news.get(service).cloned();
        if let Some(sender) = sender {
            drop(sender.send(news));
        }
        Ok(())
    }

    async fn listen(&self, service: &str) -> Result<BoxStream<'static, Bytes>, BusError> {
        let mut wires = self.network.wires();
        let sender = wires.news.entry(service.to_owned()).or_insert_with(channel);
        Ok(self.stream(&sender.clone()))
    }

    async fn nudge(&self, service: &str, word: &str) -> Result<(), BusError> {
        let sender = self.network.wires().nudges.get(service).cloned();
        if let Some(sender) = sender {
            drop(sender.send(word.to_owned()));
        }
        Ok(())
    }

    async fn nudges(&self, service: &str) -> Result<BoxStream<'static, String>, BusError> {
        let mut wires = self.network.wires();
        let sender = wires
            .nudges
            .entry(service.to_owned())
            .or_insert_with(channel);
        Ok(self.stream(&sender.clone()))
    }

    fn is_connected(&self) -> bool {
        self.is_heard() && self.hears()
    }
}
