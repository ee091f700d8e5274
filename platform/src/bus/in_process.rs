//! The bus within one process: channels. At a crash everything in it is lost; the logs heal that.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use contracts::Envelope;
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio_stream::wrappers::{BroadcastStream, ReceiverStream};

use super::{Bus, BusError, Delivery, Question, Receipt};
use crate::clock::Clock;
use crate::tasks::Tasks;

/// How many events wait for one consumer before the relay has to wait: some tens of milliseconds of
/// a busy consumer's work.
const QUEUE_MAX: usize = 4096;

/// How many events or announcements a follower may lag before it misses some.
const FOLLOW_MAX: usize = 1024;

/// The bus within one process.
#[derive(Clone)]
pub struct InProcessBus {
    wires: Arc<Wires>,
    clock: Arc<dyn Clock>,
    tasks: Tasks,
}

#[derive(Default)]
struct Wires {
    consumers: Mutex<HashMap<&'static str, HashMap<String, mpsc::Sender<Parcel>>>>,
    followers: Mutex<HashMap<String, broadcast::Sender<Arc<Envelope>>>>,
    services: Mutex<HashMap<String, mpsc::Sender<Question>>>,
    news: Mutex<HashMap<String, broadcast::Sender<Bytes>>>,
    nudges: Mutex<HashMap<String, broadcast::Sender<String>>>,
}

struct Parcel {
    envelope: Arc<Envelope>,
    attempt: u32,
}

impl InProcessBus {
    /// A bus that carries nothing yet; redeliveries run as `tasks`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, tasks: Tasks) -> Self {
        Self {
            wires: Arc::default(),
            clock,
            tasks,
        }
    }
}

/// Looks at one of the maps; a panic elsewhere leaves them usable.
fn locked<K: Eq + Hash, V, T>(
    map: &Mutex<HashMap<K, V>>,
    look: impl FnOnce(&mut HashMap<K, V>) -> T,
) -> T {
    look(&mut map.lock().unwrap_or_else(PoisonError::into_inner))
}

fn channel<T: Clone>(
    map: &Mutex<HashMap<String, broadcast::Sender<T>>>,
    name: &str,
) -> broadcast::Sender<T> {
    locked(map, |map| match map.get(name) {
        Some(sender) => sender.clone(),
        None => map
            .entry(name.to_owned())
            .or_insert(broadcast::channel(FOLLOW_MAX).0)
            .clone(),
    })
}

fn heard<T: Clone + Send + 'static>(sender: &broadcast::Sender<T>) -> BoxStream<'static, T> {
    let stream = BroadcastStream::new(sender.subscribe());
    stream
        .filter_map(|item| std::future::ready(item.ok()))
        .boxed()
}

#[async_trait]
impl Bus for InProcessBus {
    async fn publish(&self, event: &Arc<Envelope>) -> Result<(), BusError> {
        let queues: Vec<_> = locked(&self.wires.consumers, |consumers| {
            let named = consumers.get(event.aggregate.as_str());
            named
                .map(|named| named.values().cloned().collect())
                .unwrap_or_default()
        });
        for queue in queues {
            // A consumer that went away reads the owner's log when it is back.
            drop(
                queue
                    .send(Parcel {
                        envelope: Arc::clone(event),
                        attempt: 1,
                    })
                    .await,
            );
        }
        locked(&self.wires.followers, |followers| {
            if let Some(sender) = followers.get(&event.aggregate) {
                drop(sender.send(Arc::clone(event)));
            }
        });
        Ok(())
    }

    async fn subscribe(
        &self,
        consumer: &str,
        _owner: &str,
        aggregate: &'static str,
    ) -> Result<BoxStream<'static, Delivery>, BusError> {
        let (sender, receiver) = mpsc::channel(QUEUE_MAX);
        let queue = sender.downgrade();
        locked(&self.wires.consumers, |consumers| {
            consumers
                .entry(aggregate)
                .or_default()
                .insert(consumer.to_owned(), sender)
        });
        let (clock, tasks) = (Arc::clone(&self.clock), self.tasks.clone());
        let deliveries = ReceiverStream::new(receiver).map(move |parcel| {
            let receipt = Redelivery {
                parcel: Parcel {
                    envelope: Arc::clone(&parcel.envelope),
                    attempt: parcel.attempt + 1,
                },
                queue: queue.clone(),
                clock: Arc::clone(&clock),
                tasks: tasks.clone(),
            };
            Delivery::new(parcel.envelope, parcel.attempt, Box::new(receipt))
        });
        Ok(deliveries.boxed())
    }

    async fn follow(
        &self,
        _owner: &str,
        aggregate: &'static str,
    ) -> Result<BoxStream<'static, Arc<Envelope>>, BusError> {
        Ok(heard(&channel(&self.wires.followers, aggregate)))
    }

    async fn request(
        &self,
        service: &str,
        question: Bytes,
        limit: Duration,
    ) -> Result<Bytes, BusError> {
        let nobody = || BusError(format!("{service} does not answer"));
        let sender = locked(&self.wires.services, |services| {
            services.get(service).cloned()
        });
        let (reply, replied) = oneshot::channel();
        let sender = sender.ok_or_else(nobody)?;
        let ask = async {
            sender
                .send(Question {
                    body: question,
                    reply,
                })
                .await
                .map_err(|_| nobody())?;
            replied.await.map_err(|_| nobody())
        };
        tokio::select! {
            biased;
            answer = ask => answer,
            () = self.clock.sleep(limit) => Err(nobody()),
        }
    }

    async fn serve(&self, service: &str) -> Result<BoxStream<'static, Question>, BusError> {
        let (sender, receiver) = mpsc::channel(QUEUE_MAX);
        locked(&self.wires.services, |services| {
            services.insert(service.to_owned(), sender)
        });
        Ok(ReceiverStream::new(receiver).boxed())
    }

    async fn announce(&self, service: &str, news: Bytes) -> Result<(), BusError> {
        drop(channel(&self.wires.news, service).send(news));
        Ok(())
    }

    async fn listen(&self, service: &str) -> Result<BoxStream<'static, Bytes>, BusError> {
        Ok(heard(&channel(&self.wires.news, service)))
    }

    async fn nudge(&self, service: &str, word: &str) -> Result<(), BusError> {
        drop(channel(&self.wires.nudges, service).send(word.to_owned()));
        Ok(())
    }

    async fn nudges(&self, service: &str) -> Result<BoxStream<'static, String>, BusError> {
        Ok(heard(&channel(&self.wires.nudges, service)))
    }

    fn is_connected(&self) -> bool {
        true
    }
}

/// Brings an event that was not acknowledged again.
struct Redelivery {
    parcel: Parcel,
    queue: mpsc::WeakSender<Parcel>,
    clock: Arc<dyn Clock>,
    tasks: Tasks,
}

impl Receipt for Redelivery {
    fn acknowledge(self: Box<Self>) {}

    fn again(self: Box<Self>, delay: Duration) {
        let Self {
            parcel,
            queue,
            clock,
            tasks,
        } = *self;
        tasks.spawn(async move {
            clock.sleep(delay).await;
            if let Some(queue) = queue.upgrade() {
                drop(queue.send(parcel).await);
            }
        });
    }
}
