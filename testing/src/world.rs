//! Whole services in one process, through their doors: requests and events in, answers and events
//! out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use axum::Router;
use axum::body::Body;
use contracts::envelope::{self, Aggregate};
use contracts::ids::{SessionId, UserId};
use contracts::{Envelope, Timestamp};
use http::Request;
use http_body_util::BodyExt;
use platform::bus::Bus;
use platform::gate::Gate;
use platform::random::{SystemRandom, uuid_v7};
use platform::run::{Found, begin, open_embedded, open_shared, prepare};
use platform::session::{SignedIn, SigningKey};
use platform::tasks::Tasks;
use platform::{Clock, Db, Service, Tx};
use tower::ServiceExt;

use crate::answered::Answered;
use crate::bus::FaultyBus;
use crate::clock::TestClock;
use crate::owner::Owner;
use crate::place::{Place, process, public_half};
use crate::postgres::Databases;

/// How long a test waits for what must happen.
pub const WITHIN: Duration = Duration::from_secs(10);

/// A running world. End it with [`World::end`], which fails on left-over work and on rows that are not
/// what their log says.
pub struct World {
    /// The clock of everything in it.
    pub clock: Arc<TestClock>,
    /// The bus, whose faults can be set.
    pub bus: FaultyBus,
    /// What was published, in order; also what the bus then lost, and what was published again.
    pub events: Arc<Mutex<Vec<Arc<Envelope>>>>,
    /// What signs sessions.
    pub signing_key: SigningKey,
    /// Everything of each service, by name.
    pub gates: HashMap<&'static str, Gate>,
    /// What each service found at its start.
    pub found: HashMap<&'static str, Found>,
    /// All routes.
    pub router: Router,
    pub(crate) tasks: Tasks,
    pub(crate) place: Place,
    pub(crate) ended: bool,
}

impl World {
    /// Starts services that get a signing key's public half, on new databases.
    ///
    /// # Errors
    /// When one can't start.
    pub async fn start(services: Vec<Service>) -> anyhow::Result<Self> {
        let key = SigningKey::generate(&SystemRandom).map_err(|error| anyhow!("{error}"))?;
        Self::start_with(services, key).await
    }

    /// Starts services with this signing key.
    ///
    /// # Errors
    /// When one can't start.
    pub async fn start_with(services: Vec<Service>, key: SigningKey) -> anyhow::Result<Self> {
        Self::start_with_on(Databases::wanted()?, services, key).await
    }

    /// Starts services on new databases, over this bus.
    ///
    /// # Errors
    /// When one can't start.
    pub async fn start_over(bus: Arc<dyn Bus>, services: Vec<Service>) -> anyhow::Result<Self> {
        let key = SigningKey::generate(&SystemRandom).map_err(|error| anyhow!("{error}"))?;
        let place = Place::new(Databases::wanted()?)?;
        Self::start_in(services, key, place, Some(bus)).await
    }

    /// The database of a service.
    ///
    /// # Errors
    /// When no such service runs.
    pub fn db(&self, service: &str) -> anyhow::Result<&Db> {
        let gate = self
            .gates
            .get(service)
            .with_context(|| format!("no service {service}"))?;
        Ok(&gate.context.db)
    }

    /// Starts services that keep their data in PostgreSQL whatever this run is told, so that
    /// [`Self::replica`] can start more of them.
    ///
    /// # Errors
    /// When one can't start.
    pub async fn start_shared(services: Vec<Service>) -> anyhow::Result<Self> {
        Self::start_on(Some(Databases::new()?), services).await
    }

    /// Starts services on these databases, or on new files.
    ///
    /// # Errors
    /// When one can't start.
    pub async fn start_on(
        databases: Option<Arc<Databases>>,
        services: Vec<Service>,
    ) -> anyhow::Result<Self> {
        let key = SigningKey::generate(&SystemRandom).map_err(|error| anyhow!("{error}"))?;
        Self::start_with_on(databases, services, key).await
    }

