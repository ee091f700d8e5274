//! Brings stuck keys forward: asks owners for missing events, tries failed handlers again.

use std::sync::Arc;
use std::time::Duration;

use contracts::Envelope;
use futures::StreamExt;

use super::Gate;
use super::consumer::Consumer;
use super::inbox::{NEVER_AGAIN, REPAIR_AFTER};
use super::store::{self, Cursor, Key, Reason, Stuck};
use crate::clock::{later, until};
use crate::db::{Durability, Tx, params};
use crate::failure::Result;
use crate::log::source::{self, Ask, PAGE};
use crate::trace::Origin;

/// The name that wakes the repair loop after a commit.
pub const REPAIR: &str = "repair";

/// The longest pause between two repairs of a key.
const LONGEST: Duration = Duration::from_secs(30);

/// How often the loop looks by itself.
const POLL: Duration = Duration::from_secs(5);

/// How many keys are repaired at once, and how many are looked up together.
const AT_ONCE: usize = 16;
const LOOK_UP: i64 = 256;

/// The pause before the next repair of a key that was tried so often: 0.2 s, doubling to 30 s.
pub(super) fn backoff(tries: i64) -> Duration {
    let doublings = u32::try_from(tries).unwrap_or(u32::MAX).min(16);
    (REPAIR_AFTER * 2u32.pow(doublings)).min(LONGEST)
}

/// Where a copy and its owner's log agree.
struct Agreement {
    /// The newest event that both have.
    last: Option<Envelope>,
    /// The newest life of the log that either has seen.
    life: i64,
}

impl Gate {
    /// Repairs until the process stops.
    pub async fn repair_loop(self) {
        let wake = self.context.wakers.get(REPAIR);
        loop {
            let pause = match self.repair_due().await {
                Ok(pause) => pause,
                Err(failure) => {
                    tracing::warn!(service = self.context.service, %failure, "repair waits");
                    Duration::from_secs(1)
                }
            };
            if pause.is_zero() {
                continue;
            }
            tokio::select! {
                () = wake.notified() => {}
                () = self.context.clock.sleep(pause) => {}
            }
        }
    }

    /// Repairs what is due; says when to look again.
    pub(crate) async fn repair_due(&self) -> Result<Duration> {
        let now = self.context.now();
        let rows = self
            .context
            .db
            .read(async move |tx: &mut Tx| {
                tx.query(
                    "select aggregate, subject, next_try_at from stuck where reason <> 'blocked' \
                     order by next_try_at limit $1",
                    params![LOOK_UP],
                )
                .await
            })
            .await?;
        let mut due = Vec::new();
        let mut pause = POLL;
        for row in rows {
            let next_try_at = row.get(2)?;
            if next_try_at <= now {
                due.push((row.get::<String>(0)?, row.get::<String>(1)?));
            } else {
                pause = pause.min(until(now, next_try_at));
                break;
            }
        }
        if due.is_empty() {
            return Ok(pause);
        }
        futures::stream::iter(due)
            .for_each_concurrent(AT_ONCE, |(aggregate, subject)| async move {
                if let Some(consumer) = self.consumer(&aggregate)
                    && let Err(failure) = self.repair(consumer, &subject).await
                {
                    tracing::debug!(service = self.context.service, subject, %failure, "not repaired");
                }
            })
            .await;
        Ok(Duration::ZERO)
    }

    /// Repairs one key. However it ends, the key is not due again before its backoff.
    pub(crate) async fn repair(&self, consumer: &Consumer, subject: &str) -> Result<()> {
        let Some(stuck) = self.begin_try(consumer, subject).await? else { return Ok(()) };
        match stuck.reason {
            Reason::Blocked => {}
            Reason::Gap => self.fetch(consumer, subject).await?,
            Reason::Resync => self.resync(consumer, subject).await?,
            Reason::Failing => self.retry(consumer, subject).await?,
            Reason::NotYet => {
                if let Some((aggregate, other)) = &stuck.waits
                    && let Some(awaited) = self.consumer(aggregate)
                {
                    self.fetch(awaited, other).await?;
                }
                self.retry(consumer, subject).await?;
            }
        }
        Ok(())
    }

    /// Counts the try and sets the time of the next one, before anything can go wrong.
    async fn begin_try(&self, consumer: &Consumer, subject: &str) -> Result<Option<Stuck>> {
        let key = self.key(consumer, subject);
        let work = async move |tx: &mut Tx| {
            let Some(stuck) = store::stuck(tx, &key).await? else { return Ok(None) };
            let next_try_at = later(tx.now(), backoff(stuck.tries + 1));
            let tried = Stuck { tries: stuck.tries + 1, next_try_at, ..stuck.clone() };
            store::set_stuck(tx, &key, &tried).await?;
            Ok(Some(stuck))
        };
        self.context.db.run(Durability::Relaxed, Origin::default(), work).await
    }

    /// Asks the owner for the events behind the cursor and handles them.
    pub(super) async fn fetch(&self, consumer: &Consumer, subject: &str) -> Result<()> {
        loop {
            let cursor = self.cursor(consumer, subject).await?;
            let events = self.events_after(consumer, subject, cursor.version).await?;
            let count = events.len();
            if count == 0 {
                return self.forgive_empty_gap(consumer, subject).await;
            }
            let events = events.into_iter().map(|event| (Arc::new(event), NEVER_AGAIN)).collect();
            self.take(consumer, events).await?;
            metrics::counter!("ticketing_events_repaired_total", "service" => self.context.service)
                .increment(u64::try_from(count).unwrap_or(0));
            let moved = self.cursor(consumer, subject).await?.version > cursor.version;
            if !moved || i64::try_from(count).unwrap_or(0) < PAGE {
                return Ok(());
            }
        }
    }

