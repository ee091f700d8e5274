//! PostgreSQL: a pool of connections and one thread that runs the transactions, many at a time.
//!
//! A transaction's future stays on its thread (the same closure runs on SQLite's writer thread), so
//! the transactions of a database are tasks of one thread with an event loop of its own; they wait
//! for the network, not for each other.

mod encryption;
mod errors;
mod migrate;
mod pipeline;
mod pool;
mod session;
mod together;
mod values;

use std::cell::Cell;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use tokio::sync::{mpsc, oneshot};
use tracing::{Instrument as _, Span};

use super::migrate::Migration;
use super::tx::{Link, Tx};
use super::{Durability, Surroundings, Wakers};
use crate::failure::{Failure, Result};
use crate::trace::Origin;
pub(super) use pipeline::{Mark, RowOf};
pub use pool::PostgresSettings;
use pool::Worker;
use session::Contended;
pub(super) use session::Session;

/// How often a transaction is run that met a concurrent one, a lost connection before its commit
/// among it.
const RUNS_MAX: u32 = 8;

/// The pause before it is run again; it doubles.
const PAUSE_FIRST: Duration = Duration::from_millis(2);

/// What runs on the database's thread.
type Job = Box<dyn FnOnce(Rc<Worker>) -> LocalBoxFuture<'static, ()> + Send>;

/// How a transaction begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Write,
    /// A crash of the server may take it back, with everything that was written since.
    Relaxed,
    Read,
}

impl Mode {
    /// Each statement of a writing transaction sees what is committed: concurrent ones meet in the
    /// rows that they update and in their locks. A reading one sees one state.
    fn begin(self) -> &'static str {
        match self {
            Self::Write => "begin isolation level read committed",
            Self::Relaxed => {
                "begin isolation level read committed; set local synchronous_commit = off"
            }
            Self::Read => "begin isolation level repeatable read read only",
        }
    }
}

pub(super) struct Postgres {
    jobs: mpsc::UnboundedSender<Job>,
    surroundings: Surroundings,
    incarnation: i64,
}

impl Postgres {
    /// Connects, brings the database to the newest migration if so wished, and starts its thread.
    pub(super) async fn open(
        settings: &PostgresSettings,
        service: &'static str,
        migrations: &[Migration],
        surroundings: Surroundings,
    ) -> anyhow::Result<Self> {
        let pool = pool::build(settings, service)?;
        let now = surroundings.clock.now().as_microsecond();
        let (jobs, mut queue) = mpsc::unbounded_channel::<Job>();
        let (started, start) = oneshot::channel();
        std::thread::Builder::new()
            .name(format!("{service}-postgres"))
            .spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build();
                let runtime = match runtime {
                    Ok(runtime) => runtime,
                    Err(error) => return drop(started.send(Err(error))),
                };
                drop(started.send(Ok(())));
                let worker = Rc::new(Worker::new(pool));
                let local = tokio::task::LocalSet::new();
                local.block_on(&runtime, async {
                    while let Some(job) = queue.recv().await {
                        tokio::task::spawn_local(job(Rc::clone(&worker)));
                    }
                });
                // What still runs is finished before its connections are closed.
                runtime.block_on(local);
            })?;
        start.await.context("the database's thread ended")??;
        let mut opened = Self {
            jobs,
            surroundings,
            incarnation: 0,
        };
        let (owned, may_migrate) = (migrations.to_vec(), settings.migrate);
        opened.incarnation = opened
            .on_thread(move |worker| {
                async move { migrate::open(&worker, &owned, may_migrate, now).await }.boxed_local()
            })
            .await??;
        Ok(opened)
    }

    /// Runs something on the database's thread.
    async fn on_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(Rc<Worker>) -> LocalBoxFuture<'static, T> + Send + 'static,
    ) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |worker| {
            async move {
                drop(answer.send(work(worker).await));
            }
            .boxed_local()
        });
        let closed = || Failure::Unavailable("the database is closed".to_owned());
        self.jobs.send(job).map_err(|_| closed())?;
        answered.await.map_err(|_| closed())
    }

    pub(super) async fn write<T, F>(
        &self,
        durability: Durability,
        origin: Origin,
        work: F,
    ) -> Result<T>
    where
        T: Send + 'static,
        F: AsyncFn(&mut Tx) -> Result<T> + Send + 'static,
    {
        let mode = match durability {
            Durability::Synced => Mode::Write,
            Durability::Relaxed => Mode::Relaxed,
        };
        self.run(mode, origin, work).await
    }

    pub(super) async fn read<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: AsyncFn(&mut Tx) -> Result<T> + Send + 'static,
    {
        self.run(Mode::Read, Origin::default(), work).await
    }

    async fn run<T, F>(&self, mode: Mode, origin: Origin, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: AsyncFn(&mut Tx) -> Result<T> + Send + 'static,
    {
        let (surroundings, incarnation) = (self.surroundings.clone(), self.incarnation);
        // The worker's thread knows nothing of whom it works for.
        let span = Span::current();
        self.on_thread(move |worker| {
            let transactions = Transactions {
                worker,
                surroundings,
                incarnation,
                origin,
                mode,
            };
            async move { transactions.run(work).instrument(span).await }.boxed_local()
        })
        .await?
    }
}

