//! The streams: one for each service that owns aggregates, made when it is missing, adapted when it differs.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_nats::jetstream::context::{CreateStreamErrorKind, GetStreamErrorKind};
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};
use async_nats::jetstream::{Context, ErrorCode};

use super::names::Names;
use super::settings::Settings;
use crate::bus::BusError;

/// Within which time the server recognises a duplicate by its id. Later ones are the consumers' to
/// recognise, who compare versions.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(120);

/// How many servers keep a stream in a cluster that has so many.
const REPLICAS_IN_A_CLUSTER: usize = 3;

/// How often a stream is looked at again when another process made or removed it meanwhile.
const LOOKS: usize = 4;

/// The streams of a site.
pub(super) struct Streams {
    jetstream: Context,
    names: Names,
    replicas: Option<usize>,
    max_age: Duration,
    max_bytes: i64,
    /// The services whose stream was seen, so that not each event asks for it.
    seen: Mutex<HashSet<String>>,
}

impl Streams {
    pub(super) fn new(jetstream: Context, names: Names, settings: &Settings) -> Self {
        Self {
            jetstream,
            names,
            replicas: settings.replicas,
            max_age: settings.max_age,
            max_bytes: settings.max_bytes,
            seen: Mutex::default(),
        }
    }

    /// Makes sure that a service has its stream, unless it was seen before.
    pub(super) async fn ensure_once(&self, service: &str) -> Result<(), BusError> {
        let seen = |seen: &Mutex<HashSet<String>>| {
            let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.contains(service)
        };
        if seen(&self.seen) {
            return Ok(());
        }
        self.ensure(service).await
    }

    /// Makes sure that a service has its stream. Several processes may do so at once.
    pub(super) async fn ensure(&self, service: &str) -> Result<(), BusError> {
        let name = self.names.stream(service);
        for _ in 0..LOOKS {
            let done = match self.find(&name).await? {
                Some(found) => self.adapt(service, found).await,
                None => self.create(service).await?,
            };
            if done {
                let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
                seen.insert(service.to_owned());
                return Ok(());
            }
        }
        Err(BusError(format!("the stream {name} comes and goes")))
    }

    async fn find(&self, name: &str) -> Result<Option<Config>, BusError> {
        match self.jetstream.get_stream(name).await {
            Ok(stream) => Ok(Some(stream.cached_info().config.clone())),
            Err(error) => match error.kind() {
                GetStreamErrorKind::JetStream(error)
                    if error.error_code() == ErrorCode::STREAM_NOT_FOUND =>
                {
                    Ok(None)
                }
                _ => Err(BusError(format!("the stream {name}: {error}"))),
            },
        }
    }

    /// Whether it is there now; not so when another process made it with other settings.
    async fn create(&self, service: &str) -> Result<bool, BusError> {
        let config = Config {
            name: self.names.stream(service),
            retention: RetentionPolicy::Limits,
            storage: StorageType::File,
            discard: DiscardPolicy::Old,
            ..self.wanted(service, Config::default())
        };
        match self.jetstream.create_stream(config).await {
            Ok(_) => Ok(true),
            Err(error) => match error.kind() {
                CreateStreamErrorKind::JetStream(error)
                    if error.error_code() == ErrorCode::STREAM_NAME_EXIST =>
                {
                    Ok(false)
                }
                kind => {
                    let name = self.names.stream(service);
                    Err(BusError(format!("create the stream {name}: {kind}")))
                }
            },
        }
    }

    /// Whether it can be used; a server that can't adapt it leaves it as it is.
    async fn adapt(&self, service: &str, found: Config) -> bool {
        let wanted = self.wanted(service, found.clone());
        if same(&wanted, &found) {
            return true;
        }
        let Err(error) = self.jetstream.update_stream(wanted).await else {
            return true;
        };
        let gone = matches!(error.kind(), CreateStreamErrorKind::NotFound);
        if !gone {
            let stream = found.name;
            tracing::warn!(stream, %error, "the stream stays as it is");
        }
        !gone
    }

    /// What a stream should be, with the rest as it is in `base`.
    fn wanted(&self, service: &str, base: Config) -> Config {
        Config {
            subjects: vec![self.names.kept(service)],
            num_replicas: self
                .replicas
                .unwrap_or_else(|| self.replicas_by_default().max(base.num_replicas)),
            max_age: self.max_age,
            max_bytes: self.max_bytes,
            duplicate_window: DUPLICATE_WINDOW.min(self.max_age),
            ..base
        }
    }

    fn replicas_by_default(&self) -> usize {
        let info = self.jetstream.client().server_info();
        if info.cluster.is_some() && info.connect_urls.len() >= REPLICAS_IN_A_CLUSTER {
            REPLICAS_IN_A_CLUSTER
        } else {
            1
        }
    }
}

/// Whether they agree in what [`Streams::wanted`] says.
fn same(one: &Config, other: &Config) -> bool {
    one.subjects == other.subjects
        && one.num_replicas == other.num_replicas
        && one.max_age == other.max_age
        && one.max_bytes == other.max_bytes
        && one.duplicate_window == other.duplicate_window
}
