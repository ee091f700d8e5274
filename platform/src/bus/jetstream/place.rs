//! A consumer's place in a stream, as a server keeps it: what was delivered, and what acknowledged.
//!
//! One server keeps it, not as many as keep the stream: those would have to agree on each delivery and
//! each acknowledgement. Nothing rests on a place. What a service has handled stands in its own database,
//! and what it misses is in the owner's log. When its server has been silent for [`LOST_AFTER`], a place
//! is made at another, from where all before was acknowledged.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::pull::Config;
use async_nats::jetstream::consumer::{AckPolicy, Consumer, DeliverPolicy};
use async_nats::jetstream::stream::ConsumerErrorKind;
use async_nats::jetstream::{Context, ErrorCode};
use tokio::time::{Instant, timeout};

use super::progress::Progress;
use crate::bus::BusError;

/// How many events of one consumer may wait for their acknowledgement: with more, nothing comes.
const WINDOW: i64 = 4096;

/// After how long the server sends what was neither acknowledged nor refused again. It counts from
/// the fetching, so it is longer than a full fetch takes to be handled. What is dropped here is
/// refused at once, so this alone is for processes that died.
pub(super) const ACK_WAIT: Duration = Duration::from_secs(30);

/// How long a server may take to say what it knows of a place, or to make one or remove it.
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);

/// How long it takes at most until all servers know that a place is removed, if its own can't say so.
const REMOVED_WITHIN: Duration = Duration::from_secs(1);

/// For how long a server may be silent about a place, after that was noticed: longer than it takes to
/// start again.
const LOST_AFTER: Duration = Duration::from_secs(5);

/// How often a lost place is made anew at once: the others may give it to the silent server again, as long
/// as they do not know that it is gone.
const TRIES: usize = 4;

/// How many servers keep a place.
const REPLICAS: usize = 1;

/// The place of one consumer in the events of one aggregate type.
pub(super) struct Place {
    jetstream: Context,
    stream: String,
    durable: String,
    filter: String,
    progress: Arc<Progress>,
    silent_since: Option<Instant>,
}

impl Place {
    /// The place `durable` in those events of a stream that have the subject `filter`.
    pub(super) fn new(jetstream: Context, stream: String, durable: String, filter: String) -> Self {
        Self {
            jetstream,
            stream,
            durable,
            filter,
            progress: Arc::default(),
            silent_since: None,
        }
    }

    /// Its name on the server.
    pub(super) fn name(&self) -> &str {
        &self.durable
    }

    pub(super) fn progress(&self) -> &Arc<Progress> {
        &self.progress
    }

    /// Silence says nothing of the server that keeps it while the stream does not answer either.
    pub(super) fn without_stream(&mut self) {
        self.silent_since = None;
    }

    /// The consumer at this place, which is made when there is none, and made anew when it is lost.
    pub(super) async fn take(&mut self) -> Result<Consumer<Config>, BusError> {
        let consumer = match within(self.find()).await {
            Ok(Some(found)) => self.adapt(found).await,
            Ok(None) => self.make(DeliverPolicy::All).await?,
            Err(error) => self.after_silence(error).await?,
        };
        self.silent_since = None;
        self.progress.begin(consumer.cached_info());
        Ok(consumer)
    }

    async fn find(&self) -> Result<Option<Consumer<Config>>, BusError> {
        let found = self
            .jetstream
            .get_consumer_from_stream(&self.durable, &self.stream);
        match found.await {
            Ok(found) => Ok(Some(found)),
            Err(error) => match error.kind() {
                ConsumerErrorKind::JetStream(error)
                    if error.error_code() == ErrorCode::CONSUMER_NOT_FOUND =>
                {
                    Ok(None)
                }
                _ => Err(BusError(error.to_string())),
            },
        }
    }

    /// What was found, kept as it is wanted; one that can't be adapted is used as it is.
    async fn adapt(&self, found: Consumer<Config>) -> Consumer<Config> {
        let config = &found.cached_info().config;
        let is_wanted = config.num_replicas == REPLICAS
            && config.ack_wait == ACK_WAIT
            && config.max_ack_pending == WINDOW
            && config.filter_subject == self.filter;
        if is_wanted {
            return found;
        }
        match self.make(config.deliver_policy).await {
            Ok(adapted) => adapted,
            Err(error) => {
                let place = &self.durable;
                tracing::warn!(place, %error, "the consumer stays as it is");
                found
            }
        }
    }

    async fn make(&self, from: DeliverPolicy) -> Result<Consumer<Config>, BusError> {
        let config = Config {
            durable_name: Some(self.durable.clone()),
            filter_subject: self.filter.clone(),
            deliver_policy: from,
            ack_policy: AckPolicy::Explicit,
            ack_wait: ACK_WAIT,
            max_deliver: -1,
            max_ack_pending: WINDOW,
            num_replicas: REPLICAS,
            ..Config::default()
        };
        let made = self
            .jetstream
            .create_consumer_on_stream(config, &self.stream);
        made.await.map_err(|error| BusError(error.to_string()))
    }

    /// The place at another server, once its own has been silent for too long.
    async fn after_silence(&mut self, mut error: BusError) -> Result<Consumer<Config>, BusError> {
        let since = *self.silent_since.get_or_insert_with(Instant::now);
        if since.elapsed() < LOST_AFTER {
            return Err(error);
        }
        let from = within(self.resumption()).await?;
        for _ in 0..TRIES {
            tracing::warn!(place = self.durable, %error, ?from, "lost, and made anew");
            let removed = self
                .jetstream
                .delete_consumer_from_stream(&self.durable, &self.stream);
            // Whoever kept it can't answer: what is removed counts, not that it is said.
            drop(timeout(REMOVED_WITHIN, removed).await);
            match within(self.make(from)).await {
                Ok(made) => return Ok(made),
                Err(failed) => error = failed,
            }
        }
        Err(error)
    }

    /// Where a new place begins: where all before was acknowledged to this process, as far as that is
    /// known and the stream is still the same.
    async fn resumption(&self) -> Result<DeliverPolicy, BusError> {
        let stream = self.jetstream.get_stream(&self.stream).await;
        let stream = stream.map_err(|error| BusError(error.to_string()))?;
        let last = stream.cached_info().state.last_sequence;
        Ok(match self.progress.resumes_at() {
            Some(start_sequence) if start_sequence <= last + 1 => {
                DeliverPolicy::ByStartSequence { start_sequence }
            }
            _ => DeliverPolicy::All,
        })
    }
}

async fn within<T>(answer: impl Future<Output = Result<T, BusError>>) -> Result<T, BusError> {
    timeout(ANSWERS_WITHIN, answer)
        .await
        .unwrap_or_else(|_| Err(BusError("no answer in time".to_owned())))
}
