//! What lies between the processes: a bus that keeps events for each consumer, as an apart one does,
//! and does to them what the weather wants.

mod line;
mod weather;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use contracts::Envelope;
use platform::bus::{Delivery, Question, Receipt};
use testing::random::Seeded;
use tokio::sync::{Notify, broadcast, mpsc};

use crate::executor::{Executor, FOREVER};
use crate::faults::{Fault, Tally};
use crate::trace::Trace;
use crate::world::Replica;

pub use line::Line;
pub use weather::{Connection, Weather};

/// How many announcements a listener may lag before it misses some.
const NEWS_MAX: usize = 1024;

/// The network. Cheap to clone.
#[derive(Clone)]
pub struct Network(Arc<Inner>);

struct Inner {
    executor: Executor,
    choices: Seeded,
    tally: Arc<Tally>,
    trace: Trace,
    wires: Mutex<Wires>,
}

#[derive(Default)]
struct Wires {
    weather: Weather,
    connections: BTreeMap<Replica, Connection>,
    inboxes: BTreeMap<Address, Inbox>,
    /// Who answers for a service: any of them gets each question.
    questions: BTreeMap<String, Vec<Answerer>>,
    news: BTreeMap<String, broadcast::Sender<Bytes>>,
    nudges: BTreeMap<String, broadcast::Sender<String>>,
    followers: BTreeMap<&'static str, broadcast::Sender<Arc<Envelope>>>,
    /// How often it was emptied: what was on its way before is gone.
    life: u64,
}

/// An aggregate, and the service that hears of it.
type Address = (&'static str, &'static str);

/// Who answers questions, and where they go.
type Answerer = (Replica, mpsc::UnboundedSender<Question>);

#[derive(Default)]
struct Inbox {
    parcels: VecDeque<Parcel>,
    /// All that ever came, as the bus keeps it.
    kept: Vec<Arc<Envelope>>,
    news: Arc<Notify>,
}

#[derive(Clone)]
struct Parcel {
    envelope: Arc<Envelope>,
    attempt: u32,
}

impl Network {
    /// A network in fair weather.
    #[must_use]
    pub fn new(executor: &Executor, seed: u64, tally: Arc<Tally>, trace: &Trace) -> Self {
        Self(Arc::new(Inner {
            executor: executor.clone(),
            choices: Seeded::new(seed),
            tally,
            trace: trace.clone(),
            wires: Mutex::default(),
        }))
    }

    /// From now on, this goes wrong with messages.
    pub fn set(&self, weather: Weather) {
        self.wires().weather = weather;
    }

    /// From now on, this is wrong with a process's connection.
    pub fn connect(&self, replica: Replica, connection: Connection) {
        let mut wires = self.wires();
        wires.connections.insert(replica, connection);
        for inbox in wires.inboxes.values() {
            inbox.news.notify_waiters();
        }
    }

    /// Forgets all that it holds.
    pub fn empty(&self) {
        self.0.tally.count(Fault::BusEmptied);
        let mut wires = self.wires();
        wires.life += 1;
        for inbox in wires.inboxes.values_mut() {
            inbox.parcels.clear();
            inbox.kept.clear();
        }
    }

    /// Forgets how far some consumer has come: what it kept comes again from anywhere on.
    pub fn lose_place(&self) {
        let mut wires = self.wires();
        let addresses: Vec<Address> = wires.inboxes.keys().copied().collect();
        let Some(address) = self.0.choices.one_of(&addresses).copied() else {
            return;
        };
        let inbox = wires.inboxes.entry(address).or_default();
        let count = u64::try_from(inbox.kept.len()).unwrap_or(0);
        let from = usize::try_from(self.0.choices.below(count + 1)).unwrap_or(0);
        let parcel = |envelope: &Arc<Envelope>| Parcel {
            envelope: Arc::clone(envelope),
            attempt: 1,
        };
        inbox.parcels = inbox.kept.iter().skip(from).map(parcel).collect();
        inbox.news.notify_waiters();
        drop(wires);
        self.0.tally.count(Fault::PlaceLost);
        let (aggregate, service) = address;
        self.0
            .trace
            .say(|| format!("fault: {service} hears {aggregate} from {from} of {count} on again"));
    }

    /// How many events wait for somebody.
    #[must_use]
    pub fn waiting(&self) -> usize {
        let wires = self.wires();
        wires
            .inboxes
            .values()
            .map(|inbox| inbox.parcels.len())
            .sum()
    }

    /// The time of a journey.
    pub async fn travel(&self) {
        let micros = 100 + self.0.choices.below(900);
        self.0.executor.sleep(Duration::from_micros(micros)).await;
    }

    /// Whether a client does not get its answer this time.
    #[must_use]
    pub fn loses_answer(&self) -> bool {
        let per_thousand = self.wires().weather.answers_lost;
        self.happens(per_thousand, Fault::AnswerLost)
    }

    /// After how long a client goes away, if it does.
    #[must_use]
    pub fn patience(&self) -> Option<Duration> {
        let per_thousand = self.wires().weather.clients_left;
        let leaves = self.happens(per_thousand, Fault::ClientLeft);
        leaves.then(|| Duration::from_micros(self.0.choices.below(20_000)))
    }

    fn wires(&self) -> MutexGuard<'_, Wires> {
        self.0.wires.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What goes wrong with messages now.
    #[must_use]
    pub fn weather(&self) -> Weather {
        self.wires().weather
    }