/// The runs of one transaction.
struct Transactions {
    worker: Rc<Worker>,
    surroundings: Surroundings,
    incarnation: i64,
    origin: Origin,
    mode: Mode,
}

/// What came of one run.
struct Run<T> {
    outcome: Result<T>,
    /// Nothing of it was kept, and the same may succeed now.
    may_repeat: bool,
}

impl Transactions {
    async fn run<T, F: AsyncFn(&mut Tx) -> Result<T>>(&self, work: F) -> Result<T> {
        let mut runs = 1;
        let mut contended = None;
        loop {
            let Run {
                outcome,
                may_repeat,
            } = self.run_once(&work, contended.take()).await;
            if !may_repeat || runs == RUNS_MAX {
                return outcome;
            }
            if let Err(Failure::Moved { aggregate, subject }) = outcome {
                contended = Some(Contended { aggregate, subject });
            }
            tokio::time::sleep(self.pause(runs)).await;
            runs += 1;
        }
    }

    /// Doubles, and differs between those who met.
    fn pause(&self, runs: u32) -> Duration {
        let mut byte = [0];
        self.surroundings.random.fill(&mut byte);
        let whole = PAUSE_FIRST * 2u32.pow(runs.min(8));
        whole.mul_f64(0.5 + f64::from(byte[0]) / 512.0)
    }

    async fn run_once<T, F: AsyncFn(&mut Tx) -> Result<T>>(
        &self,
        work: &F,
        contended: Option<Contended>,
    ) -> Run<T> {
        let client = match self.worker.client().await {
            Ok(client) => client,
            Err(failure) => return Run::last(Err(failure)),
        };
        let understood = Rc::clone(&self.worker.understood);
        let session = Session::new(client, understood, self.mode.begin(), contended);
        let session = Rc::new(session);
        let mut tx = Tx {
            link: Link::Postgres(Rc::clone(&session)),
            surroundings: self.surroundings.clone(),
            origin: self.origin.clone(),
            wakes: Default::default(),
            incarnation: self.incarnation,
            shared: true,
            depth: 0,
        };
        let outcome = AssertUnwindSafe(work(&mut tx)).catch_unwind().await;
        let outcome =
            outcome.unwrap_or_else(|_| Err(Failure::Broken(anyhow!("a transaction panicked"))));
        let wakes = std::mem::take(&mut tx.wakes);
        drop(tx);
        let run = self.end(session, outcome).await;
        if run.outcome.is_ok() {
            let wakers: &Wakers = &self.surroundings.wakers;
            wakes.into_iter().for_each(|name| wakers.wake(name));
        }
        run
    }

    async fn end<T>(&self, session: Rc<Session>, outcome: Result<T>) -> Run<T> {
        let met = session.met_another() || matches!(outcome, Err(Failure::Moved { .. }));
        let lost = session.is_lost();
        if outcome.is_ok() && !session.is_failed() && self.mode != Mode::Read {
            return match session.commit().await {
                Ok(()) => Run::last(outcome),
                // Whether it was kept is known to nobody if the connection broke: never again.
                Err((failure, met)) => Run {
                    may_repeat: met || matches!(failure, Failure::Moved { .. }),
                    outcome: Err(failure),
                },
            };
        }
        let failed = session.is_failed();
        if self.mode == Mode::Read {
            // Nobody has to wait for the end of a transaction that has changed nothing.
            tokio::task::spawn_local(async move { session.roll_back().await });
        } else {
            session.roll_back().await;
        }
        let outcome = match outcome {
            Ok(_) if failed => Err(Failure::Unavailable(
                "a statement of the transaction failed".to_owned(),
            )),
            outcome => outcome,
        };
        Run {
            may_repeat: outcome.is_err() && (met || lost),
            outcome,
        }
    }
}

impl<T> Run<T> {
    fn last(outcome: Result<T>) -> Self {
        Self {
            outcome,
            may_repeat: false,
        }
    }
}

/// A flag that a shared value can raise.
type Flag = Cell<bool>;
