//! Reads from an owner's log what a key lacks, and goes back to where both agree if the owner was
//! restored from a backup.

use std::sync::atomic::Ordering;
use std::time::Duration;

use contracts::{Envelope, Timestamp};

use super::Gate;
use super::consumer::Consumer;
use super::inbox::{Arrival, Turn};
use super::standing;
use super::store::{self, Cursor, Key, Reason, Stuck};
use crate::clock::earlier;
use crate::db::{Durability, Tx};
use crate::failure::{Failure, Result};
use crate::log::source::{self, Ask, PAGE};
use crate::trace::Origin;

/// How often in a row one repair falls back: more than once only when the owner is restored again.
const FALL_BACKS_MAX: u32 = 3;

/// How far the clocks of two replicas may be apart.
const CLOCK_SKEW: Duration = Duration::from_secs(10);

impl Gate {
    /// Asks the owner for the events behind the cursor and handles them.
    pub(super) async fn fetch(&self, consumer: &Consumer, subject: &str) -> Result<()> {
        let mut fall_backs = 0;
        loop {
            let asked_at = self.context.now();
            let cursor = self.cursor(consumer, subject).await?;
            // The cursor's own event is asked for too: it tells whether both logs are one.
            let after = (cursor.version - 1).max(0);
            let page = self.events_after(consumer, subject, after).await?;
            let full = i64::try_from(page.len()).unwrap_or(0) >= PAGE;
            let own = page.first().map(Cursor::at);
            if cursor.version > 0 && own != Some(cursor) {
                if fall_backs == FALL_BACKS_MAX {
                    return Err(Failure::Unavailable(
                        "the owner's log does not stand still".to_owned(),
                    ));
                }
                fall_backs += 1;
                self.fall_back(consumer, subject, cursor).await?;
                continue;
            }
            let head = page
                .last()
                .map_or(cursor.version, |event| event.aggregateversion);
            let arrivals = chained(page, cursor);
            let count = arrivals.len();
            if count > 0 {
                self.take(consumer, arrivals).await?;
                metrics::counter!("ticketing_events_repaired_total", "service" => self.context.service)
                    .increment(u64::try_from(count).unwrap_or(0));
            }
            if !full {
                return self.lack_nothing(consumer, subject, (head, asked_at)).await;
            }
            if self.cursor(consumer, subject).await?.version == cursor.version {
                return Ok(());
            }
        }
    }

    /// Everything that the owner had when it was asked has been taken: what was parked before, from
    /// beyond the head, belongs to an ended life, and a key with nothing parked waits for nothing.
    async fn lack_nothing(
        &self,
        consumer: &Consumer,
        subject: &str,
        (head, asked_at): (i64, Timestamp),
    ) -> Result<()> {
        let key = self.key(consumer, subject);
        let work = async move |tx: &mut Tx| {
            store::lock(tx, &[&key]).await?;
            let asked_at = if tx.is_shared() {
                earlier(asked_at, CLOCK_SKEW)
            } else {
                asked_at
            };
            store::unpark_dead(tx, &key, head, asked_at).await?;
            let standing = standing::of(tx, &key).await?;
            if !matches!(standing.stuck, Some(Reason::Gap | Reason::Resync)) {
                return Ok(());
            }
            if store::unpark(tx, &key, standing.cursor.version).await? {
                return Ok(());
            }
            store::unstick(tx, &key).await
        };
        self.context
            .db
            .run(Durability::Relaxed, Origin::default(), work)
            .await
    }

