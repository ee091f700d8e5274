//! The cluster of the story: two pods of each service as the production overlay says, and the servers that
//! they need.

use std::net::TcpListener;
use std::rc::Rc;
use std::time::Duration;

use deploy::cluster::{Blueprint, Endpoints, Lan, Names, Pod, forward, inside};
use deploy::manifests;
use deploy::tools::{ended, said_by};
use e2e::Client;
use futures::future::join_all;
use serde_json::Value;
use servers::postgres::Postgres;
use testing::nats;

const SERVICES: [&str; 8] = [
    "auth",
    "tickets",
    "orders",
    "expiration",
    "payments",
    "notifications",
    "web",
    "gateway",
];

/// How many pods of each.
const REPLICAS: usize = 2;

/// Longer than news take to be heard here (1.5 s), shorter than in the manifests, for the test's time.
const DRAIN_FOR: &str = "4s";

/// How long the marketplace may take to come to rest: what a lost replica of the provider's was telling
/// is taken over after 40 s.
const REST_WITHIN: Duration = Duration::from_secs(90);

/// A cluster, seen from where visitors are.
pub struct World {
    blueprint: Blueprint,
    lan: Lan,
    /// The pods, by service, the oldest first.
    pods: Vec<Vec<Pod>>,
    pub endpoints: Endpoints,
    pub routes: Rc<Routes>,
    database_url: String,
}

impl World {
    /// Tells a story in a new cluster.
    pub fn with<F: Future<Output = ()>>(story: impl FnOnce(World) -> F + Send) {
        let postgres = Postgres::temporary(false).unwrap();
        for database in SERVICES[..6].iter().chain(&["sandbox"]) {
            postgres.reached().create_database(database).unwrap();
        }
        let nats = nats::single().unwrap();
        let lan = Lan::new().unwrap();
        let namespace = lan.namespace();
        let listeners = std::thread::scope(|scope| {
            let open = scope.spawn(|| {
                inside(&namespace).unwrap();
                [5432, 4222].map(|port| TcpListener::bind((Lan::ADDRESS, port)).unwrap())
            });
            open.join().unwrap()
        });
        let ports = [postgres.reached().port, nats.port()];
        forward(listeners.into_iter().zip(ports).collect()).unwrap();
        let place = |host: &str| {
            let loopback = format!("127.0.0.1:{}", postgres.reached().port);
            postgres.reached().url("{service}").replace(&loopback, host)
        };
        let (by_name, by_number) = (
            place("postgres:5432"),
            place(&format!("{}:5432", Lan::ADDRESS)),
        );
        std::thread::scope(|scope| {
            scope.spawn(move || {
                inside(&namespace).unwrap();
                let runtime = tokio::runtime::Builder::new_current_thread();
                let runtime = { runtime }.enable_all().build().unwrap();
                let local = tokio::task::LocalSet::new();
                local.block_on(&runtime, async {
                    story(Self::start(lan, &by_name, by_number).await).await;
                });
            });
        });
    }

    async fn start(lan: Lan, by_name: &str, database_url: String) -> Self {
        let names = Names::default();
        for server in ["postgres", "nats"] {
            names.set(server, vec![Lan::ADDRESS]);
        }
        let socket = tokio::net::UdpSocket::bind((Lan::ADDRESS, 53))
            .await
            .unwrap();
        tokio::task::spawn_local(names.clone().answer(socket));
        let objects = manifests::overlay("production").unwrap();
        let mut told = vec![
            ("TICKETING_DATABASE_URL", by_name.to_owned()),
            ("TICKETING_NATS_URL", "nats://nats:4222".to_owned()),
            ("TICKETING_DRAIN_FOR", DRAIN_FOR.to_owned()),
            ("TICKETING_DATABASE_CONNECTIONS", "4".to_owned()),
            ("TICKETING_LOG_FORMAT", "text".to_owned()),
        ];
        let program = deploy::image::context().unwrap().join("ticketing");
        told.extend(e2e::keys(&program).unwrap());
        let routes = Rc::new(Routes::of(&objects));
        let blueprint = Blueprint::new(objects, told).unwrap();
        let migrate = ["migrate", "--database-url", &database_url];
        said_by(&mut blueprint.command(&migrate)).unwrap();
        let mut world = Self {
            blueprint,
            lan,
            pods: Vec::new(),
            endpoints: Endpoints::new(names),
            routes,
            database_url,
        };
        for service in SERVICES {
            let pods = (0..REPLICAS).map(|_| world.pod(service));
            world.pods.push(pods.collect());
        }
        let all = world.pods.iter_mut();
        let welcomed = all.map(|pods| world.endpoints.welcome(pods));
        for welcomed in join_all(welcomed).await {
            welcomed.unwrap();
        }
        world.is_open().await;
        world
    }

