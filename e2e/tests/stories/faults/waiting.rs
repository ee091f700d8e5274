//! Whatever comes first waits for the rest: alive, not ready, and saying for what.

use std::net::SocketAddr;
use std::process::Stdio;

use e2e::{Client, command, keys, program};
use http::StatusCode;
use serde_json::Value;
use servers::postgres::{Postgres, WITH_DATA};
use testing::nats;
use tokio::process::Child;

use super::PATIENCE;

/// A process that was started before anything it needs.
struct Early {
    service: &'static str,
    address: SocketAddr,
    _process: Child,
    _mail: tempfile::TempDir,
}

impl Early {
    fn start(service: &'static str, environment: &[(&str, String)]) -> Self {
        let mail = tempfile::tempdir().unwrap();
        let port = servers::free_port().unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut process = command(&program().unwrap(), &["serve", service, "--no-migrate"]);
        process.args(["--connect-within", "1h", "--listen"]);
        process.arg(address.to_string());
        process.arg("--mail-dir").arg(mail.path());
        for (name, value) in environment {
            process.env(name, value);
        }
        process.stdout(Stdio::null()).stderr(Stdio::null());
        Self {
            service,
            address,
            _process: process.kill_on_drop(true).spawn().unwrap(),
            _mail: mail,
        }
    }

    /// The check of the database that it opens first: payments begins with the provider's.
    fn first_database(&self) -> String {
        let name = match self.service {
            "payments" => "sandbox",
            service => service,
        };
        format!("database of {name}")
    }

    async fn ask(&self, path: &str) -> Option<(StatusCode, Value)> {
        let mut client = Client::connect(self.address).await.ok()?;
        let answer = client.get(path).await.ok()?;
        Some((answer.status, answer.json()))
    }

    /// Waits until the readiness is as it should be.
    async fn until(&self, what: &str, is_so: impl Fn(StatusCode, &Value) -> bool) {
        let end = tokio::time::Instant::now() + PATIENCE;
        loop {
            let said = self.ask("/readyz").await;
            if said
                .as_ref()
                .is_some_and(|(status, body)| is_so(*status, body))
            {
                // It lives all the time, or it would be started again and again.
                assert_eq!(self.ask("/healthz").await.unwrap().0, StatusCode::OK);
                return;
            }
            let now = tokio::time::Instant::now();
            assert!(now < end, "{}: not {what}: {said:?}", self.service);
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }

    /// Waits until it says that it lacks this, and why in these words.
    async fn lacks(&self, check: &str, why: &str) {
        self.until(check, |status, body| {
            let words = body["why"][check].as_str().unwrap_or_default();
            status == StatusCode::SERVICE_UNAVAILABLE
                && body["checks"][check] == false
                && words.contains(why)
        })
        .await;
    }
}

#[tokio::test]
async fn every_service_may_come_before_what_it_needs() {
    let mut postgres = Postgres::temporary(false).unwrap();
    for database in WITH_DATA.into_iter().chain(["sandbox"]) {
        postgres.reached().create_database(database).unwrap();
    }
    let mut nats = nats::single().unwrap();
    let databases = postgres.reached().url("{service}");
    let place = format!("127.0.0.1:{}", postgres.reached().port);
    postgres.stop().unwrap();
    nats.stop().unwrap();

    let mut environment = keys(&program().unwrap()).unwrap();
    environment.push(("TICKETING_DATABASE_URL", databases.clone()));
    environment.push(("TICKETING_NATS_URL", nats.url()));
    let services: Vec<Early> = WITH_DATA
        .into_iter()
        .map(|service| Early::start(service, &environment))
        .collect();
    let upstream = |early: &Early| format!("{}={}", early.service, early.address);
    let mut upstreams: Vec<String> = services.iter().map(upstream).collect();
    upstreams.retain(|upstream| !upstream.starts_with("expiration"));
    // Both ask for each other, and each comes before the other in some cluster.
    let nowhere = format!("127.0.0.1:{}", servers::free_port().unwrap());
    environment.push(("TICKETING_GATEWAY_URL", format!("http://{nowhere}")));
    let web = Early::start("web", &environment);
    upstreams.push(upstream(&web));
    environment.push(("TICKETING_UPSTREAMS", upstreams.join(",")));
    let gateway = Early::start("gateway", &environment);

    for service in services.iter().chain([&web]) {
        service.lacks("bus", &nats.port().to_string()).await;
    }
    gateway
        .until("ready", |status, _| status == StatusCode::OK)
        .await;
    nats.start().unwrap();
    web.until("ready", |status, _| status == StatusCode::OK)
        .await;
    for service in &services {
        service.lacks(&service.first_database(), &place).await;
    }
    postgres.restart().unwrap();
    for service in &services {
        let why = "run ticketing migrate first";
        service.lacks(&service.first_database(), why).await;
    }
    let mut migrate = command(&program().unwrap(), &["migrate"]);
    migrate.env("TICKETING_DATABASE_URL", databases);
    assert!(migrate.status().await.unwrap().success());
    for service in &services {
        service
            .until("ready", |status, body| {
                status == StatusCode::OK && body["why"].is_null()
            })
            .await;
    }
    let mut visitor = Client::sign_up(gateway.address, "early").await.unwrap();
    visitor.list_ticket("Early bird").await.unwrap();
}
