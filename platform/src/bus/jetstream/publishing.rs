//! Publishing: all are sent in order, then all confirmations are waited for.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use contracts::Envelope;
use futures::future::join_all;

use super::names::owner;
use super::{Wire, codec};
use crate::bus::BusError;

type Outcome = Result<(), PublishError>;

impl Wire {
    /// Publishes in this order; one outcome for each. What was not confirmed may have been taken.
    pub(super) async fn publish(&self, events: &[Arc<Envelope>]) -> Vec<Result<(), BusError>> {
        if let Err(error) = self.prepare(events).await {
            return vec![Err(error); events.len()];
        }
        let all: Vec<&Envelope> = events.iter().map(AsRef::as_ref).collect();
        let mut outcomes = self.send(&all).await;
        // A broker that came back empty has no stream: it is made, and they are sent once more.
        let lost: Vec<&Envelope> = all
            .iter()
            .zip(&outcomes)
            .filter(|(_, outcome)| lacks_stream(outcome))
            .map(|(event, _)| *event)
            .collect();
        if !lost.is_empty() {
            for service in owners(&lost) {
                if let Err(error) = self.streams.ensure(service).await {
                    tracing::warn!(service, %error, "the stream can't be made");
                }
            }
            let mut again = self.send(&lost).await.into_iter();
            for outcome in outcomes.iter_mut().filter(|outcome| lacks_stream(outcome)) {
                if let Some(second) = again.next() {
                    *outcome = second;
                }
            }
        }
        outcomes
            .into_iter()
            .map(|outcome| outcome.map_err(|error| BusError(format!("not confirmed: {error}"))))
            .collect()
    }

    /// Nothing is queued for a server that is not there.
    async fn prepare(&self, events: &[Arc<Envelope>]) -> Result<(), BusError> {
        self.connected()?;
        let all: Vec<&Envelope> = events.iter().map(AsRef::as_ref).collect();
        for service in owners(&all) {
            self.streams.ensure_once(service).await?;
        }
        Ok(())
    }

    async fn send(&self, events: &[&Envelope]) -> Vec<Outcome> {
        let mut waiting = Vec::with_capacity(events.len());
        let mut stuck = false;
        for event in events {
            // A full queue to the server does not get emptier by waiting for each of the rest.
            let sent = if stuck {
                Err(PublishError::new(PublishErrorKind::TimedOut))
            } else {
                let message = PublishMessage::build()
                    .headers(codec::headers(event))
                    .payload(codec::payload(event));
                self.jetstream
                    .send_publish(self.names.event(event), message)
                    .await
            };
            stuck = matches!(&sent, Err(error) if error.kind() == PublishErrorKind::TimedOut);
            waiting.push(sent);
        }
        let confirmations = waiting.into_iter().map(|sent| async {
            sent?.await?;
            Ok(())
        });
        join_all(confirmations).await
    }
}

fn lacks_stream(outcome: &Outcome) -> bool {
    matches!(outcome, Err(error) if error.kind() == PublishErrorKind::StreamNotFound)
}

fn owners<'a>(events: &[&'a Envelope]) -> BTreeSet<&'a str> {
    events.iter().map(|event| owner(event)).collect()
}
