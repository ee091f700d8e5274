//! What an operator can ask of the marketplace, running or stopped.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use contracts::Envelope;
use contracts::catalogue::catalogue;
use futures::StreamExt;
use platform::bus::Bus;
use platform::db::Db;
use platform::gate::Gate;
use platform::gate::operator::StuckKey;
use platform::log::source;
use platform::session::SigningKey;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::Sender;

use crate::compose::{Keys, Marketplace, Options, compose};
use crate::data_dir::DataDir;
use crate::settings::DatabaseSettings;
use crate::storage::{Databases, Storage};
use crate::{backup, check};

/// A question or an order of an operator.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Request {
    /// Audits everything.
    Check {
        /// Counts what is pending as a violation.
        at_rest: bool,
    },
    /// Events as they happen.
    Tail,
    /// One aggregate's log and its consumers' cursors.
    Show {
        /// The aggregate's name.
        aggregate: String,
        /// Its id.
        id: String,
    },
    /// Keys behind which events are parked; only the blocked ones if so asked.
    Stuck {
        /// Whether to leave out what heals by itself.
        blocked_only: bool,
    },
    /// Tries a key again.
    Redrive {
        /// The consuming service.
        service: String,
        /// The aggregate's name.
        aggregate: String,
        /// Its id.
        id: String,
    },
    /// Passes over the event that blocks a key.
    Skip {
        /// The consuming service.
        service: String,
        /// The aggregate's name.
        aggregate: String,
        /// Its id.
        id: String,
        /// Why.
        reason: String,
    },
    /// Fills a service's copies again.
    Rebuild {
        /// The service.
        service: String,
    },
    /// Copies all databases as of one moment.
    Backup {
        /// Where to; must not exist.
        target: PathBuf,
    },
}

/// Where answers go, line by line.
pub type Lines = Sender<String>;

/// The marketplace as an operator sees it. Cheap to clone.
#[derive(Clone)]
pub struct Operator {
    /// The services' inboxes, by name.
    pub gates: Arc<BTreeMap<&'static str, Gate>>,
    /// The sandbox provider's database.
    pub sandbox: Db,
    /// The data directory.
    pub data_dir: PathBuf,
    /// Whether the services run, rather than being held still.
    pub running: bool,
    /// What carries their events.
    pub bus: Arc<dyn Bus>,
}

impl Operator {
    /// An operator of these services.
    #[must_use]
    pub fn new(
        gates: BTreeMap<&'static str, Gate>,
        sandbox: Db,
        bus: Arc<dyn Bus>,
        data_dir: PathBuf,
    ) -> Self {
        Self {
            gates: Arc::new(gates),
            sandbox,
            data_dir,
            running: true,
            bus,
        }
    }

    /// The inbox of a service.
    ///
    /// # Errors
    /// When there is no such service.
    pub fn gate(&self, service: &str) -> anyhow::Result<&Gate> {
        let names = || self.gates.keys().copied().collect::<Vec<_>>().join(", ");
        self.gates
            .get(service)
            .ok_or_else(|| anyhow!("no service {service}: there are {}", names()))
    }

    /// Closes all databases cleanly.
    pub fn close(&self) {
        self.gates.values().for_each(|gate| gate.context.db.close());
        self.sandbox.close();
    }

    /// Does what is asked; answers the exit code.
    ///
    /// # Errors
    /// When it can't be done.
    pub async fn execute(&self, request: Request, lines: &Lines) -> anyhow::Result<u8> {
        match request {
            Request::Check { at_rest } => return check::run(self, at_rest, lines).await,
            Request::Tail => self.tail(lines).await?,
            Request::Show { aggregate, id } => self.show(&aggregate, &id, lines).await?,
            Request::Stuck { blocked_only } => self.stuck(blocked_only, lines).await?,
            Request::Redrive {
                service,
                aggregate,
                id,
            } => {
                self.gate(&service)?.redrive(&aggregate, &id).await?;
                lines
                    .send(format!("{service} tries {aggregate} {id} again"))
                    .await?;
            }
            Request::Skip {
                service,
                aggregate,
                id,
                reason,
            } => {
                let version = self.gate(&service)?.skip(&aggregate, &id, &reason).await?;
                lines
                    .send(format!(
                        "{service} passed over {aggregate} {id} version {version}"
                    ))
                    .await?;
            }
            Request::Rebuild { service } => {
                let applied = self.gate(&service)?.rebuild().await?;
                lines
                    .send(format!(
                        "{service} rebuilt its copies from {applied} events"
                    ))
                    .await?;
            }
            Request::Backup { target } => backup::copy(self, &target, lines).await?,
        }
        Ok(0)
    }

