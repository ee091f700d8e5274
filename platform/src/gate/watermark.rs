//! Notices what never arrived: compares an owner's heads with this service's cursors.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};

use super::Gate;
use super::consumer::Consumer;
use super::inbox::Arrival;
use super::store::{Cursor, Reason};
use crate::db::{Tx, params};
use crate::failure::Result;
use crate::flaws;
use crate::log::source::{self, Ask, LogPage, PAGE, Sum};

/// How often owner and consumer compare all they have.
const EVERY: Duration = Duration::from_secs(60);

/// The pause when the owner does not answer; it doubles.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
const PAUSE_LONGEST: Duration = Duration::from_secs(10);

/// How long a difference may last that is only work in progress.
const IN_FLIGHT: Duration = Duration::from_secs(2);

/// How often in a row a comparison waits for a consumer that is behind with everything, and comes
/// forward: five minutes in all.
const WAITS_MAX: u32 = 150;

/// How many keys are caught up at once.
const AT_ONCE: usize = 32;

impl Gate {
    /// Catches up at start, then compares every minute until the process stops, as long as it hears the
    /// events: another replica can't know what is on its way.
    pub(crate) async fn watermark_loop(self, consumer: Consumer, hears: impl Fn() -> bool) {
        if has_none() {
            return;
        }
        self.begin_to_hear(&consumer, &hears).await;
        loop {
            self.context.clock.sleep(EVERY).await;
            if !hears() {
                continue;
            }
            if let Err(failure) = self.compare(&consumer).await {
                tracing::debug!(service = self.context.service, %failure, "not compared");
            }
        }
    }

    /// Looks for what was missed before this began to hear the events, until the owner has answered, as
    /// long as it hears them.
    pub(super) async fn begin_to_hear(&self, consumer: &Consumer, hears: impl Fn() -> bool) {
        let mut pause = Duration::ZERO;
        while hears()
            && let Err(failure) = self.look_behind(consumer).await
        {
            tracing::debug!(service = self.context.service, %failure, "not caught up");
            pause = (pause * 2).clamp(PAUSE_FIRST, PAUSE_LONGEST);
            self.context.clock.sleep(pause).await;
        }
    }

    /// A bus apart has kept what was missed, and brings it now; only what it does not bring is asked for.
    async fn look_behind(&self, consumer: &Consumer) -> Result<()> {
        if self.context.db.is_shared() && self.has_handled_any(consumer).await? {
            return self.compare(consumer).await;
        }
        self.catch_up(consumer).await
    }

    async fn has_handled_any(&self, consumer: &Consumer) -> Result<bool> {
        let (service, aggregate) = (self.context.service, consumer.aggregate);
        let look = async move |tx: &mut Tx| {
            let sql = "select 1 from cursors where consumer = $1 and aggregate = $2 limit 1";
            let any = tx.query_opt(sql, params![service, aggregate]).await?;
            Ok(any.is_some())
        };
        self.context.db.read(look).await
    }

    /// Takes from the owner's log whatever it has that was not handled here: once, without waiting
    /// for what may be on its way.
    ///
    /// # Errors
    /// When a database or the owner does not answer.
    pub async fn catch_up(&self, consumer: &Consumer) -> Result<()> {
        let owner = self.owner_sums(consumer).await?;
        let own = self.own_sums(consumer).await?;
        if own == owner {
            return Ok(());
        }
        if own.is_empty() {
            return self.join_late(consumer).await;
        }
        for partition in (0..crate::log::PARTITIONS).filter(|p| own.get(p) != owner.get(p)) {
            let differing = self.differing_keys(consumer, partition).await?;
            futures::stream::iter(differing)
                .map(Ok)
                .try_for_each_concurrent(AT_ONCE, |(subject, _)| async move {
                    self.fetch(consumer, &subject).await
                })
                .await?;
        }
        Ok(())
    }

    /// A consumer that has handled nothing yet reads the whole log, not key by key.
    async fn join_late(&self, consumer: &Consumer) -> Result<()> {
        let mut after = 0;
        loop {
            let question = Ask::Log {
                aggregate: consumer.aggregate.to_owned(),
                after,
            };
            let page: LogPage =
                source::ask(self.context.bus.as_ref(), consumer.owner, &question).await?;
            let Some(last) = page.last else { return Ok(()) };
            after = last;
            let arrivals = page
                .events
                .into_iter()
                .map(|event| Arrival::from_log(event, None));
            self.take(consumer, arrivals.collect()).await?;
        }
    }

    /// Compares the sums of each partition, and the single heads only where those differ, once what the
    /// owner had published is not on its way any more.
    ///
    /// # Errors
    /// When the owner does not answer.
    pub async fn compare(&self, consumer: &Consumer) -> Result<()> {
        let wanted = self.owner_sums(consumer).await?;
        let (clock, asked_at) = (&self.context.clock, self.context.now());
        if self.differing(consumer, &wanted).await?.is_empty() {
            return Ok(());
        }
        for _ in 0..WAITS_MAX {
            clock.sleep(IN_FLIGHT).await;
            if !self
                .heard
                .may_bring(consumer.aggregate, asked_at, clock.elapsed())
            {
                break;
            }
        }
        for partition in self.differing(consumer, &wanted).await? {
            let keys = self.differing_keys(consumer, partition).await?;
            self.suspect(consumer, keys).await?;
        }
        Ok(())
    }