    /// Sets copy and cursor back to the newest event that the owner's log and the cursor share.
    async fn fall_back(&self, consumer: &Consumer, subject: &str, cursor: Cursor) -> Result<()> {
        let shared = self.shared(consumer, subject, cursor).await?;
        if shared.is_empty() {
            self.believe_loss(consumer).await?;
        }
        let (gate, owned, key) = (self.clone(), consumer.clone(), self.key(consumer, subject));
        let to = shared.last().map_or(0, |event| event.aggregateversion);
        let work = async move |tx: &mut Tx| {
            store::lock(tx, &[&key]).await?;
            if standing::of(tx, &key).await?.cursor != cursor {
                return Ok(());
            }
            refold(tx, (&gate, &owned, &key), &shared).await
        };
        self.context
            .db
            .run(Durability::Synced, Origin::default(), work)
            .await?;
        self.forget(consumer.aggregate, subject);
        tracing::warn!(
            service = self.context.service,
            aggregate = consumer.aggregate,
            subject,
            from = cursor.version,
            to,
            "fell back: the owner began a new life"
        );
        Ok(())
    }

    /// That an owner has nothing of what it once told of, money may go back for. So it counts as lost only
    /// when the owner's log was put back to a backup by somebody who said so: an owner on another
    /// database, an empty one, has nothing either.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] as long as nobody has said so.
    pub(super) async fn believe_loss(&self, consumer: &Consumer) -> Result<()> {
        if source::ask(self.context.bus.as_ref(), consumer.owner, &Ask::PutBack).await? {
            return Ok(());
        }
        let (service, owner) = (self.context.service, consumer.owner);
        metrics::counter!("ticketing_losses_not_believed_total", "service" => service).increment(1);
        let now = self.context.clock.elapsed().as_secs();
        if self.says_again_at.load(Ordering::Relaxed) <= now {
            self.says_again_at.store(now + 60, Ordering::Relaxed);
            tracing::error!(
                service,
                owner,
                "an owner lacks what it told of: is it on the right database? If it was put back to a \
                 backup, say so: ticketing migrate SERVICE --restored"
            );
        }
        Err(Failure::Unavailable(format!(
            "{owner} lacks what it told of, and nobody said that it was put back to a backup"
        )))
    }

    /// The events of the owner's present log that the cursor has seen too, oldest first.
    async fn shared(
        &self,
        consumer: &Consumer,
        subject: &str,
        cursor: Cursor,
    ) -> Result<Vec<Envelope>> {
        let mut shared: Vec<Envelope> = Vec::new();
        loop {
            let after = shared.last().map_or(0, |event| event.aggregateversion);
            let page = self.events_after(consumer, subject, after).await?;
            let read = page.len();
            let seen = page.into_iter().take_while(|event| {
                event.incarnation <= cursor.incarnation && event.aggregateversion <= cursor.version
            });
            let before = shared.len();
            shared.extend(seen);
            if shared.len() - before < read || read == 0 {
                return Ok(shared);
            }
        }
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
}

/// The events of a page behind the cursor, each with its predecessor.
fn chained(page: Vec<Envelope>, cursor: Cursor) -> Vec<Arrival> {
    let mut predecessor = None;
    let mut arrivals = Vec::with_capacity(page.len());
    for event in page {
        let own = Cursor::at(&event);
        if own.version > cursor.version {
            arrivals.push(Arrival::from_log(event, predecessor));
        }
        predecessor = Some(own);
    }
    arrivals
}

/// Makes the copy of a key anew from the events that are left of its past.
async fn refold(
    tx: &mut Tx,
    (gate, consumer, key): (&Gate, &Consumer, &Key),
    shared: &[Envelope],
) -> Result<()> {
    let turn = Turn::last(gate, consumer, key.clone());
    consumer.remove(tx, &key.subject).await?;
    for event in shared {
        turn.apply_again(tx, event).await?;
    }
    let version = shared.last().map_or(0, |event| event.aggregateversion);
    store::audit(tx, "fell_back", key, version, "the owner began a new life").await?;
    match shared.last() {
        Some(event) => store::set_cursor(tx, key, Cursor::at(event)).await?,
        None => store::remove_cursor(tx, key).await?,
    }
    consumer.fell_back(tx, &key.subject, shared.last()).await?;
    store::unpark(tx, key, i64::MAX).await?;
    let now = tx.now();
    store::set_stuck(tx, key, &Stuck::new(Reason::Gap, now, now)).await
}
