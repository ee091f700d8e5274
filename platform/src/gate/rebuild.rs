//! Rebuilds copies from their owners' logs, up to the cursors, without any reaction.

use std::sync::atomic::Ordering;

use contracts::Envelope;

use super::Gate;
use super::consumer::Consumer;
use super::store;
use crate::db::{Durability, Tx, params};
use crate::failure::Result;
use crate::log::source::{self, Ask, LogPage};
use crate::trace::Origin;

impl Gate {
    /// Empties the service's copies and fills them again; deliveries wait meanwhile. Says how many
    /// events were applied.
    ///
    /// # Errors
    /// When a database or an owner doesn't answer; the copies are then incomplete until it is run
    /// again.
    pub async fn rebuild(&self) -> Result<u64> {
        self.paused.store(true, Ordering::Release);
        let outcome = self.rebuild_all().await;
        self.paused.store(false, Ordering::Release);
        outcome
    }

    async fn rebuild_all(&self) -> Result<u64> {
        let mut applied = 0;
        for consumer in self.consumers.iter().filter(|consumer| !consumer.copies.is_empty()) {
            self.empty(consumer).await?;
            let mut after = 0;
            loop {
                let question = Ask::Log { aggregate: consumer.aggregate.to_owned(), after };
                let page: LogPage =
                    source::ask(self.context.bus.as_ref(), consumer.owner, &question).await?;
                let Some(last) = page.last else { break };
                after = last;
                applied += self.apply_page(consumer, page.events).await?;
            }
        }
        Ok(applied)
    }

    async fn empty(&self, consumer: &Consumer) -> Result<()> {
        let tables = consumer.copies;
        let work = async move |tx: &mut Tx| {
            for table in tables {
                tx.execute(&format!("delete from {table}"), params![]).await?;
            }
            Ok(())
        };
        self.context.db.run(Durability::Relaxed, Origin::default(), work).await
    }

    async fn apply_page(&self, consumer: &Consumer, events: Vec<Envelope>) -> Result<u64> {
        let (gate, consumer) = (self.clone(), consumer.clone());
        let work = async move |tx: &mut Tx| {
            let mut applied = 0;
            for event in &events {
                let key = gate.key(&consumer, &event.subject);
                let cursor = store::standing(tx, &key).await?.cursor;
                if event.aggregateversion <= cursor.version {
                    consumer.apply(tx, event).await?;
                    applied += 1;
                }
            }
            Ok(applied)
        };
        self.context.db.run(Durability::Relaxed, Origin::default(), work).await
    }
}
