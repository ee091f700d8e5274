//! Notices what never arrived: compares an owner's heads with this service's cursors.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;

use super::Gate;
use super::consumer::Consumer;
use super::store::Reason;
use crate::db::{Tx, params};
use crate::failure::Result;
use crate::log::relay::Head;
use crate::log::source::{self, Ask, PAGE};

/// How often owner and consumer compare all they have.
const EVERY: Duration = Duration::from_secs(60);

/// How long a difference may last that is only work in progress.
const IN_FLIGHT: Duration = Duration::from_secs(2);

impl Gate {
    /// Compares at start and every minute until the process stops.
    pub async fn watermark_loop(self, consumer: Consumer) {
        let mut pause = Duration::from_millis(200);
        loop {
            match self.compare(&consumer).await {
                Ok(()) => pause = EVERY,
                Err(failure) => {
                    pause = (pause * 2).min(EVERY);
                    tracing::debug!(service = self.context.service, %failure, "not compared");
                }
            }
            self.context.clock.sleep(pause).await;
        }
    }

    /// Hears announced heads until the process stops.
    pub async fn heads_loop(self, consumer: Consumer, mut news: BoxStream<'static, Bytes>) {
        while let Some(news) = news.next().await {
            let Ok(heads) = serde_json::from_slice::<Vec<Head>>(&news) else { continue };
            for head in heads.iter().filter(|head| head.aggregate == consumer.aggregate) {
                let (version, life) = (head.version, head.incarnation);
                if self.is_recent(consumer.aggregate, &head.subject, version, life) {
                    continue;
                }
                if let Err(failure) = self.compare_head(&consumer, head).await {
                    tracing::debug!(service = self.context.service, %failure, "a head was not compared");
                }
            }
        }
    }

    async fn compare_head(&self, consumer: &Consumer, head: &Head) -> Result<()> {
        let cursor = self.cursor(consumer, &head.subject).await?;
        if cursor.version > 0 && head.incarnation > cursor.incarnation {
            return self.suspect(consumer, &head.subject, Reason::Resync).await;
        }
        if cursor.version < head.version && head.incarnation >= cursor.incarnation {
            return self.suspect(consumer, &head.subject, Reason::Gap).await;
        }
        Ok(())
    }

    /// Compares the sums of each partition, and the single heads only where those differ.
    ///
    /// # Errors
    /// When the owner does not answer.
    pub async fn compare(&self, consumer: &Consumer) -> Result<()> {
        let wanted = self.owner_sums(consumer).await?;
        if self.differing(consumer, &wanted).await?.is_empty() {
            return Ok(());
        }
        self.context.clock.sleep(IN_FLIGHT).await;
        for partition in self.differing(consumer, &wanted).await? {
            self.compare_partition(consumer, partition).await?;
        }
        Ok(())
    }

    async fn owner_sums(&self, consumer: &Consumer) -> Result<BTreeMap<i64, i64>> {
        let question = Ask::Sums { aggregate: consumer.aggregate.to_owned() };
        let sums: Vec<(i64, i64)> =
            source::ask(self.context.bus.as_ref(), consumer.owner, &question).await?;
        Ok(sums.into_iter().collect())
    }

    /// The partitions in which the cursors have not reached these sums, or stand above the owner's
    /// present ones.
    async fn differing(
        &self,
        consumer: &Consumer,
        wanted: &BTreeMap<i64, i64>,
    ) -> Result<Vec<i64>> {
        let (service, aggregate) = (self.context.service, consumer.aggregate);
        let rows = self
            .context
            .db
            .read(async move |tx: &mut Tx| {
                tx.query(
                    "select partition, cast(sum(version) as bigint) from cursors \
                     where consumer = $1 and aggregate = $2 group by partition",
                    params![service, aggregate],
                )
                .await
            })
            .await?;
        let mut reached = BTreeMap::new();
        for row in rows {
            reached.insert(row.get::<i64>(0)?, row.get::<i64>(1)?);
        }
        let now = self.owner_sums(consumer).await?;
        let at = |sums: &BTreeMap<i64, i64>, partition| sums.get(&partition).copied().unwrap_or(0);
        Ok((0..crate::log::PARTITIONS)
            .filter(|partition| {
                at(&reached, *partition) < at(wanted, *partition)
                    || at(&reached, *partition) > at(&now, *partition)
            })
            .collect())
    }

    async fn compare_partition(&self, consumer: &Consumer, partition: i64) -> Result<()> {
        let mut after = String::new();
        loop {
            let question = Ask::Heads {
                aggregate: consumer.aggregate.to_owned(),
                partition,
                after: after.clone(),
            };
            let heads: Vec<(String, i64)> =
                source::ask(self.context.bus.as_ref(), consumer.owner, &question).await?;
            let full = i64::try_from(heads.len()).unwrap_or(0) >= PAGE;
            let until = if full { heads.last().map(|(subject, _)| subject.clone()) } else { None };
            let heads: BTreeMap<String, i64> = heads.into_iter().collect();
            let cursors = self.cursors(consumer, partition, (&after, until.as_deref())).await?;
            for (subject, version) in &heads {
                if cursors.get(subject).copied().unwrap_or(0) < *version {
                    self.suspect(consumer, subject, Reason::Gap).await?;
                }
            }
            for (subject, version) in &cursors {
                if heads.get(subject).copied().unwrap_or(0) < *version {
                    self.suspect(consumer, subject, Reason::Resync).await?;
                }
            }
            match until {
                Some(last) => after = last,
                None => return Ok(()),
            }
        }
    }

    /// The cursors of a partition between two ids.
    async fn cursors(
        &self,
        consumer: &Consumer,
        partition: i64,
        (after, until): (&str, Option<&str>),
    ) -> Result<BTreeMap<String, i64>> {
        let (service, aggregate) = (self.context.service, consumer.aggregate);
        // Ids are hexadecimal: nothing sorts behind a tilde.
        let (after, until) = (after.to_owned(), until.unwrap_or("~").to_owned());
        let rows = self
            .context
            .db
            .read(async move |tx: &mut Tx| {
                tx.query(
                    "select subject, version from cursors where consumer = $1 and aggregate = $2 \
                     and partition = $3 and subject > $4 and subject <= $5",
                    params![service, aggregate, partition, after, until],
                )
                .await
            })
            .await?;
        rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
    }
}