    /// Whether something happens that does so many times in a thousand.
    #[must_use]
    pub fn chance(&self, per_thousand: u64) -> bool {
        per_thousand > 0 && self.0.choices.below(1000) < per_thousand
    }

    fn connection(&self, replica: Replica) -> Connection {
        let wires = self.wires();
        wires.connections.get(&replica).copied().unwrap_or_default()
    }

    /// How much later a service hears events.
    fn slowed(&self, service: &str) -> Duration {
        let wires = self.wires();
        let of_it = wires.connections.iter();
        let of_it = of_it.filter(|(replica, _)| replica.service == service);
        let slowed = of_it.map(|(_, connection)| connection.slowed).max();
        slowed.unwrap_or_default()
    }

    /// Who answers the next question to a service.
    fn answerer(&self, service: &str) -> Option<Answerer> {
        let all: Vec<Answerer> = {
            let wires = self.wires();
            let all = wires.questions.get(service)?.iter();
            all.filter(|(_, asked)| !asked.is_closed())
                .cloned()
                .collect()
        };
        match all.as_slice() {
            [] => None,
            [only] => Some(only.clone()),
            several => self.0.choices.one_of(several).cloned(),
        }
    }

    fn happens(&self, per_thousand: u64, fault: Fault) -> bool {
        let does = self.chance(per_thousand);
        if does {
            self.0.tally.count(fault);
        }
        does
    }

    /// Takes responsibility for an event.
    fn take(&self, event: &Arc<Envelope>) {
        self.0.trace.say(|| {
            format!(
                "{} {} is at version {}: {}",
                event.aggregate, event.subject, event.aggregateversion, event.kind
            )
        });
        let (weather, life) = (self.weather(), self.wires().life);
        let followers = self
            .wires()
            .followers
            .get(event.aggregate.as_str())
            .cloned();
        if let Some(followers) = followers {
            drop(followers.send(Arc::clone(event)));
        }
        let addresses: Vec<Address> = self
            .wires()
            .inboxes
            .keys()
            .filter(|(aggregate, _)| *aggregate == event.aggregate)
            .copied()
            .collect();
        for address in addresses {
            if self.happens(weather.lost, Fault::Lost) {
                continue;
            }
            let copies = 1 + usize::from(self.happens(weather.doubled, Fault::Doubled));
            for _ in 0..copies {
                let parcel = Parcel {
                    envelope: Arc::clone(event),
                    attempt: 1,
                };
                let late = self.happens(weather.delayed, Fault::Delayed);
                let micros = if late {
                    self.0.choices.below(3_000_000)
                } else {
                    0
                };
                let slowed = self.slowed(address.1);
                let delay = Duration::from_micros(micros) + slowed;
                self.deliver(address, parcel, delay, life);
            }
        }
    }

    fn deliver(&self, address: Address, parcel: Parcel, delay: Duration, life: u64) {
        if delay.is_zero() {
            self.put(address, parcel, life);
            return;
        }
        let network = self.clone();
        self.0.executor.spawn(FOREVER, async move {
            network.0.executor.sleep(delay).await;
            network.put(address, parcel, life);
        });
    }

    fn put(&self, address: Address, parcel: Parcel, life: u64) {
        let mut wires = self.wires();
        if wires.life != life {
            return;
        }
        let inbox = wires.inboxes.entry(address).or_default();
        if parcel.attempt == 1 {
            inbox.kept.push(Arc::clone(&parcel.envelope));
        }
        inbox.parcels.push_back(parcel);
        inbox.news.notify_waiters();
    }

    /// The next event for a service, once there is one and it arrives at this process.
    async fn next(&self, address: Address, replica: Replica) -> Delivery {
        loop {
            let news = {
                let mut wires = self.wires();
                let cut = wires.connections.get(&replica);
                let cut = cut.is_some_and(|connection| connection.incoming_cut);
                let life = wires.life;
                let inbox = wires.inboxes.entry(address).or_default();
                if !cut && let Some(parcel) = inbox.parcels.pop_front() {
                    return self.delivery(address, parcel, life);
                }
                Arc::clone(&inbox.news)
            };
            news.notified().await;
        }
    }

    fn delivery(&self, address: Address, parcel: Parcel, life: u64) -> Delivery {
        let receipt = Slip {
            network: self.clone(),
            address,
            parcel: Parcel {
                attempt: parcel.attempt + 1,
                ..parcel.clone()
            },
            life,
        };
        Delivery::new(parcel.envelope, parcel.attempt, Box::new(receipt))
    }
}

/// What brings an event again unless it is acknowledged, and its acknowledgement heard.
struct Slip {
    network: Network,
    address: Address,
    parcel: Parcel,
    life: u64,
}

impl Receipt for Slip {
    fn acknowledge(self: Box<Self>) {
        let per_thousand = self.network.weather().acknowledgements_lost;
        if self
            .network
            .happens(per_thousand, Fault::AcknowledgementLost)
        {
            self.again(platform::bus::ACKNOWLEDGE_WITHIN);
        }
    }

    fn again(self: Box<Self>, delay: Duration) {
        let Self {
            network,
            address,
            parcel,
            life,
        } = *self;
        // Never at once: a consumer that sends everything back would stop the time.
        let delay = delay.max(Duration::from_millis(1));
        network.deliver(address, parcel, delay, life);
    }
}

#[cfg(test)]
mod tests;
