//! Audits a service's log and copies from its own data: no holes, no cursor ahead, copies equal to
//! what a rebuild from zero would make.

use std::sync::atomic::{AtomicBool, Ordering};

use contracts::Envelope;

use super::Gate;
use super::consumer::Consumer;
use super::inbox::Turn;
use super::{rebuild, standing};
use crate::db::{Row, Tx, params};
use crate::failure::{Failure, Result};
use crate::log::source::{self, Ask, LogPage};

/// A key of a consumer that does not stand at its owner's head.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lag {
    /// The consuming service.
    pub consumer: &'static str,
    /// The aggregate's name.
    pub aggregate: &'static str,
    /// Its id.
    pub subject: String,
    /// The version of the last handled event.
    pub cursor: i64,
    /// The owner's newest version.
    pub head: i64,
}

/// What waits in a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Waiting {
    /// Events that the bus has not confirmed.
    pub unpublished: i64,
    /// Events behind a gap or a failing handler.
    pub parked: i64,
    /// Keys that don't advance by themselves.
    pub stuck: i64,
    /// Those of them that wait for an operator.
    pub blocked: i64,
    /// Whether the copies are being rebuilt: they are not whole until that is done.
    pub rebuilding: bool,
}

impl Gate {
    /// Aggregates whose log has a hole, or a head that is not its last event (I1).
    ///
    /// # Errors
    /// When the database doesn't answer.
    pub async fn holes(&self) -> Result<Vec<String>> {
        let look = async |tx: &mut Tx| {
            let rows = tx
                .query(
                    "select e.aggregate, e.subject, count(*), min(e.version), max(e.version), \
                     coalesce(max(h.version), 0) from events e left join heads h \
                     on h.aggregate = e.aggregate and h.subject = e.subject \
                     group by e.aggregate, e.subject having count(*) <> max(e.version) \
                     or min(e.version) <> 1 or max(e.version) <> coalesce(max(h.version), 0)",
                    params![],
                )
                .await?;
            rows.iter()
                .map(|row| {
                    let (aggregate, subject): (String, String) = (row.get(0)?, row.get(1)?);
                    let (count, last): (i64, i64) = (row.get(2)?, row.get(4)?);
                    Ok(format!(
                        "{aggregate} {subject}: {count} events, the last is number {last}"
                    ))
                })
                .collect()
        };
        self.context.db.read(look).await
    }

    /// What waits in this service.
    ///
    /// # Errors
    /// When the database doesn't answer.
    pub async fn waiting(&self) -> Result<Waiting> {
        let look = async |tx: &mut Tx| {
            let row = tx
                .query_one(
                    "select (select count(*) from outbox), (select count(*) from parked), \
                     (select count(*) from stuck), \
                     (select count(*) from stuck where reason = 'blocked'), \
                     exists (select 1 from meta where name = 'rebuilding' and value = 1)",
                    params![],
                )
                .await?;
            Ok(Waiting {
                unpublished: row.get(0)?,
                parked: row.get(1)?,
                stuck: row.get(2)?,
                blocked: row.get(3)?,
                rebuilding: row.get(4)?,
            })
        };
        self.context.db.read(look).await
    }

    /// The keys that are behind (or, which must not be, ahead of) their owners' logs, given how to
    /// read a whole log.
    ///
    /// # Errors
    /// When a database or an owner doesn't answer.
    pub async fn lags(&self) -> Result<Vec<Lag>> {
        let mut lags = Vec::new();
        for consumer in self.consumers.iter() {
            // Before the log, so that in a running system no cursor seems to be ahead of it.
            let cursors = self.all_cursors(consumer).await?;
            let mut heads = std::collections::BTreeMap::new();
            for event in self.log_after(consumer, 0).await?.0 {
                heads.insert(event.subject, event.aggregateversion);
            }
            let subjects = heads
                .keys()
                .chain(cursors.keys().filter(|id| !heads.contains_key(*id)));
            for subject in subjects {
                let head = heads.get(subject).copied().unwrap_or(0);
                let cursor = cursors.get(subject).copied().unwrap_or(0);
                if head != cursor {
                    lags.push(Lag {
                        consumer: self.context.service,
                        aggregate: consumer.aggregate,
                        subject: subject.clone(),
                        cursor,
                        head,
                    });
                }
            }
        }
        Ok(lags)
    }