    async fn tail(&self, lines: &Lines) -> anyhow::Result<()> {
        let mut streams = Vec::new();
        for entry in catalogue().entries {
            streams.push(self.bus.follow(entry.owner, entry.name).await?);
        }
        let mut events = futures::stream::select_all(streams);
        while let Some(event) = events.next().await {
            lines.send(line_of(&event)).await?;
        }
        Ok(())
    }

    async fn show(&self, aggregate: &str, id: &str, lines: &Lines) -> anyhow::Result<()> {
        let mut count = 0;
        for gate in self.gates.values() {
            let mut after = 0;
            loop {
                let (name, subject) = (aggregate.to_owned(), id.to_owned());
                let page = source::events(&gate.context.db, name, subject, after).await?;
                let Some(last) = page.last() else { break };
                after = last.aggregateversion;
                count += page.len();
                for event in &page {
                    lines.send(line_of(event)).await?;
                }
            }
        }
        if count == 0 {
            return Err(anyhow!("no {aggregate} has the id {id}"));
        }
        for (service, gate) in self.gates.iter() {
            if gate.consumer(aggregate).is_some() {
                let cursor = gate.position(aggregate, id).await?;
                lines
                    .send(format!("{service} has handled version {}", cursor.version))
                    .await?;
            }
        }
        Ok(())
    }

    async fn stuck(&self, blocked_only: bool, lines: &Lines) -> anyhow::Result<()> {
        let mut any = false;
        for gate in self.gates.values() {
            for key in gate.stuck_keys().await? {
                if blocked_only && key.reason != "blocked" {
                    continue;
                }
                any = true;
                lines.send(stuck_line(&key)).await?;
            }
        }
        if !any {
            lines.send("none".to_owned()).await?;
        }
        Ok(())
    }
}

fn line_of(event: &Envelope) -> String {
    format!(
        "{} {} {} v{} {}",
        event.time,
        event.kind,
        event.subject,
        event.aggregateversion,
        event.data.get()
    )
}

fn stuck_line(key: &StuckKey) -> String {
    let StuckKey {
        consumer,
        aggregate,
        subject,
        reason,
        attempts,
        error,
        since,
        parked,
        version,
    } = key;
    let error = if error.is_empty() {
        String::new()
    } else {
        format!(": {error}")
    };
    format!(
        "{consumer} {aggregate} {subject} {reason} since {since}, after version {version}, \
         {parked} parked, {attempts} attempts{error}"
    )
}

/// Puts a stopped marketplace together for an operator: nothing is relayed, handled or sent.
///
/// # Errors
/// When the data directory is missing, in use or damaged.
pub async fn offline(data_dir: &std::path::Path) -> anyhow::Result<Operator> {
    let setting = || {
        format!(
            "--data-dir {}: no marketplace is kept there",
            data_dir.display()
        )
    };
    std::fs::metadata(data_dir.join("orders.db")).with_context(setting)?;
    let directory = DataDir::open(data_dir)?;
    let keys = Keys {
        sessions: directory.signing_key(&platform::random::SystemRandom)?,
        notices: Vec::new(),
    };
    let options = Options {
        mail_dir: Some(data_dir.join("mail")),
        ..Options::offline()
    };
    let marketplace = compose(&options, keys, &Storage::Files(data_dir.to_owned())).await?;
    // The lock lasts as long as this process.
    std::mem::forget(directory);
    Ok(held(marketplace, data_dir.to_owned()))
}

/// Puts a marketplace whose services run apart together for an operator, beside them.
///
/// # Errors
/// When a database does not answer.
pub async fn beside(databases: &DatabaseSettings) -> anyhow::Result<Operator> {
    let databases = Databases::to_look_at(databases.clone());
    // Nobody is let in here.
    let keys = Keys {
        sessions: SigningKey::generate(&platform::random::SystemRandom)?,
        notices: Vec::new(),
    };
    let options = Options {
        mail_dir: Some(std::env::temp_dir()),
        ..Options::offline()
    };
    let marketplace = compose(&options, keys, &Storage::Databases(databases)).await?;
    Ok(held(marketplace, PathBuf::new()))
}

/// Nothing is relayed, handled or sent; each service only answers for its log.
fn held(marketplace: Marketplace, data_dir: PathBuf) -> Operator {
    let mut gates = BTreeMap::new();
    for prepared in marketplace.prepared {
        let gate = platform::run::hold(prepared);
        gates.insert(gate.context.service, gate);
    }
    let bus = marketplace.process.bus;
    Operator {
        running: false,
        ..Operator::new(gates, marketplace.sandbox, bus, data_dir)
    }
}
