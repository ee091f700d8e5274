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
use crate::world::Replica;

/// How long a sender waits for a confirmation that does not come.
const CONFIRM_WITHIN: Duration = Duration::from_secs(2);

/// A process's connection to the network.
#[derive(Clone)]
pub struct Line {
    network: Network,
    replica: Replica,
}

impl Line {
    /// The connection of this process.
    #[must_use]
    pub fn new(network: &Network, replica: Replica) -> Self {
        Self {
            network: network.clone(),
            replica,
        }
    }

    fn is_heard(&self) -> bool {
        !self.network.connection(self.replica).outgoing_cut
    }

    fn hears(&self) -> bool {
        !self.network.connection(self.replica).incoming_cut
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
        let (replica, address) = (self.replica, (aggregate, self.replica.service));
        self.network.wires().inboxes.entry(address).or_default();
        let deliveries = stream::unfold(self.network.clone(), move |network| async move {
            let delivery = network.next(address, replica).await;
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
        let nobody = || BusError(format!("{service} does not answer"));
        let (target, asked) = network.answerer(service).ok_or_else(nobody)?;
        let is_cut = network.connection(target).incoming_cut;
        if !self.is_heard() || is_cut || network.happens(unanswered, Fault::Unanswered) {
            return Err(self.silence(limit).await);
        }
        let (reply, replied) = oneshot::channel();
        let question = Question {
            body: question,
            reply,
        };
        asked.send(question).map_err(|_| nobody())?;
        let answer = tokio::select! {
            biased;
            answer = replied => answer.map_err(|_| nobody())?,
            () = network.0.executor.sleep(limit) => return Err(nobody()),
        };
        network.travel().await;
        if !self.hears() || network.connection(target).outgoing_cut {
            return Err(self.silence(limit).await);
        }
        Ok(answer)
    }

    async fn serve(&self, service: &str) -> Result<BoxStream<'static, Question>, BusError> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let mut wires = self.network.wires();
        let answerers = wires.questions.entry(service.to_owned()).or_default();
        answerers.retain(|(replica, asked)| *replica != self.replica && !asked.is_closed());
        answerers.push((self.replica, sender));
        drop(wires);
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
        let unheard = self.network.weather().unheard;
        if !self.is_heard() || self.network.happens(unheard, Fault::Unheard) {
            return Ok(());
        }
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
