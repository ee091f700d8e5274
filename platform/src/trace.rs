//! Where the present work comes from: W3C trace context, correlation and causation.

use std::future::Future;

use contracts::Envelope;
use http::Request;
use tracing::{Instrument as _, Span, error_span, field};

use crate::random::{Random, hex_of};
use crate::telemetry::spans::{Ids, told};

tokio::task_local! {
    static ORIGIN: Origin;
}

/// What made the present work happen. Events that the work appends carry it on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// W3C `traceparent` (<https://www.w3.org/TR/trace-context/>).
    pub traceparent: Option<String>,
    /// What everything that follows from one request shares: the request's id.
    pub correlation: Option<String>,
    /// The event or request that is the immediate cause.
    pub causation: Option<String>,
}

impl Origin {
    /// The origin of the running task; empty outside of one.
    #[must_use]
    pub fn current() -> Self {
        ORIGIN.try_with(Clone::clone).unwrap_or_default()
    }

    /// Runs `work` with this origin.
    pub async fn scope<F: Future>(self, work: F) -> F::Output {
        ORIGIN.scope(self, work).await
    }

    /// Goes on with work that was put down, or handed to a task of its own: as [`Self::scope`], and
    /// its log lines carry the ids.
    pub async fn resume<F: Future>(self, work: F) -> F::Output {
        let work = work.instrument(self.span_of_work());
        self.scope(work).await
    }

    /// The id of the trace that the work belongs to.
    #[must_use]
    pub fn trace_id(&self) -> Option<&str> {
        self.traceparent.as_deref().and_then(trace_id)
    }

    // Spans are of the highest level, so that a filter for warnings alone keeps the ids on them; and
    // roots, so that a line looks the same in one process and apart.

    /// The span of work that was put down earlier.
    pub(crate) fn span_of_work(&self) -> Span {
        let make = || {
            error_span!(
                parent: None,
                "work",
                request_id = self.correlation.as_deref().map(field::display),
                trace_id = self.trace_id().map(field::display),
            )
        };
        told(|| self.below(), make)
    }

    /// The span of a request. Its query is left out: what people search for, and the secrets of
    /// links, stand there.
    pub(crate) fn span_of_request<B>(&self, method: &'static str, request: &Request<B>) -> Span {
        let parent = request.headers().get("traceparent");
        let parent = parent.and_then(|parent| parent.to_str().ok());
        let ids = || Ids::named(self.traceparent.as_deref()?, parent);
        let make = || {
            error_span!(
                parent: None,
                "request",
                request_id = self.correlation.as_deref().map(field::display),
                trace_id = self.trace_id().map(field::display),
                method = %method,
                path = %request.uri().path(),
            )
        };
        told(ids, make)
    }

    /// The span of handling an event that has this origin.
    pub(crate) fn span_of_event(&self, event: &Envelope) -> Span {
        let make = || {
            error_span!(
                parent: None,
                "event",
                request_id = self.correlation.as_deref().map(field::display),
                trace_id = self.trace_id().map(field::display),
                event = %&event.kind,
                aggregate = %&event.aggregate,
                subject = %&event.subject,
                version = event.aggregateversion,
            )
        };
        told(|| self.below(), make)
    }

    /// Of a span that the work's own has caused.
    fn below(&self) -> Option<Ids> {
        self.traceparent.as_deref().and_then(Ids::below)
    }
}

/// The `traceparent` of a new span: within the trace of `parent` if that is well formed, else in a
/// new trace.
#[must_use]
pub fn child_of(parent: Option<&str>, random: &dyn Random) -> String {
    let mut bytes = [0u8; 24];
    random.fill(&mut bytes);
    let drawn = hex_of(&bytes);
    let (span, new_trace) = drawn.split_at(16);
    let trace = parent.and_then(trace_id).unwrap_or(new_trace);
    format!("00-{trace}-{span}-01")
}

/// The trace id of a well-formed `traceparent` of version 00.
fn trace_id(traceparent: &str) -> Option<&str> {
    let mut parts = traceparent.split('-');
    let (version, trace, span, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let lower_hex = |text: &str, length: usize| {
        text.len() == length && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let well_formed = version == "00"
        && parts.next().is_none()
        && lower_hex(trace, 32)
        && lower_hex(span, 16)
        && lower_hex(flags, 2)
        && trace.bytes().any(|b| b != b'0')
        && span.bytes().any(|b| b != b'0');
    well_formed.then_some(trace)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SystemRandom;

    #[test]
    fn a_child_stays_in_its_parents_trace() {
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let child = child_of(Some(parent), &SystemRandom);
        assert!(child.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"));
        assert_ne!(child, parent);
    }

    #[test]
    fn a_malformed_parent_begins_a_new_trace() {
        for bad in [
            "",
            "00-xyz",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-ABF92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            let child = child_of(Some(bad), &SystemRandom);
            assert_eq!(trace_id(&child).map(str::len), Some(32), "{bad}");
            assert!(!bad.contains(trace_id(&child).unwrap()));
        }
    }
}
