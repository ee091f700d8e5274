//! `ticketing serve`: one service in a process of its own, any number of times.
//!
//! It listens at once, so that whoever started it sees that it lives, and is ready when its database
//! and the bus answer.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context as _, bail};
use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use payments::provider::signature::Secret;
use platform::bus::Bus;
use platform::clock::SystemClock;
use platform::gate::Gate;
use platform::http::health;
use platform::http::layers::{LayerSettings, layered};
use platform::random::SystemRandom;
use platform::run::{Prepared, Process, begin, catch_up_sessions, prepare};
use platform::session::{PublicKey, SigningKey};
use platform::tasks::Tasks;
use platform::telemetry::Metrics;
use platform::{Clock, Failure, Service};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::compose::{self, Options};
use crate::front::{self, FINISH_WITHIN, Stop};
use crate::leaving::Leaving;
use crate::settings::{ServeSettings, ServiceName};
use crate::site::show;
use crate::storage::{self, Databases, Storage};
use crate::up::{PING_EVERY, SESSIONS_WITHIN, tell};
use crate::{edge, server, transport};

/// Runs a service until it is told to stop.
///
/// # Errors
/// When a setting is missing or not usable, or what it needs does not answer in time.
pub async fn serve(settings: ServeSettings) -> anyhow::Result<()> {
    let metrics = front::tell(&settings.site, settings.service.as_str())?;
    let mut stop = Stop::hear()?;
    let listener = front::listen(settings.listen).await?;
    let address = listener.local_addr()?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let tasks = Tasks::default();
    let streams = Tasks::default();
    let readiness = health::Readiness::default();
    readiness.set("started", false);
    let answers = Answers::default();
    let health = health::routes(readiness.clone(), metrics.clone());
    let end = CancellationToken::new();
    let options = Options {
        mail_dir: settings.mail_dir.clone(),
        ..Options::of(&settings.site, address)
    };
    let mut router = answers.router(health);
    // The load balancer does this itself, because it passes on what it sees.
    if settings.service != ServiceName::Gateway {
        let show = (settings.service == ServiceName::Web).then(|| show(&options));
        router = front::limited(router, &settings.site, show);
    }
    let leaving = Leaving::new(&settings.site, &readiness, &clock);
    let router = leaving.around(router);
    let mut server = std::pin::pin!(server::serve(listener, router, end.clone()));
    let (upkeep, figures) = (Arc::clone(&clock), metrics.clone());
    tasks.spawn(async move { figures.keep_up(upkeep.as_ref()).await });
    let parts = Parts {
        settings: &settings,
        options: &options,
        clock: Arc::clone(&clock),
        tasks: tasks.clone(),
        streams: streams.clone(),
        readiness: readiness.clone(),
        metrics: metrics.clone(),
    };
    let running = tokio::select! {
        running = parts.start() => running?,
        () = stop.told() => return Ok(()),
        () = &mut server => return Ok(()),
    };
    answers.set(running.router.clone());
    readiness.set("started", true);
    front::announce(address, &[])?;
    tokio::select! {
        () = &mut server => {}
        () = leaving.told(&mut stop) => {}
    }
    end.cancel();
    streams.stop(FINISH_WITHIN).await;
    drop(tokio::time::timeout(FINISH_WITHIN, server).await);
    // The others take over while what is left here ends.
    running.leave().await;
    tasks.stop(FINISH_WITHIN).await;
    tracing::info!("stopped");
    Ok(())
}

/// What is answered besides the health: nothing until the service has begun.
#[derive(Clone, Default)]
struct Answers(Arc<OnceLock<Router>>);

impl Answers {
    fn set(&self, router: Router) {
        drop(self.0.set(router));
    }

    fn router(&self, health: Router) -> Router {
        let answers = self.clone();
        health.fallback(move |request: Request| {
            let answers = answers.clone();
            async move { answers.answer(request).await }
        })
    }

    async fn answer(&self, request: Request) -> Response {
        match self.0.get() {
            Some(router) => match router.clone().oneshot(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            },
            None => Failure::Unavailable("the service is starting".to_owned()).into_response(),
        }
    }
}

/// What a process has before it knows which service it is.
pub struct Parts<'a> {
    /// What the operator says.
    pub settings: &'a ServeSettings,
    /// The same for the services.
    pub options: &'a Options,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Background work.
    pub tasks: Tasks,
    /// What feeds streams that would not end by themselves.
    pub streams: Tasks,
    /// What must be ready.
    pub readiness: health::Readiness,
    /// The figures of the process.
    pub metrics: Metrics,
}

/// A service that has begun.
struct Running {
    router: Router,
    gate: Option<Gate>,
}

impl Running {
    /// Lets other replicas take over at once.
    async fn leave(self) {
        let Some(gate) = self.gate else { return };
        if let Err(failure) = platform::shares::leave(&gate.context).await {
            tracing::debug!(%failure, "the leases run out by themselves");
        }
    }
}

