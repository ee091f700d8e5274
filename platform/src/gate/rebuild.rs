//! Rebuilds copies from their owners' logs, up to the cursors, without any reaction.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use contracts::Envelope;
use tokio::sync::oneshot;

use super::Gate;
use super::consumer::Consumer;
use super::inbox::Turn;
use super::standing;
use super::store;
use crate::db::{Durability, Tx, params};
use crate::failure::{Failure, Result};
use crate::lease;
use crate::log::source::{self, Ask, LogPage};
use crate::trace::Origin;

/// After how long a rebuild that a crash or an absent owner interrupted is begun again.
const AGAIN: Duration = Duration::from_millis(500);

impl Gate {
    /// Empties the service's copies and fills them again; deliveries wait meanwhile. Says how many
    /// events were applied.
    ///
    /// # Errors
    /// When a database or an owner doesn't answer. The copies are then incomplete and deliveries
    /// wait; it is tried again until it is done, by the next start if need be.
    pub async fn rebuild(&self) -> Result<u64> {
        let (answer, answered) = oneshot::channel();
        let gate = self.clone();
        // In a task, because half a rebuild is worse than none should the caller go away.
        self.context.tasks.spawn(async move {
            let outcome = gate.rebuild_all().await;
            let failed = outcome.is_err();
            drop(answer.send(outcome));
            if failed {
                gate.finish_rebuild().await;
            }
        });
        let stopped = |_| Failure::Unavailable("the process stops".to_owned());
        answered.await.map_err(stopped)?
    }

    async fn rebuild_all(&self) -> Result<u64> {
        let _alone = self.rebuilding.lock().await;
        self.take_over().await?;
        self.paused.store(true, Ordering::Release);
        let mut applied = 0;
        self.note_rebuilding(true).await?;
        for consumer in self
            .consumers
            .iter()
            .filter(|consumer| !consumer.copies.is_empty())
        {
            applied += self.rebuild_one(consumer).await?;
        }
        self.note_rebuilding(false).await?;
        self.paused.store(false, Ordering::Release);
        Ok(applied)
    }

    /// Becomes the replica that rebuilds.
    async fn take_over(&self) -> Result<()> {
        let gate = self.clone();
        let work = async move |tx: &mut Tx| gate.keep_over(tx).await;
        self.context.db.write(work).await
    }

    /// Asked within each transaction of a rebuild: who stood still, and lost it to another replica,
    /// must not write between that one's.
    async fn keep_over(&self, tx: &mut Tx) -> Result<()> {
        if lease::take(tx, store::REBUILD, &self.context.replica).await? {
            return Ok(());
        }
        Err(Failure::Unavailable(
            "another replica rebuilds the copies".to_owned(),
        ))
    }

    /// Waits for the end of a rebuild that was seen, and ends it should its replica have died.
    pub(super) fn see_rebuild_through(&self) {
        if self.finishing.swap(true, Ordering::AcqRel) {
            return;
        }
        let gate = self.clone();
        self.context.tasks.spawn(async move {
            let finishing = Arc::clone(&gate.finishing);
            gate.finish_rebuild().await;
            finishing.store(false, Ordering::Release);
        });
    }

    /// Whether a rebuild was begun and not ended: then deliveries wait until it is.
    pub(crate) async fn is_half_rebuilt(&self) -> Result<bool> {
        let half = self.waiting().await?.rebuilding;
        self.paused.store(half, Ordering::Release);
        Ok(half)
    }

    /// Ends a rebuild that was interrupted.
    pub(crate) async fn finish_rebuild(self) {
        loop {
            self.context.clock.sleep(AGAIN).await;
            match self.waiting().await {
                Ok(waiting) if !waiting.rebuilding => return,
                _ => {}
            }
            match self.rebuild_all().await {
                Ok(_) => return,
                Err(failure) => {
                    tracing::warn!(service = self.context.service, %failure, "the copies are not rebuilt yet");
                }
            }
        }
    }

    async fn note_rebuilding(&self, rebuilding: bool) -> Result<()> {
        let gate = self.clone();
        let work = async move |tx: &mut Tx| {
            tx.lock(&[store::REBUILD]).await?;
            gate.keep_over(tx).await?;
            tx.execute(
                "insert into meta (name, value) values ('rebuilding', $1) \
                 on conflict (name) do update set value = excluded.value",
                params![rebuilding],
            )
            .await
            .map(drop)
        };
        self.context
            .db
            .run(Durability::Relaxed, Origin::default(), work)
            .await
    }

    async fn rebuild_one(&self, consumer: &Consumer) -> Result<u64> {
        self.empty(consumer).await?;
        let (mut applied, mut after) = (0, 0);
        loop {
            let question = Ask::Log {
                aggregate: consumer.aggregate.to_owned(),
                after,
            };
            let page: LogPage =
                source::ask(self.context.bus.as_ref(), consumer.owner, &question).await?;
            let Some(last) = page.last else {
                return Ok(applied);
            };
            after = last;
            applied += self.apply_page(consumer, page.events).await?;
        }
    }

    async fn empty(&self, consumer: &Consumer) -> Result<()> {
        let (gate, tables) = (self.clone(), consumer.copies);
        let work = async move |tx: &mut Tx| {
            gate.keep_over(tx).await?;
            for table in tables {
                tx.execute(&format!("delete from {table}"), params![])
                    .await?;
            }
            Ok(())
        };
        self.context
            .db
            .run(Durability::Relaxed, Origin::default(), work)
            .await
    }

    async fn apply_page(&self, consumer: &Consumer, events: Vec<Envelope>) -> Result<u64> {
        let (gate, consumer) = (self.clone(), consumer.clone());
        let work = async move |tx: &mut Tx| {
            gate.keep_over(tx).await?;
            let mut applied = 0;
            let keys: Vec<_> = events
                .iter()
                .map(|event| gate.key(&consumer, &event.subject))
                .collect();
            let cursors = standing::cursors(tx, &keys).await?;
            for ((event, key), cursor) in events.iter().zip(keys).zip(cursors) {
                if event.aggregateversion <= cursor.version {
                    let turn = Turn::last(&gate, &consumer, key);
                    turn.apply_again(tx, event).await?;
                    applied += 1;
                }
            }
            Ok(applied)
        };
        self.context
            .db
            .run(Durability::Relaxed, Origin::default(), work)
            .await
    }
}

/// Whether a rebuild was begun and not ended, by whichever replica.
pub(super) async fn is_under_way(tx: &mut Tx) -> Result<bool> {
    let sql = "select 1 from meta where name = 'rebuilding' and value = 1";
    Ok(tx.query_opt(sql, params![]).await?.is_some())
}

impl Turn<'_> {
    /// Applies an event that the cursor has passed. One that an operator skipped may fail, as it did
    /// then.
    pub(super) async fn apply_again(&self, tx: &mut Tx, event: &Envelope) -> Result<()> {
        let outcome = self.apply(tx, event).await;
        if let Err(Failure::Broken(_) | Failure::Refused(_)) = &outcome
            && store::was_skipped(tx, &self.key, event.aggregateversion).await?
        {
            return Ok(());
        }
        outcome
    }
}
