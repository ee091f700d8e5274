//! Runs services: connects what they hear and answer, then lets them begin.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use contracts::Envelope;
use futures::stream::BoxStream;
use utoipa_axum::router::OpenApiRouter;

use crate::bus::{Bus, Delivery, Question};
use crate::clock::{Clock, until};
use crate::context::Context;
use crate::db::memory::{Disk, Pace};
use crate::db::{Db, PostgresSettings, Surroundings, Tx, Wakers, params};
use crate::failure::Result;
use crate::gate::{Gate, GateSettings, figures};
use crate::http::health::Readiness;
use crate::http::idempotency::{self, InFlight};
use crate::log::{relay, source};
use crate::random::{Random, uuid_v7};
use crate::service::{Job, Schema, Service};
use crate::session::{self, Sessions};
use crate::shares::{self, Turns};
use crate::tasks::Tasks;

/// What all services of a process share.
#[derive(Clone)]
pub struct Process {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// The bus.
    pub bus: Arc<dyn Bus>,
    /// Background work.
    pub tasks: Tasks,
    /// Who a request comes from: each service has its own copy of the revoked sessions.
    pub public_keys: Vec<session::PublicKey>,
    /// The address under which people reach the site, if it is known.
    pub public_url: Option<Arc<str>>,
    /// What must be ready before requests are answered.
    pub readiness: Readiness,
    /// How failing handlers are dealt with.
    pub gate: GateSettings,
}

/// A service whose database is open and whose connections are made, but which has not begun.
pub struct Prepared {
    /// What the service was given.
    pub context: Context,
    /// Its answers.
    pub routes: OpenApiRouter,
    /// Its inbox.
    pub gate: Gate,
    questions: BoxStream<'static, Question>,
    deliveries: Vec<BoxStream<'static, Delivery>>,
    jobs: Vec<Job>,
}

/// What a service found when its database was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Whether the process before ended without closing it.
    pub unclean: bool,
    /// Events that the bus had not confirmed; they are published now.
    pub unpublished: i64,
    /// Events that wait for earlier ones; those are asked for now.
    pub parked: i64,
    /// Keys that had been blocked; each is tried once more now.
    pub blocked: u64,
}

/// Opens a service's SQLite database in the data directory.
///
/// # Errors
/// When it can't be opened or brought to its newest migration.
pub fn open_embedded(
    process: &Process,
    directory: &Path,
    schema: Schema,
) -> anyhow::Result<(Db, Wakers)> {
    let surroundings = surroundings(process);
    let wakers = surroundings.wakers.clone();
    let path = directory.join(format!("{}.db", schema.name));
    let db = Db::open_sqlite(&path, schema.name, schema.migrations, surroundings)?;
    Ok((db, wakers))
}

/// Connects to a service's PostgreSQL database.
///
/// # Errors
/// When it does not answer, or can't be brought to its newest migration.
pub async fn open_shared(
    process: &Process,
    settings: &PostgresSettings,
    schema: Schema,
) -> anyhow::Result<(Db, Wakers)> {
    let surroundings = surroundings(process);
    let wakers = surroundings.wakers.clone();
    let db = Db::open_postgres(settings, schema.name, schema.migrations, surroundings).await?;
    Ok((db, wakers))
}

/// Opens a service's database on a simulated disk.
///
/// # Errors
/// When it can't be brought to its newest migration.
pub fn open_simulated(
    process: &Process,
    (disk, pace): (&Disk, Pace),
    schema: Schema,
) -> anyhow::Result<(Db, Wakers)> {
    let surroundings = surroundings(process);
    let wakers = surroundings.wakers.clone();
    let at = (&process.tasks, pace);
    Ok((
        Db::open_on(disk, schema.migrations, surroundings, at)?,
        wakers,
    ))
}

/// What a database is given of its process, with wakers of its own.
fn surroundings(process: &Process) -> Surroundings {
    Surroundings {
        clock: Arc::clone(&process.clock),
        random: Arc::clone(&process.random),
        wakers: Wakers::default(),
    }
}

/// Connects a service: subscribes its consumers and hears the questions to it. Every service of a
/// process is prepared before any [`begin`]s, so that nothing is published to nobody.
///
/// # Errors
/// When the bus or the database does not answer.
pub async fn prepare(
    process: &Process,
    mut service: Service,
    (db, wakers): (Db, Wakers),
) -> Result<Prepared> {
    let sessions = Sessions::new(process.public_keys.clone());
    if service.knows_sessions {
        sessions.load_revoked(&db, process.clock.now()).await?;
        service
            .consumers
            .push(session::revocations(sessions.clone()));
    }
    let context = Context {
        service: service.name,
        replica: uuid_v7(process.random.as_ref(), process.clock.now())
            .to_string()
            .into(),
        db,
        clock: Arc::clone(&process.clock),
        random: Arc::clone(&process.random),
        bus: Arc::clone(&process.bus),
        sessions,
        wakers,
        tasks: process.tasks.clone(),
        in_flight: InFlight::default(),
        public_url: process.public_url.clone(),
        left: shares::Left::default(),
    };
    let routes = service
        .routes
        .take()
        .map(|routes| routes(&context))
        .unwrap_or_default();
    let questions = context.bus.serve(service.name).await?;
    let mut deliveries = Vec::new();
    for consumer in &service.consumers {
        deliveries.push(
            context
                .bus
                .subscribe(service.name, consumer.owner, consumer.aggregate)
                .await?,
        );
    }
    let gate = Gate::new(context.clone(), service.consumers, process.gate).owning(service.owned);
    Ok(Prepared {
        context,
        routes,
        gate,
        questions,
        deliveries,
        jobs: service.jobs,
    })
}