    /// Tables whose copy is not what applying the owners' logs from zero up to the cursors makes
    /// (P1, P3). It works in a transaction that is rolled back; events wait for that long. Copies
    /// that are being rebuilt are not compared.
    ///
    /// # Errors
    /// When a database or an owner doesn't answer.
    pub async fn copy_differences(&self) -> Result<Vec<String>> {
        let mut found = Vec::new();
        let _no_rebuild = self.rebuilding.lock().await;
        if self.waiting().await?.rebuilding {
            return Ok(found);
        }
        for consumer in self
            .consumers
            .iter()
            .filter(|consumer| !consumer.copies.is_empty())
        {
            // With others at work, the log is read once the cursors stand still.
            let (log, _pause) = if self.context.db.is_remote() {
                (None, None)
            } else {
                let (mut log, last) = self.log_after(consumer, 0).await?;
                // With events held back, what came meanwhile is all that the cursors can have passed.
                let pause = Pause::of(&self.paused);
                log.extend(self.log_after(consumer, last).await?.0);
                (Some(log), Some(pause))
            };
            let (gate, owned) = (self.clone(), consumer.clone());
            let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
            let outcome: Result<()> = self
                .context
                .db
                .write(async move |tx: &mut Tx| {
                    for difference in gate.compare_copies(tx, &owned, log.as_deref()).await? {
                        let _ = sender.send(difference);
                    }
                    // Whatever was found, nothing of the rebuild is kept.
                    Err(Failure::Unavailable(ROLLED_BACK.to_owned()))
                })
                .await;
            match outcome {
                Err(Failure::Unavailable(message)) if message == ROLLED_BACK => {}
                Err(failure) => return Err(failure),
                Ok(()) => {}
            }
            while let Ok(difference) = receiver.try_recv() {
                found.push(difference);
            }
        }
        Ok(found)
    }

    async fn compare_copies(
        &self,
        tx: &mut Tx,
        consumer: &Consumer,
        log: Option<&[Envelope]>,
    ) -> Result<Vec<String>> {
        tx.stand_still().await?;
        if tx.is_shared() && rebuild::is_under_way(tx).await? {
            // Begun by another replica meanwhile.
            return Ok(Vec::new());
        }
        let mut live = Vec::new();
        for table in consumer.copies {
            live.push(dump(tx, table).await?);
            tx.shadow(table).await?;
        }
        let read;
        let log = match log {
            Some(log) => log,
            None => {
                read = self.log_after(consumer, 0).await?.0;
                &read
            }
        };
        let versions = standing::versions(tx, consumer.aggregate, self.context.service).await?;
        for event in log {
            let handled = versions.get(&event.subject);
            if handled.is_some_and(|version| event.aggregateversion <= *version) {
                let key = self.key(consumer, &event.subject);
                let turn = Turn::last(self, consumer, key);
                turn.apply_again(tx, event).await?;
            }
        }
        let mut found = Vec::new();
        for (table, live) in consumer.copies.iter().zip(live) {
            let rebuilt = dump(tx, table).await?;
            let missing = rebuilt
                .iter()
                .find(|row| live.binary_search_by(|l| by_text(l, row)).is_err());
            let extra = live
                .iter()
                .find(|row| rebuilt.binary_search_by(|r| by_text(r, row)).is_err());
            if let Some(row) = missing.or(extra) {
                found.push(format!(
                    "{}.{table}: {} rows live, {} rebuilt; one that differs: {:?}",
                    self.context.service,
                    live.len(),
                    rebuilt.len(),
                    row.values()
                ));
            }
        }
        Ok(found)
    }

    /// The events of a consumer's aggregate behind a position, in the order of its owner's log, and
    /// the position of the last.
    async fn log_after(&self, consumer: &Consumer, mut after: i64) -> Result<(Vec<Envelope>, i64)> {
        let mut log = Vec::new();
        loop {
            let question = Ask::Log {
                aggregate: consumer.aggregate.to_owned(),
                after,
            };
            let page: LogPage =
                source::ask(self.context.bus.as_ref(), consumer.owner, &question).await?;
            let Some(last) = page.last else {
                return Ok((log, after));
            };
            after = last;
            log.extend(page.events);
        }
    }

    async fn all_cursors(
        &self,
        consumer: &Consumer,
    ) -> Result<std::collections::BTreeMap<String, i64>> {
        let (service, aggregate) = (self.context.service, consumer.aggregate);
        let look = async move |tx: &mut Tx| standing::versions(tx, aggregate, service).await;
        self.context.db.read(look).await
    }
}

/// Holds events back until it is dropped.
struct Pause<'a>(&'a AtomicBool);

impl<'a> Pause<'a> {
    fn of(paused: &'a AtomicBool) -> Self {
        paused.store(true, Ordering::Release);
        Self(paused)
    }
}

impl Drop for Pause<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// What the transaction of a comparison ends with.
const ROLLED_BACK: &str = "the comparison is rolled back";

fn by_text(a: &Row, b: &Row) -> std::cmp::Ordering {
    format!("{:?}", a.values()).cmp(&format!("{:?}", b.values()))
}

async fn dump(tx: &mut Tx, table: &str) -> Result<Vec<Row>> {
    let mut rows = tx
        .query(&format!("select * from {table}"), params![])
        .await?;
    rows.sort_by_cached_key(|row| format!("{:?}", row.values()));
    Ok(rows)
}