impl Parts<'_> {
    async fn start(&self) -> anyhow::Result<Running> {
        let router = match self.settings.service {
            ServiceName::Gateway => edge::gateway(self, &self.metrics)?,
            ServiceName::Web => edge::web(self).await?,
            _ => return self.start_service().await,
        };
        Ok(Running { router, gate: None })
    }

    async fn start_service(&self) -> anyhow::Result<Running> {
        let (key, public_keys) = self.keys()?;
        // What is missing is said before anything is waited for.
        let urls = self.settings.database.clone();
        urls.of(self.settings.service.as_str())?;
        if self.settings.service == ServiceName::Payments {
            urls.of_sandbox()?;
        }
        // What has not been looked at yet is not there either.
        self.readiness.set(transport::CHECK, false);
        self.readiness
            .set(&storage::check(self.settings.service.as_str()), false);
        let storage = Storage::Databases(Databases {
            urls,
            connections_max: usize::try_from(self.settings.database_connections)?,
            migrate: !self.settings.no_migrate,
            within: self.settings.connect_within,
        });
        let bus = self.bus().await?;
        let process = self.process(bus, public_keys);
        let service = self.service(&process, key, &storage).await?;
        let db = storage.open(&process, service.schema()).await?;
        let mut prepared = prepare(&process, service, db).await?;
        let router = self.routes(&mut prepared)?;
        let (gate, found) = begin(prepared).await?;
        tell(gate.context.service, &found);
        catch_up_sessions(&gate, SESSIONS_WITHIN).await;
        self.tasks.spawn(watch(gate.clone(), process));
        Ok(Running {
            router,
            gate: Some(gate),
        })
    }

    /// The bus, waited for as long as the settings say.
    ///
    /// # Errors
    /// When it is not there by then, or is not what it should be.
    pub async fn bus(&self) -> anyhow::Result<Arc<dyn Bus>> {
        let surroundings = (self.clock.as_ref(), &self.tasks, &self.readiness);
        let settings = self.settings;
        transport::connect(&settings.nats, surroundings, settings.connect_within).await
    }

    /// What the services of this process share.
    #[must_use]
    pub fn process(&self, bus: Arc<dyn Bus>, public_keys: Vec<PublicKey>) -> Process {
        let shared = (Arc::clone(&self.clock), self.tasks.clone(), bus);
        Process {
            readiness: self.readiness.clone(),
            ..compose::process(self.options, shared, public_keys)
        }
    }

    /// The layers around all routes.
    #[must_use]
    pub fn layers(&self) -> LayerSettings {
        let mut layers = LayerSettings::new(Arc::clone(&self.clock), Arc::new(SystemRandom));
        layers.body_limit = self.options.limits.body();
        layers.public_url = self.options.public_url.as_deref().map(Arc::from);
        layers
    }

    /// The key that signs, where it is needed, and those that are believed.
    fn keys(&self) -> anyhow::Result<(Option<SigningKey>, Vec<PublicKey>)> {
        let mut public = Vec::new();
        for text in &self.settings.session_public_keys {
            let key = text.trim().parse();
            public.push(key.context("--session-public-key (TICKETING_SESSION_PUBLIC_KEYS)")?);
        }
        if self.settings.service != ServiceName::Auth {
            if public.is_empty() {
                bail!(
                    "--session-public-key (TICKETING_SESSION_PUBLIC_KEYS) is missing: ticketing keys \
                     makes one"
                );
            }
            return Ok((None, public));
        }
        let text = self.settings.session_key.as_deref().context(
            "--session-key (TICKETING_SESSION_KEY) is missing: ticketing keys makes one",
        )?;
        let key: SigningKey = text
            .trim()
            .parse()
            .context("--session-key (TICKETING_SESSION_KEY)")?;
        public.insert(0, key.public()?);
        Ok((Some(key), public))
    }

    /// What the payment provider signs its notices with.
    fn webhook_secrets(&self) -> anyhow::Result<Vec<Secret>> {
        let texts = &self.settings.webhook_secrets;
        if texts.is_empty() {
            tracing::warn!(
                "without --webhook-secret (TICKETING_WEBHOOK_SECRETS) no notice of the payment provider is \
                 taken: what changes there is seen when it is asked"
            );
        }
        let read = texts.iter().map(|text| text.parse());
        let secrets = read.collect::<Result<_, _>>();
        secrets.context("--webhook-secret (TICKETING_WEBHOOK_SECRETS)")
    }

    async fn service(
        &self,
        process: &Process,
        key: Option<SigningKey>,
        storage: &Storage,
    ) -> anyhow::Result<Service> {
        Ok(match (self.settings.service, key) {
            (ServiceName::Auth, Some(key)) => compose::auth(self.options, key, process)?,
            (ServiceName::Tickets, _) => compose::tickets(self.options),
            (ServiceName::Orders, _) => compose::orders(self.options),
            (ServiceName::Expiration, _) => compose::expiration(),
            (ServiceName::Payments, _) => {
                let sandbox = storage.open_sandbox(process).await?;
                compose::payments(process, &sandbox, self.webhook_secrets()?)
            }
            (ServiceName::Notifications, _) => compose::notifications(self.options, process)?,
            (ServiceName::Auth | ServiceName::Web | ServiceName::Gateway, _) => {
                bail!("{} keeps no data", self.settings.service.as_str())
            }
        })
    }

    fn routes(&self, prepared: &mut Prepared) -> anyhow::Result<Router> {
        let name = prepared.context.service;
        let routes = std::mem::take(&mut prepared.routes);
        let (router, paths) = routes.split_for_parts();
        if let Err(wrong) = gateway::verify(name, paths.paths.paths.keys()) {
            bail!("{name} answers {}, which is not its path", wrong.path);
        }
        Ok(layered(gateway::in_process([router]), &self.layers()))
    }
}

/// Says in the readiness whether the database and the bus answer.
async fn watch(gate: Gate, process: Process) {
    let name = storage::check(gate.context.service);
    loop {
        process
            .readiness
            .set(&name, gate.context.db.ping().await.is_ok());
        let connected = process.bus.is_connected();
        process.readiness.set(transport::CHECK, connected);
        process.clock.sleep(PING_EVERY).await;
    }
}

/// Says in the readiness whether the bus answers.
pub async fn watch_bus(bus: Arc<dyn Bus>, readiness: health::Readiness, clock: Arc<dyn Clock>) {
    loop {
        readiness.set(transport::CHECK, bus.is_connected());
        clock.sleep(Duration::from_secs(1)).await;
    }
}