/// Lets a prepared service begin: relay, inbox, repair, watermark, jobs.
///
/// # Errors
/// When its database does not answer.
pub async fn begin(prepared: Prepared) -> Result<(Gate, Found)> {
    let Prepared {
        context,
        gate,
        questions,
        deliveries,
        jobs,
        ..
    } = prepared;
    let found = find(&gate).await?;
    context.db.begin_use().await?;
    let tasks = &context.tasks;
    if gate.is_half_rebuilt().await? {
        tasks.spawn(gate.clone().finish_rebuild());
    }
    tasks.spawn(source::run(context.clone(), questions));
    let turns = if context.db.is_shared() {
        Some(shares::keep(&context, gate.consumers.len()).await)
    } else {
        None
    };
    tasks.spawn(relay::run(context.clone()));
    hear(&gate, deliveries, turns).await?;
    if context.db.is_shared() && gate.consumer("session").is_some() {
        tasks.spawn(session::keep_up(context.clone()));
    }
    tasks.spawn(gate.clone().repair_loop());
    tasks.spawn(figures::keep(gate.clone()));
    tasks.spawn(sweep_idempotency_keys(context.clone()));
    for job in jobs {
        tasks.spawn(run_job(context.clone(), job));
    }
    Ok((gate, found))
}

/// Lets the service hear what the others say: all of it, or what it is this replica's turn to hear.
async fn hear(
    gate: &Gate,
    deliveries: Vec<BoxStream<'static, Delivery>>,
    turns: Option<Turns>,
) -> Result<()> {
    let (tasks, bus) = (&gate.context.tasks, &gate.context.bus);
    if let Some(turns) = &turns {
        gate.take_turns(deliveries, turns);
    } else {
        for (consumer, deliveries) in gate.consumers.iter().zip(deliveries) {
            tasks.spawn(gate.clone().run(consumer.clone(), deliveries));
        }
    }
    for (consumer, number) in gate.consumers.iter().zip(0_i64..) {
        let news = bus.listen(consumer.owner).await?;
        let turns = turns.clone();
        let hears = move || {
            let turns = turns.as_ref();
            turns.is_none_or(|turns| turns.have(number))
        };
        tasks.spawn(
            gate.clone()
                .heads_loop(consumer.clone(), hears.clone(), news),
        );
        tasks.spawn(gate.clone().watermark_loop(consumer.clone(), hears));
    }
    Ok(())
}

/// Keeps a prepared service still: it only answers for its log.
#[must_use]
pub fn hold(prepared: Prepared) -> Gate {
    let Prepared {
        context,
        gate,
        questions,
        ..
    } = prepared;
    context.tasks.spawn(source::run(context.clone(), questions));
    gate
}

async fn find(gate: &Gate) -> Result<Found> {
    let counts = async |tx: &mut Tx| {
        let unpublished = tx
            .query_one("select count(*) from outbox", params![])
            .await?
            .get(0)?;
        let parked = tx
            .query_one("select count(*) from parked", params![])
            .await?
            .get(0)?;
        Ok((unpublished, parked))
    };
    let (unpublished, parked) = gate.context.db.read(counts).await?;
    let unclean = gate.context.db.ended_uncleanly();
    Ok(Found {
        unclean,
        unpublished,
        parked,
        blocked: gate.try_blocked_again().await?,
    })
}

/// Waits until the service's copy of revoked sessions stands where auth's log stands, at most
/// `limit`, because auth may be down.
pub async fn catch_up_sessions(gate: &Gate, limit: Duration) {
    let Some(consumer) = gate.consumer("session") else {
        return;
    };
    let compared = async {
        while gate.catch_up(consumer).await.is_err() {
            gate.context.clock.sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        biased;
        () = compared => {}
        () = gate.context.clock.sleep(limit) => {
            tracing::warn!(service = gate.context.service, "auth does not answer: sign-outs of late are not known yet");
        }
    }
}

async fn run_job(context: Context, job: Job) {
    let wake = context.wakers.get(job.name);
    let interval = if context.db.is_shared() {
        job.interval_shared
    } else {
        job.interval
    };
    let mut pause = Duration::ZERO;
    loop {
        let next = match (job.run)(context.clone()).await {
            Ok(next) => {
                pause = Duration::ZERO;
                next.map_or(interval, |next| next.min(interval))
            }
            Err(failure) => {
                pause = (pause * 2).clamp(Duration::from_secs(1), Duration::from_secs(30));
                tracing::error!(
                    service = context.service,
                    job = job.name,
                    failure = format!("{failure:#}"),
                    "a job failed"
                );
                context.clock.sleep(pause).await;
                continue;
            }
        };
        if next.is_zero() {
            continue;
        }
        tokio::select! {
            biased;
            () = wake.notified() => {}
            () = context.clock.sleep(next) => {}
        }
    }
}

async fn sweep_idempotency_keys(context: Context) {
    loop {
        if let Err(failure) = idempotency::sweep(&context.db, context.now()).await {
            tracing::warn!(service = context.service, %failure, "old idempotency keys stay");
        }
        context.clock.sleep(Duration::from_secs(600)).await;
    }
}

/// How long ago an event was committed.
#[must_use]
pub fn age(event: &Envelope, clock: &dyn Clock) -> Duration {
    until(event.time, clock.now())
}
