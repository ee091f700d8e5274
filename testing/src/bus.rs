//! A bus that loses, doubles, delays and re-orders, as told.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use contracts::Envelope;
use futures::stream::BoxStream;
use platform::Clock;
use platform::bus::in_process::InProcessBus;
use platform::bus::{Bus, BusError, Delivery, Question};
use platform::tasks::Tasks;

use crate::random::Seeded;

/// What goes wrong, each in events per hundred.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faults {
    /// Confirmed, and never delivered.
    pub lost: u64,
    /// Delivered twice.
    pub doubled: u64,
    /// Delivered up to 100 ms late, and so behind later ones.
    pub delayed: u64,
    /// Delivered, but the confirmation fails: the relay publishes it again.
    pub unconfirmed: u64,
    /// Announcements of heads that nobody hears.
    pub unheard: u64,
    /// Questions to owners that get no answer.
    pub unanswered: u64,
}

/// A bus with faults: by default over the in-process one.
#[derive(Clone)]
pub struct FaultyBus {
    inner: Arc<dyn Bus>,
    faults: Arc<Mutex<Faults>>,
    published: Arc<Mutex<Vec<Arc<Envelope>>>>,
    questions: Arc<AtomicU64>,
    choices: Arc<Seeded>,
    clock: Arc<dyn Clock>,
    tasks: Tasks,
}

impl FaultyBus {
    /// A bus whose choices are drawn from `seed`; without faults until told.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, tasks: Tasks, seed: u64) -> Self {
        let inner = InProcessBus::new(Arc::clone(&clock), tasks.clone());
        Self::over(Arc::new(inner), clock, tasks, seed)
    }

    /// A bus that carries over `inner` what it does not spoil.
    #[must_use]
    pub fn over(inner: Arc<dyn Bus>, clock: Arc<dyn Clock>, tasks: Tasks, seed: u64) -> Self {
        let choices = Arc::new(Seeded::new(seed));
        Self {
            inner,
            faults: Arc::default(),
            published: Arc::default(),
            questions: Arc::default(),
            choices,
            clock,
            tasks,
        }
    }

    /// Draws its choices from `seed` from now on.
    pub fn reseed(&self, seed: u64) {
        self.choices.reseed(seed);
    }

    /// What was published, in order; also what was then lost, and what was published again.
    #[must_use]
    pub fn published(&self) -> Arc<Mutex<Vec<Arc<Envelope>>>> {
        Arc::clone(&self.published)
    }

    /// How many questions were asked of owners.
    #[must_use]
    pub fn questions(&self) -> u64 {
        self.questions.load(Ordering::Relaxed)
    }

    /// From now on, this goes wrong.
    pub fn set(&self, faults: Faults) {
        *self.faults.lock().unwrap_or_else(PoisonError::into_inner) = faults;
    }

    fn faults(&self) -> Faults {
        *self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn happens(&self, per_hundred: u64) -> bool {
        per_hundred > 0 && self.choices.below(100) < per_hundred
    }
}

#[async_trait]
impl Bus for FaultyBus {
    async fn publish(&self, event: &Arc<Envelope>) -> Result<(), BusError> {
        let faults = self.faults();
        self.published
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Arc::clone(event));
        if self.happens(faults.lost) {
            return Ok(());
        }
        if self.happens(faults.delayed) {
            let (bus, event, clock) = (
                Arc::clone(&self.inner),
                Arc::clone(event),
                Arc::clone(&self.clock),
            );
            let delay = Duration::from_millis(self.choices.below(100));
            self.tasks.spawn(async move {
                clock.sleep(delay).await;
                drop(bus.publish(&event).await);
            });
            return Ok(());
        }
        self.inner.publish(event).await?;
        if self.happens(faults.doubled) {
            self.inner.publish(event).await?;
        }
        if self.happens(faults.unconfirmed) {
            return Err(BusError("not confirmed".to_owned()));
        }
        Ok(())
    }

    async fn subscribe(
        &self,
        consumer: &str,
        owner: &str,
        aggregate: &'static str,
    ) -> Result<BoxStream<'static, Delivery>, BusError> {
        self.inner.subscribe(consumer, owner, aggregate).await
    }

    async fn follow(
        &self,
        owner: &str,
        aggregate: &'static str,
    ) -> Result<BoxStream<'static, Arc<Envelope>>, BusError> {
        self.inner.follow(owner, aggregate).await
    }

    async fn request(
        &self,
        service: &str,
        question: Bytes,
        limit: Duration,
    ) -> Result<Bytes, BusError> {
        self.questions.fetch_add(1, Ordering::Relaxed);
        if self.happens(self.faults().unanswered) {
            return Err(BusError("not answered".to_owned()));
        }
        self.inner.request(service, question, limit).await
    }

    async fn serve(&self, service: &str) -> Result<BoxStream<'static, Question>, BusError> {
        self.inner.serve(service).await
    }

    async fn announce(&self, service: &str, news: Bytes) -> Result<(), BusError> {
        if self.happens(self.faults().unheard) {
            return Ok(());
        }
        self.inner.announce(service, news).await
    }

    async fn listen(&self, service: &str) -> Result<BoxStream<'static, Bytes>, BusError> {
        self.inner.listen(service).await
    }

    async fn nudge(&self, service: &str, word: &str) -> Result<(), BusError> {
        self.inner.nudge(service, word).await
    }

    async fn nudges(&self, service: &str) -> Result<BoxStream<'static, String>, BusError> {
        self.inner.nudges(service).await
    }

    async fn flush(&self) {
        self.inner.flush().await;
    }

    fn is_connected(&self) -> bool {
        self.inner.is_connected()
    }
}