    /// Starts services on these databases, or on new files, with this signing key.
    ///
    /// # Errors
    /// When one can't start.
    pub async fn start_with_on(
        databases: Option<Arc<Databases>>,
        services: Vec<Service>,
        key: SigningKey,
    ) -> anyhow::Result<Self> {
        Self::start_in(services, key, Place::new(databases)?, None).await
    }

    pub(crate) async fn start_in(
        services: Vec<Service>,
        signing_key: SigningKey,
        place: Place,
        bus: Option<Arc<dyn Bus>>,
    ) -> anyhow::Result<Self> {
        let Place {
            directory,
            databases,
            clock,
        } = place.clone();
        let tasks = Tasks::default();
        let bus = match bus {
            Some(bus) => FaultyBus::over(bus, clock.clone(), tasks.clone(), 1),
            None => FaultyBus::new(clock.clone(), tasks.clone(), 1),
        };
        let public = public_half(&signing_key)?;
        let process = process(&clock, &bus, &tasks, public);
        let events = bus.published();
        let mut router = Router::new();
        let mut prepared = Vec::new();
        for service in services {
            let db = match &databases {
                Some(databases) => {
                    open_shared(&process, &databases.of(service.name)?, service.schema()).await?
                }
                None => open_embedded(&process, directory.path(), service.schema())?,
            };
            prepared.push(prepare(&process, service, db).await?);
        }
        let (mut gates, mut found) = (HashMap::new(), HashMap::new());
        for mut service in prepared {
            let routes = std::mem::take(&mut service.routes);
            router = router.merge(routes.split_for_parts().0);
            let name = service.context.service;
            let (gate, what) = begin(service).await?;
            gates.insert(name, gate);
            found.insert(name, what);
        }
        Ok(Self {
            place,
            clock,
            bus,
            events,
            signing_key,
            gates,
            found,
            router,
            tasks,
            ended: false,
        })
    }

    /// Stands in for the owner of aggregates that no service of this world owns.
    pub async fn owner(&self, service: &str) -> Owner {
        self.owner_again(service, |_| {}).await
    }

    /// The same after a restart, with what its log had before.
    pub async fn owner_again(&self, service: &str, remember: impl FnOnce(&Owner)) -> Owner {
        let bus: Arc<dyn Bus> = Arc::new(self.bus.clone());
        let clock: Arc<dyn Clock> = self.clock.clone();
        Owner::start(service, bus, (clock, &self.tasks), remember).await
    }

    /// A new id.
    #[must_use]
    pub fn new_id<T: From<uuid::Uuid>>(&self) -> T {
        T::from(uuid_v7(&SystemRandom, self.clock.now()))
    }

    /// A `Cookie` header for a person who is signed in.
    ///
    /// # Errors
    /// When it can't be signed.
    pub fn cookie_of(&self, user: UserId) -> anyhow::Result<String> {
        let email = format!("{user}@example.com");
        let session: SessionId = self.new_id();
        let claims = SignedIn::begin(user, session, email, self.clock.now());
        let token = self
            .signing_key
            .sign(&claims)
            .map_err(|error| anyhow!("{error}"))?;
        Ok(format!("session={token}"))
    }

    /// The time of day in this world.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Sends a request to the routes.
    ///
    /// # Errors
    /// When the answer's body can't be read.
    pub async fn send(&self, request: Request<Body>) -> anyhow::Result<Answered> {
        ask(&self.router, request).await
    }

    /// Sends a JSON request, with a `Cookie` header if one is given.
    ///
    /// # Errors
    /// When the request is malformed or its answer can't be read.
    pub async fn call(
        &self,
        method: &str,
        path: &str,
        cookie: Option<&str>,
        body: Option<serde_json::Value>,
    ) -> anyhow::Result<Answered> {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(cookie) = cookie {
            request = request.header("cookie", cookie);
        }
        let body = match body {
            Some(json) => {
                request = request.header("content-type", "application/json");
                Body::from(json.to_string())
            }
            None => Body::empty(),
        };
        self.send(request.body(body)?).await
    }

