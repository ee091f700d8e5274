//! Background work that is stopped and joined at shutdown.

use std::fmt::Debug;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::failure::{Failure, Result};

/// Runs tasks instead of tokio's runtime: a simulation, which decides who is next.
pub trait Executor: Debug + Send + Sync + 'static {
    /// Runs a task, besides the others, to its end.
    fn spawn(&self, task: BoxFuture<'static, ()>);
}

/// The background tasks of a process.
#[derive(Debug, Clone, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
    executor: Option<Arc<dyn Executor>>,
}

impl Tasks {
    /// Tasks that `executor` runs.
    #[must_use]
    pub fn on(executor: Arc<dyn Executor>) -> Self {
        Self {
            executor: Some(executor),
            ..Self::default()
        }
    }

    /// Starts a task. It is dropped at its next await once the process stops.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.spawn_until_stopped(async move {
            let _ = stop.run_until_cancelled(work).await;
        });
    }

    /// Starts a task that watches [`Self::stopping`] itself and ends in its own order.
    pub fn spawn_until_stopped(&self, work: impl Future<Output = ()> + Send + 'static) {
        match &self.executor {
            Some(executor) => executor.spawn(Box::pin(self.tracker.track_future(work))),
            None => drop(self.tracker.spawn(work)),
        }
    }

    /// Does work that keeps a core busy for long, off the async threads. Whoever goes away before it
    /// is done does not end it.
    ///
    /// # Errors
    /// When it panics.
    pub async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        if self.executor.is_some() {
            return Ok(work());
        }
        let done = tokio::task::spawn_blocking(work).await;
        done.map_err(|error| Failure::Broken(anyhow::anyhow!("blocking work: {error}")))
    }

    /// Resolves when the process begins to stop.
    #[must_use]
    pub fn stopping(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Stops all tasks and waits for them, at most for `limit`. Whether all have ended.
    pub async fn stop(&self, limit: Duration) -> bool {
        self.stop.cancel();
        self.tracker.close();
        tokio::time::timeout(limit, self.tracker.wait())
            .await
            .is_ok()
    }
}
