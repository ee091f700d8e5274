//! Hears the heads that an owner announces, and has those repaired that were neither handled nor are on
//! their way.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use contracts::Timestamp;
use futures::StreamExt;
use futures::stream::BoxStream;

use super::Gate;
use super::consumer::Consumer;
use super::inbox::REPAIR_AFTER;
use super::standing;
use super::store::{Cursor, Reason};
use super::watermark::has_none;
use crate::db::Tx;
use crate::failure::Result;
use crate::log::heads::Head;

/// For how long a head is waited for that may be on its way. Then the comparison of all that owner and
/// consumer have is left to find it.
const WAITS_FOR: Duration = Duration::from_secs(60);

/// How many cursors are looked up at once.
const LOOK_UP: usize = 500;

/// The heads of one aggregate type that were announced and not seen to be reached, by id.
#[derive(Debug, Default)]
struct Announced(BTreeMap<String, Waiting>);

#[derive(Debug, Clone, Copy)]
struct Waiting {
    head: Cursor,
    /// When it was announced: its event was published before.
    announced_at: Timestamp,
    /// The same by the clock that never goes back.
    since: Duration,
}

impl Announced {
    /// Notes a head, unless it or a newer one has been noted.
    fn note(&mut self, subject: String, waiting: Waiting) {
        let age = |head: Cursor| (head.incarnation, head.version);
        let known = self.0.get(&subject);
        if known.is_none_or(|known| age(known.head) < age(waiting.head)) {
            self.0.insert(subject, waiting);
        }
    }

    /// Takes out what it is time to look up.
    fn take_due(&mut self, is_due: impl Fn(&Waiting) -> bool) -> Vec<(String, Cursor)> {
        let due = self.0.extract_if(.., |_, waiting| is_due(waiting));
        due.map(|(subject, waiting)| (subject, waiting.head))
            .collect()
    }
}

impl Gate {
    /// Hears announced heads until the process stops, as long as it hears the events.
    pub(crate) async fn heads_loop(
        self,
        consumer: Consumer,
        hears: impl Fn() -> bool,
        mut news: BoxStream<'static, Bytes>,
    ) {
        let clock = &self.context.clock;
        let mut announced = Announced::default();
        let mut look_at = Duration::ZERO;
        loop {
            let is_new = announced.0.is_empty();
            tokio::select! {
                biased;
                news = news.next() => match news {
                    Some(news) if hears() => self.note_heads(&consumer, &news, &mut announced),
                    Some(_) => announced.0.clear(),
                    None => return,
                },
                () = clock.sleep(look_at.saturating_sub(clock.elapsed())), if !is_new => {
                    if let Err(failure) = self.look_at_heads(&consumer, &mut announced).await {
                        tracing::debug!(service = self.context.service, %failure, "heads were not compared");
                    }
                    look_at = clock.elapsed() + REPAIR_AFTER;
                }
            }
            if is_new {
                look_at = clock.elapsed() + REPAIR_AFTER;
            }
        }
    }

    fn note_heads(&self, consumer: &Consumer, news: &Bytes, announced: &mut Announced) {
        let heads = serde_json::from_slice::<Vec<Head>>(news).ok();
        let Some(heads) = heads.filter(|_| !has_none()) else {
            return;
        };
        let heads = heads
            .into_iter()
            .filter(|head| head.aggregate == consumer.aggregate);
        let (announced_at, since) = (self.context.now(), self.context.clock.elapsed());
        for head in heads {
            let at = Cursor {
                version: head.version,
                incarnation: head.incarnation,
            };
            if !self.is_recent(consumer.aggregate, &head.subject, at) {
                let waiting = Waiting {
                    head: at,
                    announced_at,
                    since,
                };
                announced.note(head.subject, waiting);
            }
        }
    }

    /// Looks up what is not on its way any more, and has repaired what the cursors have not reached.
    async fn look_at_heads(&self, consumer: &Consumer, announced: &mut Announced) -> Result<()> {
        let (aggregate, now) = (consumer.aggregate, self.context.clock.elapsed());
        announced.0.retain(|subject, waiting| {
            let is_over = now.saturating_sub(waiting.since) > WAITS_FOR;
            !is_over && !self.is_recent(aggregate, subject, waiting.head)
        });
        let due = announced.take_due(|waiting| {
            let waited = now.saturating_sub(waiting.since);
            waited >= REPAIR_AFTER && !self.heard.may_bring(aggregate, waiting.announced_at, now)
        });
        for heads in due.chunks(LOOK_UP) {
            let behind = self.behind(consumer, heads).await?;
            if !behind.is_empty() {
                self.suspect(consumer, behind).await?;
            }
        }
        Ok(())
    }

    /// Of these heads, those that the cursors have not reached. The others are remembered: they are
    /// announced again, and most of them another replica has handled.
    async fn behind(
        &self,
        consumer: &Consumer,
        heads: &[(String, Cursor)],
    ) -> Result<Vec<(String, Reason)>> {
        let keys: Vec<_> = heads
            .iter()
            .map(|(subject, _)| self.key(consumer, subject))
            .collect();
        let look = async move |tx: &mut Tx| standing::cursors(tx, &keys).await;
        let cursors = self.context.db.read(look).await?;
        let (mut behind, mut reached) = (Vec::new(), Vec::new());
        for ((subject, head), cursor) in heads.iter().cloned().zip(cursors) {
            if cursor.version > 0 && head.incarnation > cursor.incarnation {
                behind.push((subject, Reason::Resync));
            } else if cursor.version < head.version && head.incarnation >= cursor.incarnation {
                behind.push((subject, Reason::Gap));
            } else {
                reached.push((subject, cursor));
            }
        }
        self.remember(consumer.aggregate, reached);
        Ok(behind)
    }
}