    /// Waits for a published event that `wanted` accepts.
    ///
    /// # Errors
    /// When none comes within [`WITHIN`].
    pub async fn wait_for_event<A: Aggregate>(
        &self,
        wanted: impl Fn(&A::State, Option<&A::Fact>) -> bool,
    ) -> anyhow::Result<Arc<Envelope>> {
        let look = || {
            let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
            let found = events
                .iter()
                .filter(|event| event.aggregate == A::NAME)
                .find(|event| {
                    envelope::decode_state::<A>(event).is_ok_and(|state| {
                        wanted(&state, envelope::decode_fact::<A>(event).as_ref())
                    })
                });
            found.cloned()
        };
        self.until(async || Ok(look())).await.with_context(|| {
            let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
            let kinds: Vec<_> = events.iter().map(|event| event.kind.as_str()).collect();
            format!("no such {} event among {kinds:?}", A::NAME)
        })
    }

    /// Waits until `look` answers something.
    ///
    /// # Errors
    /// When it doesn't within [`WITHIN`], or fails.
    pub async fn until<T>(
        &self,
        look: impl AsyncFn() -> anyhow::Result<Option<T>>,
    ) -> anyhow::Result<T> {
        let attempts = WITHIN.as_millis() / 5;
        for _ in 0..attempts {
            if let Some(found) = look().await? {
                return Ok(found);
            }
            // Machine time on purpose: the test's clock may be moved meanwhile.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        bail!("it did not happen within {WITHIN:?}")
    }

    /// Waits until nothing is unpublished, parked or stuck anywhere.
    ///
    /// # Errors
    /// When work is left over after [`WITHIN`].
    pub async fn settle(&self) -> anyhow::Result<()> {
        let idle = async || {
            for gate in self.gates.values() {
                if left_over(gate).await? != (0, 0, 0) {
                    return Ok(None);
                }
            }
            Ok(Some(()))
        };
        if self.until(idle).await.is_ok() {
            return Ok(());
        }
        let mut left = Vec::new();
        for (name, gate) in &self.gates {
            left.push((*name, left_over(gate).await?, gate.stuck_keys().await?));
        }
        bail!("left over (unpublished, parked, stuck): {left:?}")
    }

    /// Ends the world.
    ///
    /// # Errors
    /// When work is left over, or an owner's row is not what its log says.
    pub async fn end(mut self) -> anyhow::Result<()> {
        self.ended = true;
        let mut outcome = self.settle().await;
        if outcome.is_ok() {
            outcome = self.compare_owners().await;
        }
        self.tasks.stop(Duration::from_secs(5)).await;
        outcome
    }
}

impl Drop for World {
    fn drop(&mut self) {
        assert!(
            self.ended || std::thread::panicking(),
            "a world was dropped without its end: left-over work would go unnoticed"
        );
    }
}

/// Sends a request to routes.
///
/// # Errors
/// When the answer's body can't be read.
pub async fn ask(router: &Router, request: Request<Body>) -> anyhow::Result<Answered> {
    let answer = match router.clone().oneshot(request).await {
        Ok(answer) => answer,
        Err(never) => match never {},
    };
    let (parts, body) = answer.into_parts();
    let body = String::from_utf8(body.collect().await?.to_bytes().to_vec())?;
    Ok(Answered {
        status: parts.status,
        headers: parts.headers,
        body,
    })
}

/// How many events are unpublished and parked, and how many keys are stuck.
async fn left_over(gate: &Gate) -> anyhow::Result<(i64, i64, i64)> {
    let count = async |tx: &mut Tx| {
        let row = tx
            .query_one(
                "select (select count(*) from outbox), (select count(*) from parked), \
                 (select count(*) from stuck)",
                &[],
            )
            .await?;
        Ok((row.get(0)?, row.get(1)?, row.get(2)?))
    };
    Ok(gate.context.db.read(count).await?)
}