    /// A key that was thought to lag but has nothing parked and no more events is no longer stuck.
    async fn forgive_empty_gap(&self, consumer: &Consumer, subject: &str) -> Result<()> {
        let key = self.key(consumer, subject);
        let work = async move |tx: &mut Tx| {
            let standing = store::standing(tx, &key).await?;
            if standing.stuck == Some(Reason::Gap)
                && !store::unpark(tx, &key, standing.cursor.version).await?
            {
                store::unstick(tx, &key).await?;
            }
            Ok(())
        };
        self.context.db.run(Durability::Relaxed, Origin::default(), work).await
    }

    /// Tries the parked event that is next.
    async fn retry(&self, consumer: &Consumer, subject: &str) -> Result<()> {
        let (gate, consumer, key) = (self.clone(), consumer.clone(), self.key(consumer, subject));
        let work = async move |tx: &mut Tx| {
            let standing = store::standing(tx, &key).await?;
            match store::parked(tx, &key, standing.cursor.version + 1).await? {
                Some(next) => gate.handle_next(tx, &consumer, &next, &standing).await.map(drop),
                None => {
                    // The parked event was handled on another way, or lies behind a gap.
                    let now = tx.now();
                    let stuck = Stuck::new(Reason::Gap, now, later(now, REPAIR_AFTER));
                    store::set_stuck(tx, &key, &stuck).await
                }
            }
        };
        super::retrying(|| {
            self.context.db.run(Durability::Synced, Origin::default(), work.clone())
        })
        .await
    }

    /// Compares the copy with an owner whose log began a new life, and goes back to where both still
    /// agree.
    async fn resync(&self, consumer: &Consumer, subject: &str) -> Result<()> {
        let cursor = self.cursor(consumer, subject).await?;
        let agreed = self.agreement(consumer, subject, cursor).await?;
        let to = agreed.last.as_ref().map_or(0, |event| event.aggregateversion);
        let (gate, owned, key) = (self.clone(), consumer.clone(), self.key(consumer, subject));
        let work = async move |tx: &mut Tx| {
            let standing = store::standing(tx, &key).await?;
            if standing.cursor != cursor {
                return Ok(());
            }
            gate.fall_back(tx, &owned, (&key, cursor), &agreed).await
        };
        self.context.db.run(Durability::Synced, Origin::default(), work).await?;
        tracing::info!(
            service = self.context.service, aggregate = consumer.aggregate, subject,
            from = cursor.version, to, "compared with an owner that began a new life"
        );
        self.fetch(consumer, subject).await
    }

    /// Reads the owner's log of a key and finds the newest event that the cursor has seen too.
    async fn agreement(
        &self,
        consumer: &Consumer,
        subject: &str,
        cursor: Cursor,
    ) -> Result<Agreement> {
        let mut agreed = Agreement { last: None, life: cursor.incarnation };
        let mut after = 0;
        loop {
            let page = self.events_after(consumer, subject, after).await?;
            let Some(end) = page.last().map(|event| event.aggregateversion) else {
                return Ok(agreed);
            };
            after = end;
            for event in page {
                agreed.life = agreed.life.max(event.incarnation);
                if event.incarnation <= cursor.incarnation
                    && event.aggregateversion <= cursor.version
                {
                    agreed.last = Some(event);
                }
            }
        }
    }

    /// Sets copy and cursor back to where both agree, and lets the events of the new life through.
    async fn fall_back(
        &self,
        tx: &mut Tx,
        consumer: &Consumer,
        (key, cursor): (&Key, Cursor),
        agreed: &Agreement,
    ) -> Result<()> {
        let version = agreed.last.as_ref().map_or(0, |event| event.aggregateversion);
        if version < cursor.version {
            consumer.remove(tx, &key.subject).await?;
            store::audit(tx, "fell_back", key, version, "the owner began a new life").await?;
            if let Some(event) = &agreed.last {
                consumer.apply(tx, event).await?;
            }
        }
        if version == 0 {
            store::remove_cursor(tx, key).await?;
        } else {
            let moved = Cursor { version, incarnation: agreed.life };
            store::set_cursor(tx, key, moved).await?;
        }
        store::unpark(tx, key, i64::MAX).await?;
        let now = tx.now();
        store::set_stuck(tx, key, &Stuck::new(Reason::Gap, now, later(now, REPAIR_AFTER))).await
    }

    pub(super) async fn events_after(
        &self,
        consumer: &Consumer,
        subject: &str,
        after: i64,
    ) -> Result<Vec<Envelope>> {
        let question = Ask::Events {
            aggregate: consumer.aggregate.to_owned(),
            subject: subject.to_owned(),
            after,
        };
        source::ask(self.context.bus.as_ref(), consumer.owner, &question).await
    }

    pub(super) async fn cursor(&self, consumer: &Consumer, subject: &str) -> Result<Cursor> {
        let key = self.key(consumer, subject);
        let look = async move |tx: &mut Tx| store::standing(tx, &key).await;
        Ok(self.context.db.read(look).await?.cursor)
    }

    /// Marks a key for repair unless it is stuck already.
    pub(super) async fn suspect(
        &self,
        consumer: &Consumer,
        subject: &str,
        reason: Reason,
    ) -> Result<()> {
        let key = self.key(consumer, subject);
        let work = async move |tx: &mut Tx| {
            if store::stuck(tx, &key).await?.is_none() {
                let now = tx.now();
                store::set_stuck(tx, &key, &Stuck::new(reason, now, later(now, REPAIR_AFTER))).await?;
            }
            Ok(())
        };
        self.context.db.run(Durability::Relaxed, Origin::default(), work).await
    }
}
