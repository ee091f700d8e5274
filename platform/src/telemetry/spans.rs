//! Spans that are told to a collector: of requests, events and stored work, with W3C ids.

use std::cell::RefCell;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use metrics::counter;
use tokio::sync::mpsc;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::random::{Random as _, SystemRandom, hex_of};

/// How many ended spans wait for the collector; further ones are dropped.
const WAITING_MAX: usize = 4_096;

/// Whether anybody is told.
static WANTED: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// Of the span that this thread is about to make.
    static NEXT: RefCell<Option<Ids>> = const { RefCell::new(None) };
}

/// Where a span belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ids {
    /// The trace, 32 hexadecimal digits.
    pub trace: String,
    /// The span, 16 of them.
    pub span: String,
    /// The span that it is part of, if it is part of one.
    pub parent: Option<String>,
}

impl Ids {
    /// Of a span that a `traceparent` names, below another one that names its parent.
    pub(crate) fn named(traceparent: &str, parent: Option<&str>) -> Option<Self> {
        let (trace, span) = parts(traceparent)?;
        let parent = parent.and_then(parts).filter(|(of, _)| *of == trace);
        Some(Self {
            trace: trace.to_owned(),
            span: span.to_owned(),
            parent: parent.map(|(_, span)| span.to_owned()),
        })
    }

    /// Of a new span below the one that a `traceparent` names.
    pub(crate) fn below(traceparent: &str) -> Option<Self> {
        let (trace, parent) = parts(traceparent)?;
        let mut bytes = [0; 8];
        SystemRandom.fill(&mut bytes);
        Some(Self {
            trace: trace.to_owned(),
            span: hex_of(&bytes),
            parent: Some(parent.to_owned()),
        })
    }
}

/// Trace and span of a `traceparent` that was judged before.
fn parts(traceparent: &str) -> Option<(&str, &str)> {
    let mut parts = traceparent.split('-').skip(1);
    Some((parts.next()?, parts.next()?))
}

/// Makes a span that is told, if anybody wants to be.
pub(crate) fn told(
    ids: impl FnOnce() -> Option<Ids>,
    make: impl FnOnce() -> tracing::Span,
) -> tracing::Span {
    if !WANTED.load(Ordering::Relaxed) {
        return make();
    }
    NEXT.set(ids());
    let span = make();
    NEXT.take();
    span
}

/// A span that has ended.
#[derive(Debug)]
pub struct Ended {
    /// Where it belongs.
    pub ids: Ids,
    /// `request`, `event` or `work`.
    pub name: &'static str,
    /// Beginning and end, in nanoseconds since 1970.
    pub lasted: (u128, u128),
    /// What it was about.
    pub fields: Vec<(&'static str, String)>,
    /// The status that a request was answered with, where a line said so.
    pub status: Option<u64>,
}

/// Collects spans.
pub struct Spans(mpsc::Sender<Ended>);

impl Spans {
    /// A layer that collects them, and where they arrive.
    #[must_use]
    pub fn collected() -> (Self, mpsc::Receiver<Ended>) {
        WANTED.store(true, Ordering::Relaxed);
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        (Self(sender), receiver)
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Spans {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let (Some(ids), Some(span)) = (NEXT.take(), context.span(id)) else {
            return;
        };
        let mut ended = Ended {
            ids,
            name: span.name(),
            lasted: (now(), 0),
            fields: Vec::new(),
            status: None,
        };
        attributes.record(&mut Fields(&mut ended));
        span.extensions_mut().insert(ended);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(ended) = span.extensions_mut().get_mut::<Ended>()
        {
            values.record(&mut Fields(ended));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if let Some(span) = context.event_span(event)
            && let Some(ended) = span.extensions_mut().get_mut::<Ended>()
        {
            event.record(&mut Status(&mut ended.status));
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let span = context.span(&id);
        let ended = span.and_then(|span| span.extensions_mut().remove::<Ended>());
        let Some(mut ended) = ended else { return };
        ended.lasted.1 = now();
        if self.0.try_send(ended).is_err() {
            counter!("ticketing_spans_dropped_total").increment(1);
        }
    }
}

/// Nanoseconds since 1970, by the machine's own clock: a collector compares it with other machines'.
#[expect(
    clippy::disallowed_methods,
    reason = "what a collector is told of is the machine's own time"
)]
fn now() -> u128 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |time| time.as_nanos())
}

struct Fields<'a>(&'a mut Ended);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // The trace is told by itself.
        if field.name() != "trace_id" {
            self.0.fields.push((field.name(), format!("{value:?}")));
        }
    }
}

struct Status<'a>(&'a mut Option<u64>);

impl Visit for Status<'_> {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "status" {
            *self.0 = Some(value);
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_span_stands_below_its_parent_in_one_trace() {
        let parent = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01";
        let ids = Ids::named(OURS, Some(parent)).unwrap();
        assert_eq!(ids.trace, "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(ids.span, "b7ad6b7169203331");
        assert_eq!(ids.parent.as_deref(), Some("00f067aa0ba902b7"));
        let stranger = "00-11111111111111111111111111111111-00f067aa0ba902b7-01";
        assert_eq!(Ids::named(OURS, Some(stranger)).unwrap().parent, None);
        let below = Ids::below(OURS).unwrap();
        assert_eq!(below.parent.as_deref(), Some("b7ad6b7169203331"));
        assert_eq!((below.trace, below.span.len()), (ids.trace, 16));
    }
}
