//! The marketplace: each service a process of its own on a machine of its own, between them a network.

mod lost;
mod process;
mod replicas;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use axum::body::Body;
use http::Request;
use payments::provider::sandbox::Sandbox;
use payments::provider::sandbox::behaviour::Behaviour;
use payments::provider::signature::Secret;
use platform::db::memory::Disk;
use platform::run::open_simulated;
use platform::session::SigningKey;
use platform::{Db, Schema};
use testing::Answered;
use testing::random::Seeded;
use testing::world::ask;
use tokio::sync::oneshot;

use crate::clock::Machine;
use crate::executor::{Executor, FOREVER};
use crate::faults::{Fault, Tally};
use crate::network::Network;
use crate::post::Post;
use crate::trace::{FAULT, Trace};
use process::{Site, pace};
use replicas::Running;

pub use lost::Lost;
pub use replicas::Replica;

/// The services that own something.
pub const SERVICES: [&str; 6] = [
    "auth",
    "tickets",
    "orders",
    "expiration",
    "payments",
    "notifications",
];

/// How long a client waits for an answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// What differs from one marketplace to the next.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// How long a ticket is held.
    pub hold: Duration,
    /// How long a payment that began in time keeps its order.
    pub grace: Duration,
    /// Whether the provider takes money at once, because it can't hold any.
    pub takes_at_once: bool,
    /// How many processes of each service work on its database.
    pub replicas: usize,
}

/// The marketplace. Cheap to clone.
#[derive(Clone)]
pub struct World(Arc<Inner>);

impl std::ops::Deref for World {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// What a marketplace consists of.
pub struct Inner {
    /// Who is next.
    pub executor: Executor,
    /// What lies between the processes.
    pub network: Network,
    /// What went wrong.
    pub tally: Arc<Tally>,
    /// What happened.
    pub trace: Trace,
    /// What the world draws its choices from.
    pub choices: Arc<Seeded>,
    /// The payment provider.
    pub provider: Arc<Sandbox>,
    /// The provider's own database.
    pub provider_db: Db,
    /// What that is on.
    pub provider_disk: Disk,
    /// The mail server.
    pub post: Arc<Post>,
    /// What the provider and payments share, for notices.
    pub secret: Secret,
    /// What differs from other marketplaces.
    pub terms: Terms,
    /// The machines, by service.
    pub machines: BTreeMap<&'static str, Host>,
    key: SigningKey,
    processes: Mutex<BTreeMap<Replica, Running>>,
    lost: Mutex<Lost>,
    accused: Mutex<Vec<String>>,
}

/// A machine: what outlives the processes on it.
pub struct Host {
    /// Its disk.
    pub disk: Disk,
    /// The clock of each of its processes, by its number: apart they run on machines of their own.
    pub clocks: Vec<Arc<Machine>>,
}

impl Host {
    /// The clock of one of its processes.
    ///
    /// # Errors
    /// When there is no such process.
    pub fn clock(&self, replica: Replica) -> anyhow::Result<&Arc<Machine>> {
        let clock = self.clocks.get(replica.number);
        clock.with_context(|| format!("no {replica}"))
    }
}

/// What a client heard.
#[derive(Debug)]
pub enum Heard {
    /// An answer.
    Answer(Answered),
    /// Nobody took the request.
    Refused,
    /// Nothing: it may have been done.
    Nothing,
}

impl World {
    /// A marketplace that does not run yet.
    ///
    /// # Errors
    /// When the provider's database can't be made.
    pub fn new(executor: &Executor, seed: u64, terms: Terms) -> anyhow::Result<Self> {
        let choices = Arc::new(Seeded::new(seed));
        let (tally, trace) = (Arc::new(Tally::default()), Trace::new(executor));
        let network = Network::new(executor, choices.next(), Arc::clone(&tally), &trace);
        let post = Post::new(choices.next(), Arc::clone(&tally));
        let key = SigningKey::generate(choices.as_ref()).map_err(|error| anyhow!("{error}"))?;
        let mut machines = BTreeMap::new();
        for service in SERVICES {
            let host = Host {
                disk: match terms.replicas {
                    1 => Disk::new()?,
                    _ => Disk::shared()?,
                },
                clocks: (0..terms.replicas)
                    .map(|_| Machine::new(executor))
                    .collect(),
            };
            machines.insert(service, host);
        }
        let site = Site {
            executor,
            network: &network,
            choices: &choices,
            key: &key,
        };
        let provider = Replica::only("provider");
        let process = site.process(provider, FOREVER, Machine::new(executor))?;
        let schema = Schema {
            name: "sandbox",
            migrations: payments::provider::sandbox::MIGRATIONS,
        };
        let provider_disk = Disk::new()?;
        let medium = (&provider_disk, pace(&choices));
        let provider_db = open_simulated(&process, medium, schema)?.0;
        let clock = Arc::clone(&process.clock);
        let secret = Secret::generate(choices.as_ref());
        let provider = Sandbox::new(provider_db.clone(), clock, Behaviour::default())
            .signing_with(vec![secret.clone()]);
        Ok(Self(Arc::new(Inner {
            executor: executor.clone(),
            network,
            tally,
            trace,
            choices,
            provider: Arc::new(provider),
            provider_db,
            provider_disk,
            post,
            secret,
            terms,
            machines,
            key,
            processes: Mutex::default(),
            lost: Mutex::default(),
            accused: Mutex::default(),
        })))
    }

    /// How the provider behaves when nothing is wrong with it.
    #[must_use]
    pub fn usual_provider(&self) -> Behaviour {
        Behaviour {
            capture_immediately: self.terms.takes_at_once,
            ..Behaviour::default()
        }
    }

    /// The machine of a service.
    ///
    /// # Errors
    /// When there is no such service.
    pub fn host(&self, service: &str) -> anyhow::Result<&Host> {
        let host = self.machines.get(service);
        host.with_context(|| format!("no service {service}"))
    }

    /// Sends a request to a service.
    pub async fn ask(&self, service: &'static str, request: Request<Body>) -> Heard {
        self.network.travel().await;
        let Some((group, router)) = self.answering(service) else {
            return Heard::Refused;
        };
        let (tell, mut told) = oneshot::channel();
        self.executor.spawn(group, async move {
            let mut tell = tell;
            tokio::select! {
                biased;
                // Whoever has gone away is not answered any more, and the handler is dropped.
                () = tell.closed() => {}
                answer = ask(&router, request) => drop(tell.send(answer)),
            }
        });
        let patience = self.network.patience().unwrap_or(ANSWER_WITHIN);
        let answer = tokio::select! {
            biased;
            answer = &mut told => answer.ok(),
            () = self.executor.sleep(patience) => None,
        };
        drop(told);
        self.network.travel().await;
        match answer {
            Some(Ok(answer)) if !self.network.loses_answer() => Heard::Answer(answer),
            _ => Heard::Nothing,
        }
    }

    /// Somebody saw what must not be.
    pub fn accuse(&self, what: String) {
        let mut accused = self.accused.lock().unwrap_or_else(PoisonError::into_inner);
        accused.push(what);
    }

    /// What somebody saw that must not be.
    #[must_use]
    pub fn accused(&self) -> Vec<String> {
        let accused = self.accused.lock().unwrap_or_else(PoisonError::into_inner);
        accused.clone()
    }

    /// It went wrong.
    pub fn fault(&self, fault: Fault, what: impl FnOnce() -> String) {
        self.tally.count(fault);
        self.trace.say(|| format!("{FAULT}{}", what()));
    }
}
