//! A running auth, with files for mail and another service that hears of sessions.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use auth::{Cost, Settings};
use axum::body::Body;
use axum::routing::get;
use http::{Request, header};
use platform::clock::SystemClock;
use platform::db::Db;
use platform::mail::{FileMailer, KeptMessage};
use platform::random::SystemRandom;
use platform::session::{MaybeSignedIn, SigningKey};
use platform::{Context, Service};
use serde_json::{Value, json};
use tempfile::TempDir;
use testing::postgres::Databases;
use testing::{Answered, Replica, World};

/// A password that the limits allow.
pub const PASSWORD: &str = "correct horse";

/// A running auth and what stands around it.
pub struct Site {
    pub world: World,
    pub mailer: Arc<FileMailer>,
    directory: TempDir,
}

impl Site {
    pub async fn open() -> Result<Self> {
        Self::open_with(|settings| settings).await
    }

    /// With settings of its own; hashing is cheap in any case.
    pub async fn open_with(change: impl FnOnce(Settings) -> Settings) -> Result<Self> {
        Self::open_on(Databases::wanted()?, change).await
    }

    /// Where further replicas can be started.
    pub async fn open_shared(change: impl FnOnce(Settings) -> Settings) -> Result<Self> {
        Self::open_on(Some(Databases::new()?), change).await
    }

    async fn open_on(
        databases: Option<Arc<Databases>>,
        change: impl FnOnce(Settings) -> Settings,
    ) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let mailer = Arc::new(mailer(directory.path())?);
        let key = SigningKey::generate(&SystemRandom)?;
        let settings = change(settings(key.clone(), &mailer)?);
        let services = vec![auth::service(settings), listener()];
        let world = World::start_with_on(databases, services, key).await?;
        Ok(Self {
            world,
            mailer,
            directory,
        })
    }

    /// One more process with the same databases.
    pub async fn replica(&self, change: impl FnOnce(Settings) -> Settings) -> Result<Replica> {
        let settings = change(settings(self.world.signing_key.clone(), &self.mailer)?);
        self.world.replica(vec![auth::service(settings)]).await
    }

    /// Crashes, and starts again with other settings.
    pub async fn restart_with(self, change: impl FnOnce(Settings) -> Settings) -> Result<Self> {
        let Self {
            world,
            mailer,
            directory,
        } = self;
        let settings = change(settings(world.signing_key.clone(), &mailer)?);
        let world = world
            .restart(vec![auth::service(settings), listener()])
            .await?;
        Ok(Self {
            world,
            mailer,
            directory,
        })
    }

    pub async fn end(self) -> Result<()> {
        self.world.end().await?;
        Ok(self.directory.close()?)
    }

    pub async fn post(&self, path: &str, cookie: Option<&str>, body: Value) -> Result<Answered> {
        self.world
            .call("POST", &format!("/api/users/{path}"), cookie, Some(body))
            .await
    }

    /// Posts with an idempotency key.
    pub async fn post_with_key(&self, path: &str, key: &str, body: Value) -> Result<Answered> {
        let request = Request::post(format!("/api/users/{path}"))
            .header(header::CONTENT_TYPE, "application/json")
            .header("idempotency-key", format!("\"{key}\""))
            .body(Body::from(body.to_string()))?;
        self.world.send(request).await
    }

    pub async fn sign_up(&self, email: &str) -> Result<String> {
        let answer = self
            .post("signup", None, credentials(email, PASSWORD))
            .await?;
        assert_eq!(answer.status, 201, "{}", answer.body);
        cookie(&answer)
    }

    pub async fn sign_in(&self, email: &str, password: &str) -> Result<Answered> {
        self.post("signin", None, credentials(email, password))
            .await
    }

    /// The database of auth.
    pub fn db(&self) -> Result<&Db> {
        Ok(&self
            .world
            .gates
            .get("auth")
            .context("auth runs")?
            .context
            .db)
    }

    /// The address of whoever auth believes the cookie to be.
    pub async fn current(&self, cookie: &str) -> Result<Option<String>> {
        let answer = self
            .world
            .call("GET", "/api/users/currentuser", Some(cookie), None)
            .await?;
        assert_eq!(answer.status, 200);
        Ok(answer
            .json()
            .pointer("/currentUser/email")
            .and_then(Value::as_str)
            .map(str::to_owned))
    }

    /// Waits until the other service believes the cookie no more.
    pub async fn heard_elsewhere(&self, cookie: &str) -> Result<()> {
        let look = async || {
            let answer = self
                .world
                .call("GET", "/elsewhere", Some(cookie), None)
                .await?;
            Ok((answer.body == "nobody").then_some(()))
        };
        self.world.until(look).await
    }

    /// Waits until so many mails have been written; newest first.
    pub async fn mails(&self, count: usize) -> Result<Vec<KeptMessage>> {
        let look = async || {
            let mails = self.mailer.list(100).await?;
            Ok((mails.len() >= count).then_some(mails))
        };
        self.world.until(look).await
    }
}

pub fn credentials(email: &str, password: &str) -> Value {
    json!({"email": email, "password": password})
}

/// What a browser sends back after this answer.
pub fn cookie(answer: &Answered) -> Result<String> {
    let set = answer
        .headers
        .get(header::SET_COOKIE)
        .context("no cookie is set")?
        .to_str()?;
    Ok(set.split(';').next().unwrap_or_default().to_owned())
}

/// The fields that a problem is about.
pub fn fields(answer: &Answered) -> Vec<String> {
    let json = answer.json();
    let errors = json.get("errors").and_then(Value::as_array);
    let field = |error: &Value| Some(error.get("field")?.as_str()?.to_owned());
    errors.into_iter().flatten().filter_map(field).collect()
}

fn settings(key: SigningKey, mailer: &Arc<FileMailer>) -> Result<Settings> {
    Ok(Settings {
        hash_cost: Cost::new(64, 1)?,
        public_url: "https://tickets.example".to_owned(),
        ..Settings::new(key, mailer.clone())
    })
}

fn mailer(directory: &Path) -> Result<FileMailer> {
    FileMailer::open(
        directory,
        "Tickets <no-reply@tickets.example>",
        Arc::new(SystemClock::new()),
    )
}

/// Some other service that verifies sessions by itself.
fn listener() -> Service {
    Service::new("listener", &[]).routes(|ctx: &Context| {
        let whoami = async |MaybeSignedIn(user): MaybeSignedIn| {
            user.map_or_else(|| "nobody".to_owned(), |user| user.email)
        };
        utoipa_axum::router::OpenApiRouter::new()
            .route("/elsewhere", get(whoami))
            .with_state(ctx.clone())
    })
}