    async fn owner_sums(&self, consumer: &Consumer) -> Result<BTreeMap<i64, Sum>> {
        let question = Ask::Sums {
            aggregate: consumer.aggregate.to_owned(),
        };
        let sums: Vec<(i64, Sum)> =
            source::ask(self.context.bus.as_ref(), consumer.owner, &question).await?;
        Ok(sums.into_iter().collect())
    }

    async fn own_sums(&self, consumer: &Consumer) -> Result<BTreeMap<i64, Sum>> {
        let (service, aggregate) = (self.context.service, consumer.aggregate);
        let look = async move |tx: &mut Tx| {
            let rows = tx
                .query(
                    &format!(
                        "select partition, {} from cursors \
                         where consumer = $1 and aggregate = $2 group by partition",
                        source::SUMS
                    ),
                    params![service, aggregate],
                )
                .await?;
            rows.iter().map(source::read_sum).collect()
        };
        self.context.db.read(look).await
    }

    /// The partitions in which the cursors have not reached these sums, or stand above or beside the
    /// owner's present ones.
    async fn differing(
        &self,
        consumer: &Consumer,
        wanted: &BTreeMap<i64, Sum>,
    ) -> Result<Vec<i64>> {
        let reached = self.own_sums(consumer).await?;
        let now = self.owner_sums(consumer).await?;
        let of = |sums: &BTreeMap<i64, Sum>, partition| {
            sums.get(&partition).copied().unwrap_or_default()
        };
        let differs = |partition: &i64| {
            let (reached, now) = (of(&reached, *partition), of(&now, *partition));
            reached.versions < of(wanted, *partition).versions
                || reached.versions > now.versions
                || (reached.versions == now.versions && reached.digests != now.digests)
        };
        Ok((0..crate::log::PARTITIONS).filter(differs).collect())
    }

    /// The keys of a partition whose cursor is not their head.
    async fn differing_keys(
        &self,
        consumer: &Consumer,
        partition: i64,
    ) -> Result<Vec<(String, Reason)>> {
        let mut differing = Vec::new();
        let mut after = String::new();
        loop {
            let question = Ask::Heads {
                aggregate: consumer.aggregate.to_owned(),
                partition,
                after: after.clone(),
            };
            let heads: Vec<(String, Cursor)> =
                source::ask(self.context.bus.as_ref(), consumer.owner, &question).await?;
            let full = i64::try_from(heads.len()).unwrap_or(0) >= PAGE;
            let until = if full {
                heads.last().map(|(subject, _)| subject.clone())
            } else {
                None
            };
            let heads: BTreeMap<String, Cursor> = heads.into_iter().collect();
            let cursors = self
                .cursors(consumer, partition, (&after, until.as_deref()))
                .await?;
            let of = |of: &BTreeMap<_, _>, subject| of.get(subject).copied().unwrap_or_default();
            for (subject, head) in &heads {
                let cursor: Cursor = of(&cursors, subject);
                if cursor.version < head.version {
                    differing.push((subject.clone(), Reason::Gap));
                }
            }
            for (subject, cursor) in &cursors {
                let head: Cursor = of(&heads, subject);
                if head.version <= cursor.version && head != *cursor {
                    differing.push((subject.clone(), Reason::Resync));
                }
            }
            match until {
                Some(last) => after = last,
                None => return Ok(differing),
            }
        }
    }

    /// The cursors of a partition between two ids.
    async fn cursors(
        &self,
        consumer: &Consumer,
        partition: i64,
        (after, until): (&str, Option<&str>),
    ) -> Result<BTreeMap<String, Cursor>> {
        let (service, aggregate) = (self.context.service, consumer.aggregate);
        // Ids are hexadecimal: nothing sorts behind a tilde.
        let (after, until) = (after.to_owned(), until.unwrap_or("~").to_owned());
        let look = async move |tx: &mut Tx| {
            let rows = tx
                .query(
                    "select subject, version, incarnation from cursors \
                     where consumer = $1 and aggregate = $2 \
                     and partition = $3 and subject > $4 and subject <= $5",
                    params![service, aggregate, partition, after, until],
                )
                .await?;
            rows.iter().map(source::read_head).collect()
        };
        self.context.db.read(look).await
    }
}

/// Whether this program is to do without: a guard that is switched off, or one whose absence the
/// comparison would make good.
pub(super) fn has_none() -> bool {
    let all = [
        flaws::NO_WATERMARK,
        flaws::ACKNOWLEDGED_EARLY,
        flaws::PUBLISHED_UNCONFIRMED,
    ];
    all.into_iter().any(flaws::Flaw::is_there)
}