    /// Waits until every pod of the load balancer has heard of all services.
    async fn is_open(&self) {
        for gateway in self.endpoints.of("gateway") {
            for path in [
                "/",
                "/api/users/currentuser",
                "/api/tickets",
                "/api/orders",
                "/api/payments",
            ] {
                let mut visitor = Client::connect(gateway).await.unwrap();
                while visitor.get(path).await.unwrap().status.is_server_error() {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    fn pod(&self, service: &str) -> Pod {
        Pod::start(&self.blueprint, &self.lan, service).unwrap()
    }

    /// Replaces every pod, all services at once, as `kubectl apply` does: one more of each service, and one
    /// less once that one is ready.
    pub async fn upgrade(&mut self) {
        let all = std::mem::take(&mut self.pods);
        let (world, mut upgraded) = (&*self, Vec::new());
        let rolls = all.into_iter().map(|old| async move {
            let mut new = Vec::new();
            for pod in old {
                let mut next = [world.pod(&pod.service)];
                world.endpoints.welcome(&mut next).await.unwrap();
                new.extend(next);
                world.endpoints.part_from(pod).await.unwrap();
            }
            new
        });
        upgraded.extend(join_all(rolls).await);
        self.pods = upgraded;
    }

    /// Kills one pod of every service, all at once.
    pub async fn lose_a_node(&mut self) {
        let mut lost: Vec<Pod> = self.pods.iter_mut().map(|pods| pods.remove(0)).collect();
        for pod in &mut lost {
            pod.kill().unwrap();
        }
        // Nobody hears of it at once.
        tokio::time::sleep(Duration::from_secs(3)).await;
        self.endpoints.forget(&lost);
    }

    /// Starts as many again.
    pub async fn replace_what_was_lost(&mut self) {
        for (place, service) in SERVICES.into_iter().enumerate() {
            let pod = self.pod(service);
            self.pods[place].push(pod);
        }
        let all = self.pods.iter_mut();
        let welcomed = all.map(|pods| self.endpoints.welcome(&mut pods[1..]));
        for welcomed in join_all(welcomed).await {
            welcomed.unwrap();
        }
    }

    /// Waits until the audit at rest is clean.
    pub async fn comes_to_rest(&self) {
        let end = tokio::time::Instant::now() + REST_WITHIN;
        loop {
            let check = ["check", "--at-rest", "--database-url", &self.database_url];
            let output = ended(&mut self.blueprint.command(&check)).unwrap();
            if output.status.success() {
                return;
            }
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(tokio::time::Instant::now() < end, "{said}");
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
    }
}

/// The HTTPRoute, as a cluster's load balancer follows it: the longest prefix that fits decides.
pub struct Routes(Vec<(String, String)>);

impl Routes {
    fn of(objects: &[Value]) -> Self {
        let is_route = |object: &&Value| manifests::name(object) == "HTTPRoute shop";
        let route = objects.iter().find(is_route).unwrap();
        let rules = manifests::list(route, "/spec/rules").iter();
        let rules = rules.map(|rule| {
            let (path, to) = ("/matches/0/path/value", "/backendRefs/0/name");
            let text = |field: &str| manifests::text(rule, field).to_owned();
            (text(path), text(to))
        });
        Self(rules.collect())
    }

    pub fn service_of(&self, path: &str) -> &str {
        let path = path.split('?').next().unwrap();
        let fits = |prefix: &str| {
            let rest = path.strip_prefix(prefix.trim_end_matches('/'));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let fitting = self.0.iter().filter(|(prefix, _)| fits(prefix));
        &fitting.max_by_key(|(prefix, _)| prefix.len()).unwrap().1
    }
}
