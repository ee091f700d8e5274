//! A service as a value: what `app` puts into a list and the platform runs.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use utoipa_axum::router::OpenApiRouter;

use crate::context::Context;
use crate::db::Migration;
use crate::failure::Result;
use crate::gate::consumer::Consumer;
use crate::gate::owned::Owned;

/// Makes a service's routes once it has its context.
type Routes = Box<dyn FnOnce(&Context) -> OpenApiRouter + Send>;

/// Runs a job once; answers in how long it wants to run again (`None`: at the job's interval).
type Run = Arc<dyn Fn(Context) -> BoxFuture<'static, Result<Option<Duration>>> + Send + Sync>;

/// A service: what it is called, what it keeps, answers, hears and does by itself.
pub struct Service {
    /// Plural noun; also the name of its database.
    pub name: &'static str,
    /// The history of its tables.
    pub migrations: &'static [Migration],
    /// What it hears.
    pub consumers: Vec<Consumer>,
    /// The rows of what it owns, for audits.
    pub owned: Vec<Owned>,
    /// What it does by itself.
    pub jobs: Vec<Job>,
    /// Whether it keeps the ids of revoked sessions, because its routes need to know who asks.
    pub knows_sessions: bool,
    pub(crate) routes: Option<Routes>,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// What a service keeps: the name and the history of its database.
#[derive(Debug, Clone, Copy)]
pub struct Schema {
    /// The name of the database, which is the service's.
    pub name: &'static str,
    /// The history of its tables.
    pub migrations: &'static [Migration],
}

impl Service {
    /// What it keeps.
    #[must_use]
    pub fn schema(&self) -> Schema {
        Schema {
            name: self.name,
            migrations: self.migrations,
        }
    }

    /// A service that does nothing yet.
    #[must_use]
    pub fn new(name: &'static str, migrations: &'static [Migration]) -> Self {
        Self {
            name,
            migrations,
            consumers: Vec::new(),
            owned: Vec::new(),
            jobs: Vec::new(),
            knows_sessions: false,
            routes: None,
        }
    }

    /// Answers these routes; full paths, such as `/api/orders/{id}`. Implies that it knows sessions.
    #[must_use]
    pub fn routes(
        mut self,
        routes: impl FnOnce(&Context) -> OpenApiRouter + Send + 'static,
    ) -> Self {
        self.routes = Some(Box::new(routes));
        self.knows_sessions = true;
        self
    }

    /// Hears an aggregate's events.
    #[must_use]
    pub fn consumer(mut self, consumer: Consumer) -> Self {
        self.consumers.push(consumer);
        self
    }

    /// Owns an aggregate, and lets audits compare its rows with its log.
    #[must_use]
    pub fn owned(mut self, owned: Owned) -> Self {
        self.owned.push(owned);
        self
    }

    /// Does something by itself.
    #[must_use]
    pub fn job(mut self, job: Job) -> Self {
        self.jobs.push(job);
        self
    }
}

/// How often a job looks for what other replicas have left to do: what is due in an instant is begun
/// within a second, also when the one that was woken for it has died.
const OTHERS_INTERVAL: Duration = Duration::from_millis(500);

/// Work that a service does by itself: at an interval, and when [`crate::Tx::wake`] names it.
#[derive(Clone)]
pub struct Job {
    /// What wakes it.
    pub name: &'static str,
    /// How often it runs when nothing wakes it.
    pub interval: Duration,
    /// The same where the database is shared.
    pub(crate) interval_shared: Duration,
    pub(crate) run: Run,
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Job {
    /// A job. It runs first when the service starts; a failure is logged and it runs again after a
    /// second, doubling to 30 s.
    pub fn new<F, R>(name: &'static str, interval: Duration, run: F) -> Self
    where
        F: Fn(Context) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Option<Duration>>> + Send + 'static,
    {
        Self {
            name,
            interval,
            interval_shared: interval,
            run: Arc::new(move |context| Box::pin(run(context))),
        }
    }

    /// Its work may be left by another replica, whose wake-ups stay in its process: where the
    /// database is shared it looks by itself twice a second.
    #[must_use]
    pub fn for_all_replicas(mut self) -> Self {
        self.interval_shared = self.interval.min(OTHERS_INTERVAL);
        self
    }
}
