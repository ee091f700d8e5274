//! Asks the provider what is to be asked, many payments at a time, each payment one act at a time.

mod attempt;
pub(crate) mod compare;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use contracts::Timestamp;
use platform::clock::{later, until};
use platform::{Context, Result, Tx};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::commands::take::{Task, take};
use crate::provider::{Answer, ProviderError};
use crate::settings::Settings;
use crate::store::due::Taker;
use crate::store::work;

/// The job's name, which wakes it.
pub const SETTLE: &str = "settle";

/// How many acts one transaction takes.
const BATCH_MAX: usize = 64;

/// Asks the provider.
#[derive(Debug)]
pub struct Settlement {
    pub(crate) settings: Settings,
    permits: Arc<Semaphore>,
    /// Whether the last run left acts behind because too many were in flight.
    backlog: AtomicBool,
    begun_at: OnceLock<Timestamp>,
    released: AtomicBool,
}

impl Settlement {
    /// With these settings.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let permits = Arc::new(Semaphore::new(settings.in_flight_max.max(1)));
        Self {
            settings,
            permits,
            backlog: AtomicBool::new(false),
            begun_at: OnceLock::new(),
            released: AtomicBool::new(false),
        }
    }

    /// From now on this process makes attempts; whoever had taken an act before is gone, if there is
    /// only one at a time.
    pub(crate) fn begin_at(&self, now: Timestamp) -> Timestamp {
        *self.begun_at.get_or_init(|| now)
    }

    /// For how long an attempt has its act to itself: it asks at most twice, and writes.
    #[must_use]
    pub fn lease(&self) -> Duration {
        self.settings.call_timeout * 2 + Duration::from_secs(10)
    }

    /// This replica, as one that makes attempts.
    #[must_use]
    pub fn taker(&self, ctx: &Context) -> Taker {
        Taker::of(ctx, self.lease())
    }

    /// Begins an attempt; the receiver hears when it has ended, whatever came of it.
    pub fn begin(self: &Arc<Self>, ctx: &Context, task: Task) -> oneshot::Receiver<()> {
        let (ended, end) = oneshot::channel();
        let (this, context) = (Arc::clone(self), ctx.clone());
        let origin = task.work.origin.clone();
        ctx.tasks.spawn(origin.resume(async move {
            if let Ok(permit) = Arc::clone(&this.permits).acquire_owned().await {
                this.finish(&context, task, permit).await;
            }
            ended.send(()).ok();
        }));
        end
    }

    /// Begins an attempt at everything that is due; says when the next act is.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn run(self: Arc<Self>, ctx: Context) -> Result<Option<Duration>> {
        // Who else works on a shared database may well be alive: it is looked at each time.
        if !ctx.db.is_shared() && !self.released.load(Ordering::Acquire) {
            let taken_before = later(self.begin_at(ctx.now()), self.lease());
            ctx.db
                .write(async move |tx: &mut Tx| work::release(tx, taken_before).await)
                .await?;
            self.released.store(true, Ordering::Release);
        }
        loop {
            let replica = Arc::clone(&ctx.replica);
            let look = async move |tx: &mut Tx| work::next_due(tx, &replica).await;
            let Some(due) = ctx.db.read(look).await? else {
                return Ok(None);
            };
            let wait = until(ctx.now(), due);
            if !wait.is_zero() {
                return Ok(Some(wait));
            }
            let permits = self.free_permits();
            if permits.is_empty() {
                self.backlog.store(true, Ordering::Release);
                if self.permits.available_permits() == 0 {
                    return Ok(None);
                }
                continue;
            }
            self.begin_due(&ctx, permits).await?;
        }
    }

    async fn begin_due(
        self: &Arc<Self>,
        ctx: &Context,
        permits: Vec<OwnedSemaphorePermit>,
    ) -> Result<()> {
        let limit = i64::try_from(permits.len()).unwrap_or(1);
        let taker = self.taker(ctx);
        let work = async move |tx: &mut Tx| take(tx, limit, &taker).await;
        let tasks = ctx.db.write(work).await?;
        for (task, permit) in tasks.into_iter().zip(permits) {
            let (this, context) = (Arc::clone(self), ctx.clone());
            let origin = task.work.origin.clone();
            let work = async move { this.finish(&context, task, permit).await };
            ctx.tasks.spawn(origin.resume(work));
        }
        Ok(())
    }

    fn free_permits(&self) -> Vec<OwnedSemaphorePermit> {
        let free = || Arc::clone(&self.permits).try_acquire_owned().ok();
        std::iter::from_fn(free).take(BATCH_MAX).collect()
    }

    async fn finish(&self, ctx: &Context, task: Task, permit: OwnedSemaphorePermit) {
        let payment_id = task.payment.id;
        if let Err(failure) = self.attempt(ctx, task).await {
            // The act stays; it is taken again when its lease ends.
            let failure = format!("{failure:#}");
            tracing::error!(%payment_id, failure, "what the provider did could not be recorded");
        }
        drop(permit);
        if self.backlog.swap(false, Ordering::AcqRel) {
            ctx.wakers.wake(SETTLE);
        }
    }

    /// A call to the provider, given up after a while; that it was heard stays possible.
    pub(crate) async fn call<T>(
        &self,
        ctx: &Context,
        answer: impl Future<Output = Answer<T>>,
    ) -> Answer<T> {
        tokio::select! {
            biased;
            answer = answer => answer,
            () = ctx.clock.sleep(self.settings.call_timeout) => Err(ProviderError::Timeout),
        }
    }
}
