//! A pretended owner: appends events of an aggregate and answers for its log, without a service.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use contracts::envelope::{self, Aggregate, Envelope};
use futures::StreamExt;
use platform::Clock;
use platform::bus::Bus;
use platform::gate::store::Cursor;
use platform::log::source::{Ask, LogPage, PAGE, Sum};
use platform::log::{digest, partition};
use platform::tasks::Tasks;
use serde::Serialize;

type Log = Arc<Mutex<Vec<Arc<Envelope>>>>;

/// The trace of everything that pretended owners do.
pub const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// The request that everything follows from.
pub const CORRELATION: &str = "a request to the owner";

/// Stands in for a service that is not part of the test.
#[derive(Clone)]
pub struct Owner {
    bus: Arc<dyn Bus>,
    clock: Arc<dyn Clock>,
    log: Log,
}

impl Owner {
    /// Answers the questions to `service` from now on; what is in its log from the beginning is put there
    /// before the first, so that nobody takes it for lost.
    pub async fn start(
        service: &str,
        bus: Arc<dyn Bus>,
        (clock, tasks): (Arc<dyn Clock>, &Tasks),
        remember: impl FnOnce(&Self),
    ) -> Self {
        let owner = Self {
            bus: Arc::clone(&bus),
            clock,
            log: Log::default(),
        };
        remember(&owner);
        let log = Arc::clone(&owner.log);
        if let Ok(mut questions) = bus.serve(service).await {
            tasks.spawn(async move {
                while let Some(question) = questions.next().await {
                    let answer = answer(&log, &question.body);
                    drop(question.reply.send(answer.into()));
                }
            });
        }
        owner
    }

    /// Has in its log what this one had, before a crash of everything around it.
    pub fn remember(&self, before: &Self) {
        let logged = before.log.lock().unwrap_or_else(PoisonError::into_inner);
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.extend_from_slice(&logged);
    }

    /// Appends an event to the log, and does not publish it.
    ///
    /// # Errors
    /// When it does not serialise.
    pub fn append<A: Aggregate>(
        &self,
        subject: &str,
        fact: &A::Fact,
        state: &A::State,
    ) -> anyhow::Result<Arc<Envelope>> {
        let (kind, data) = envelope::encode::<A>(fact, state)?;
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |event: &&Arc<Envelope>| event.aggregate == A::NAME && event.subject == subject;
        let version = i64::try_from(log.iter().filter(same).count())? + 1;
        let event = Arc::new(Envelope {
            specversion: "1.0".to_owned(),
            id: format!("{}/{subject}/1/{version}", A::NAME),
            source: format!("/{}/{}/{subject}", A::OWNER, A::NAME),
            kind,
            subject: subject.to_owned(),
            time: self.clock.now(),
            datacontenttype: "application/json".to_owned(),
            aggregate: A::NAME.to_owned(),
            aggregateversion: version,
            incarnation: 1,
            causationid: None,
            correlationid: Some(CORRELATION.to_owned()),
            traceparent: Some(TRACEPARENT.to_owned()),
            data,
        });
        log.push(Arc::clone(&event));
        Ok(event)
    }

    /// Appends an event and publishes it.
    ///
    /// # Errors
    /// When it does not serialise or the bus fails.
    pub async fn publish<A: Aggregate>(
        &self,
        subject: &str,
        fact: &A::Fact,
        state: &A::State,
    ) -> anyhow::Result<Arc<Envelope>> {
        let event = self.append::<A>(subject, fact, state)?;
        self.bus.publish(&event).await?;
        Ok(event)
    }
}

fn answer(log: &Log, body: &[u8]) -> Vec<u8> {
    let log = log.lock().unwrap_or_else(PoisonError::into_inner);
    match serde_json::from_slice(body) {
        Ok(Ask::Events {
            aggregate,
            subject,
            after,
        }) => {
            let page = usize::try_from(PAGE).unwrap_or(usize::MAX);
            let events: Vec<_> = log
                .iter()
                .filter(|e| e.aggregate == aggregate && e.subject == subject)
                .filter(|e| e.aggregateversion > after)
                .take(page)
                .collect();
            written(&events)
        }
        Ok(Ask::Log { aggregate, after }) => {
            let wanted = log.iter().filter(|e| e.aggregate == aggregate);
            let events: Vec<Envelope> = if after == 0 {
                wanted.map(|e| e.as_ref().clone()).collect()
            } else {
                Vec::new()
            };
            let last = (!events.is_empty()).then_some(i64::MAX);
            written(&LogPage { events, last })
        }
        Ok(Ask::PutBack) => written(&false),
        Ok(Ask::Sums { aggregate }) => {
            let mut heads = BTreeMap::new();
            for event in log.iter().filter(|e| e.aggregate == aggregate) {
                heads.insert(event.subject.as_str(), event);
            }
            let mut sums = BTreeMap::new();
            for (subject, event) in heads {
                let sum: &mut Sum = sums.entry(partition(subject)).or_default();
                sum.versions += event.aggregateversion;
                sum.digests += digest(subject, event.aggregateversion, event.incarnation);
            }
            written(&sums.into_iter().collect::<Vec<_>>())
        }
        Ok(Ask::Heads {
            aggregate,
            partition: wanted,
            after,
        }) => {
            let mut heads = BTreeMap::new();
            for event in log.iter().filter(|e| e.aggregate == aggregate) {
                if partition(&event.subject) == wanted && event.subject > after {
                    heads.insert(event.subject.clone(), Cursor::at(event));
                }
            }
            written(&heads.into_iter().collect::<Vec<_>>())
        }
        Err(error) => serde_json::to_vec(&Err::<(), _>(error.to_string())).unwrap_or_default(),
    }
}

fn written<T: Serialize>(answer: &T) -> Vec<u8> {
    serde_json::to_vec(&Ok::<&T, String>(answer)).unwrap_or_default()
}
