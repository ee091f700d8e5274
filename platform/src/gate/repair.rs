//! Brings stuck keys forward: asks owners for missing events, tries failed handlers again.

use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use tokio::sync::Notify;

use super::Gate;
use super::consumer::Consumer;
use super::inbox::{Haste, REPAIR_AFTER, Turn};
use super::standing::{self, Standing};
use super::store::{self, Cursor, Reason, Stuck};
use crate::clock::{later, until};
use crate::db::{Durability, Tx, params};
use crate::failure::Result;
use crate::flaws;
use crate::trace::Origin;

/// The name that wakes the repair loop after a commit.
pub const REPAIR: &str = "repair";

/// The longest pause between two repairs of a key.
const LONGEST: Duration = Duration::from_secs(30);

/// How often the loop looks by itself.
const POLL: Duration = Duration::from_secs(5);

/// How long a loop waits when its database does not answer.
const FAILED_PAUSE: Duration = Duration::from_millis(500);

/// After how many tries an aggregate that its owner does not have counts as lost: three minutes, in
/// which whoever has started the owner on the wrong database may notice it.
const LOST_AFTER: i64 = 12;

/// How many keys are repaired at once, and how many are looked up together.
const AT_ONCE: usize = 32;
const LOOK_UP: i64 = 128;

/// The pause before the next repair of a key that was tried so often: 0.2 s, doubling to 30 s.
pub(super) fn backoff(tries: i64) -> Duration {
    let doublings = u32::try_from(tries).unwrap_or(u32::MAX).min(16);
    (REPAIR_AFTER * 2u32.pow(doublings)).min(LONGEST)
}

impl Gate {
    /// Repairs the keys of all consumers until the process stops. Each consumer has a loop of its
    /// own, so that an owner that does not answer delays no other's events.
    pub async fn repair_loop(self) {
        let wake = self.context.wakers.get(REPAIR);
        let wakes: Vec<Arc<Notify>> = self.consumers.iter().map(|_| Arc::default()).collect();
        for (consumer, wake) in self.consumers.iter().zip(&wakes) {
            let (gate, consumer) = (self.clone(), consumer.clone());
            self.context
                .tasks
                .spawn(gate.repair_one(consumer, Arc::clone(wake)));
        }
        loop {
            wake.notified().await;
            wakes.iter().for_each(|wake| wake.notify_one());
        }
    }

    async fn repair_one(self, consumer: Consumer, wake: Arc<Notify>) {
        loop {
            let pause = match self.repair_due(&consumer).await {
                Ok(pause) => pause,
                Err(failure) => {
                    tracing::warn!(service = self.context.service, %failure, "repair waits");
                    self.context.clock.sleep(FAILED_PAUSE).await;
                    continue;
                }
            };
            if pause.is_zero() {
                continue;
            }
            tokio::select! {
                biased;
                () = wake.notified() => {}
                () = self.context.clock.sleep(pause) => {}
            }
        }
    }

    /// Repairs what is due; says when to look again.
    async fn repair_due(&self, consumer: &Consumer) -> Result<Duration> {
        if flaws::NO_REPAIR.is_there() {
            return Ok(POLL);
        }
        let (service, aggregate) = (self.context.service, consumer.aggregate);
        let look = async move |tx: &mut Tx| {
            let sql = "select subject, next_try_at from stuck \
                       where consumer = $1 and aggregate = $2 and reason <> 'blocked' \
                       order by next_try_at limit $3";
            tx.query(sql, params![service, aggregate, LOOK_UP]).await
        };
        let now = self.context.now();
        let mut due: Vec<String> = Vec::new();
        let mut pause = POLL;
        for row in self.context.db.read(look).await? {
            let next_try_at = row.get(1)?;
            if next_try_at > now {
                pause = pause.min(until(now, next_try_at));
                break;
            }
            due.push(row.get(0)?);
        }
        if due.is_empty() {
            return Ok(pause);
        }
        futures::stream::iter(due)
            .map(Ok)
            .try_for_each_concurrent(AT_ONCE, |subject| async move {
                self.repair(consumer, &subject).await
            })
            .await?;
        Ok(Duration::ZERO)
    }

    /// Repairs one key. However it ends, the key is not due again before its backoff.
    ///
    /// # Errors
    /// When not even that could be written.
    async fn repair(&self, consumer: &Consumer, subject: &str) -> Result<()> {
        let Some(stuck) = self.begin_try(consumer, subject).await? else {
            return Ok(());
        };
        let outcome = match stuck.reason {
            Reason::Blocked => Ok(()),
            Reason::Gap | Reason::Resync => self.fetch(consumer, subject).await,
            Reason::Failing => self.retry(consumer, subject).await,
            Reason::NotYet => self.look_for_other(consumer, subject).await,
        };
        if let Err(failure) = outcome {
            tracing::debug!(
                service = self.context.service, aggregate = consumer.aggregate, subject, %failure,
                "not repaired"
            );
        }
        Ok(())
    }

