//! `ticketing up`: opens, mends, listens, and stops in order.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use platform::random::SystemRandom;
use platform::run::{Found, Process, begin, catch_up_sessions};
use platform::tasks::Tasks;
use tower::util::BoxCloneSyncService;

use crate::compose::{Keys, Marketplace, Options, compose};
use crate::data_dir::DataDir;
use crate::leaving::Leaving;
use crate::operator::Operator;
use crate::settings::UpSettings;
use crate::site::{Surroundings, show, site};
use crate::storage::{self, Storage};
use crate::{control, demo, front};

/// How often the databases are asked whether they answer.
pub const PING_EVERY: Duration = Duration::from_secs(2);

/// How long a service waits for auth's sign-outs before it is ready without them.
pub const SESSIONS_WITHIN: Duration = Duration::from_secs(2);

/// Runs the marketplace until it is told to stop.
///
/// # Errors
/// When a setting is not usable or a database can't be opened.
pub async fn up(settings: UpSettings) -> anyhow::Result<()> {
    let metrics = front::tell(&settings.site, "ticketing")?;
    let mut stop = front::Stop::hear()?;
    let directory = DataDir::open(&settings.data_dir)?;
    let listener = front::listen(settings.listen).await?;
    let address = listener.local_addr()?;
    let options = options(&settings, address);
    let keys = Keys {
        sessions: directory.signing_key(&SystemRandom)?,
        notices: vec![directory.webhook_secret(&SystemRandom)?],
    };
    let mut marketplace = compose(&options, keys, &Storage::Files(directory.path.clone())).await?;
    marketplace.process.readiness.set("started", false);
    let streams = Tasks::default();
    let surroundings = Surroundings {
        metrics: metrics.clone(),
        streams: streams.clone(),
    };
    let router = site(
        &options,
        &marketplace.process,
        &mut marketplace.prepared,
        surroundings,
    )
    .await?;
    let router = front::limited(router, &settings.site, Some(show(&options)));
    let process = marketplace.process.clone();
    let operator = begin_all(marketplace, &directory).await?;
    let (clock, tasks) = (Arc::clone(&process.clock), process.tasks.clone());
    tasks.spawn(async move { metrics.keep_up(clock.as_ref()).await });
    control::serve(operator.clone(), &tasks)?;
    tasks.spawn(watch_databases(operator.clone(), process.clone()));
    process.readiness.set("started", true);
    let hints = if settings.demo {
        demo::load(
            BoxCloneSyncService::new(router.clone()),
            "localhost",
            &process.clock,
        )
        .await?
    } else {
        Vec::new()
    };
    front::announce(address, &hints)?;
    let leaving = Leaving::new(&settings.site, &process.readiness, &process.clock);
    front::serve(listener, router, (&mut stop, &leaving), &streams).await;
    tasks.stop(front::FINISH_WITHIN).await;
    operator.close();
    tracing::info!("stopped");
    Ok(())
}

/// Lets all services begin, says what they found, and waits until each knows who has signed out.
async fn begin_all(marketplace: Marketplace, directory: &DataDir) -> anyhow::Result<Operator> {
    let mut gates = BTreeMap::new();
    for service in marketplace.prepared {
        let (gate, found) = begin(service).await?;
        tell(gate.context.service, &found);
        gates.insert(gate.context.service, gate);
    }
    let waiting = gates.values();
    futures::future::join_all(waiting.map(|gate| catch_up_sessions(gate, SESSIONS_WITHIN))).await;
    let bus = marketplace.process.bus;
    Ok(Operator::new(
        gates,
        marketplace.sandbox,
        bus,
        directory.path.clone(),
    ))
}

/// Says in the readiness which database does not answer.
async fn watch_databases(operator: Operator, process: Process) {
    loop {
        for (service, gate) in operator.gates.iter() {
            let answers = gate.context.db.ping().await.is_ok();
            process.readiness.set(&storage::check(service), answers);
        }
        process.clock.sleep(PING_EVERY).await;
    }
}

fn options(settings: &UpSettings, address: SocketAddr) -> Options {
    Options {
        mail_dir: Some(settings.data_dir.join("mail")),
        ..Options::of(&settings.site, address)
    }
}

/// Says what a service found when it started after an unclean end, and what is done about it.
pub fn tell(service: &str, found: &Found) {
    if found.unclean {
        tracing::warn!(
            service,
            unpublished = found.unpublished,
            parked = found.parked,
            blocked = found.blocked,
            "the last run did not end cleanly: publishing, asking for and retrying what was left"
        );
    } else if found.blocked > 0 {
        tracing::warn!(
            service,
            blocked = found.blocked,
            "keys were blocked: each is tried once more"
        );
    }
}