    /// Tries the event again; if it still waits for another aggregate, has that one repaired. Its
    /// arrival wakes the waiting key. If its owner has no such aggregate, it had one when the event was
    /// said, and has lost it with an older backup: the event is passed over.
    async fn look_for_other(&self, consumer: &Consumer, subject: &str) -> Result<()> {
        self.retry(consumer, subject).await?;
        let key = self.key(consumer, subject);
        let look = async move |tx: &mut Tx| store::stuck(tx, &key).await;
        let Some(stuck) = self.context.db.read(look).await? else {
            return Ok(());
        };
        let awaited = stuck.waits.and_then(|(aggregate, other)| {
            let consumer = self.consumer(&aggregate)?;
            Some((consumer, other))
        });
        let Some((awaited, other)) = awaited else {
            return Ok(());
        };
        self.fetch(awaited, &other).await?;
        if stuck.tries >= LOST_AFTER && self.is_lost(awaited, &other).await? {
            let note = format!("{} {other} is lost, and was waited for", awaited.aggregate);
            self.skip(consumer.aggregate, subject, &note).await?;
            tracing::warn!(
                service = self.context.service,
                aggregate = consumer.aggregate,
                subject,
                note,
                "an event is passed over"
            );
        }
        Ok(())
    }

    /// Whether an owner has nothing of this aggregate, and neither has this service.
    async fn is_lost(&self, consumer: &Consumer, subject: &str) -> Result<bool> {
        let is_unknown = self.cursor(consumer, subject).await?.version == 0;
        if !is_unknown || !self.events_after(consumer, subject, 0).await?.is_empty() {
            return Ok(false);
        }
        self.believe_loss(consumer).await.map(|()| true)
    }

    /// Counts the try and sets the time of the next one, before anything can go wrong.
    async fn begin_try(&self, consumer: &Consumer, subject: &str) -> Result<Option<Stuck>> {
        let key = self.key(consumer, subject);
        let work = async move |tx: &mut Tx| {
            store::lock(tx, &[&key]).await?;
            let Some(stuck) = store::stuck(tx, &key).await? else {
                return Ok(None);
            };
            // Another replica tries it.
            if stuck.next_try_at > tx.now() {
                return Ok(None);
            }
            let next_try_at = later(tx.now(), backoff(stuck.tries + 1));
            let tried = Stuck {
                tries: stuck.tries + 1,
                next_try_at,
                ..stuck.clone()
            };
            store::set_stuck(tx, &key, &tried).await?;
            Ok(Some(stuck))
        };
        self.context
            .db
            .run(Durability::Relaxed, Origin::default(), work)
            .await
    }

    /// Tries the parked event that is next.
    async fn retry(&self, consumer: &Consumer, subject: &str) -> Result<()> {
        let durability = self.durability(consumer);
        super::retrying(|last_run| {
            let (gate, consumer) = (self.clone(), consumer.clone());
            let key = self.key(&consumer, subject);
            let work = async move |tx: &mut Tx| {
                store::lock(tx, &[&key]).await?;
                let keys = std::slice::from_ref(&key);
                let (mut standings, is_rebuilding) = standing::of_all(tx, keys).await?;
                gate.unless_paused(tx.is_shared() && is_rebuilding)?;
                let standing = standings.take(tx, &key).await?;
                let turn = Turn {
                    gate: &gate,
                    consumer: &consumer,
                    key: key.clone(),
                    haste: Haste::OneByOne { last_run },
                    moves: None,
                };
                turn.retry(tx, standing).await
            };
            self.context.db.run(durability, Origin::default(), work)
        })
        .await
    }

    /// How far the service has come with an aggregate.
    ///
    /// # Errors
    /// When the database doesn't answer.
    pub async fn position(&self, aggregate: &str, subject: &str) -> Result<Cursor> {
        match self.consumer(aggregate) {
            Some(consumer) => self.cursor(consumer, subject).await,
            None => Ok(Cursor::default()),
        }
    }

    pub(super) async fn cursor(&self, consumer: &Consumer, subject: &str) -> Result<Cursor> {
        let key = self.key(consumer, subject);
        let look = async move |tx: &mut Tx| standing::of(tx, &key).await;
        Ok(self.context.db.read(look).await?.cursor)
    }

    /// Marks keys for repair unless they are stuck already. A new life is graver than what they are
    /// stuck for.
    pub(super) async fn suspect(
        &self,
        consumer: &Consumer,
        subjects: Vec<(String, Reason)>,
    ) -> Result<()> {
        let keys: Vec<_> = subjects
            .into_iter()
            .map(|(subject, reason)| (self.key(consumer, &subject), reason))
            .collect();
        let work = async move |tx: &mut Tx| {
            let now = tx.now();
            store::lock(tx, &keys.iter().map(|(key, _)| key).collect::<Vec<_>>()).await?;
            for (key, reason) in &keys {
                let stuck = standing::of(tx, key).await?.stuck;
                if stuck.is_none() || (*reason == Reason::Resync && stuck != Some(Reason::Resync)) {
                    store::set_stuck(tx, key, &Stuck::new(*reason, now, now)).await?;
                }
            }
            Ok(())
        };
        self.context
            .db
            .run(Durability::Relaxed, Origin::default(), work)
            .await
    }
}

impl Turn<'_> {
    async fn retry(&self, tx: &mut Tx, standing: Standing) -> Result<()> {
        match standing.stuck {
            Some(Reason::Failing | Reason::NotYet) => {}
            // It was handled, blocked or found to be of an ended life meanwhile.
            _ => return Ok(()),
        }
        if let Some(next) = store::parked(tx, &self.key, standing.cursor.version + 1).await? {
            return self.handle_next(tx, &next, &standing).await.map(drop);
        }
        if !store::unpark(tx, &self.key, standing.cursor.version).await? {
            return store::unstick(tx, &self.key).await;
        }
        let now = tx.now();
        store::set_stuck(tx, &self.key, &Stuck::new(Reason::Gap, now, now)).await
    }
}
