//! What a process tells of itself: logs on standard error, figures for Prometheus, spans for a collector.

pub mod otlp;
pub mod spans;

use std::io::IsTerminal as _;
use std::sync::OnceLock;
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing::Dispatch;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::clock::Clock;
use spans::Spans;

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

impl std::str::FromStr for LogFormat {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            other => anyhow::bail!("unknown log format {other:?}: use text or json"),
        }
    }
}

/// The upper bounds of the buckets of durations, in seconds: 0.1 ms to 10 s, about three a decade, and
/// what 99 of 100 events are to be applied within.
const DURATION_BUCKETS: [f64; 17] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0,
    2.5, 5.0, 10.0,
];

/// How often recorded durations are put into their buckets. They take memory until then.
const UPKEEP_EVERY: Duration = Duration::from_secs(1);

/// The figures of this process. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Metrics(Option<PrometheusHandle>);

impl Metrics {
    /// The figures as Prometheus reads them.
    #[must_use]
    pub fn render(&self) -> String {
        self.0
            .as_ref()
            .map(PrometheusHandle::render)
            .unwrap_or_default()
    }

    /// Keeps the memory that figures take bounded; runs until it is dropped.
    pub async fn keep_up(self, clock: &dyn Clock) {
        loop {
            clock.sleep(UPKEEP_EVERY).await;
            if let Some(handle) = &self.0 {
                handle.run_upkeep();
            }
        }
    }
}

/// Begins to write logs to standard error. `filter` as in `RUST_LOG`, for example
/// `info,platform=debug`, and to collect spans if they are wanted. A second call changes nothing.
///
/// # Errors
/// When the filter is malformed.
pub fn log(format: LogFormat, filter: &str, spans: Option<Spans>) -> anyhow::Result<()> {
    // An error means that somebody else listens already: a test, or an earlier call.
    let _ = listening(std::io::stderr, format, filter, spans)?.try_init();
    Ok(())
}

/// What writes logs elsewhere, in the same form. A line carries the fields of the request, event or
/// stored work that it was written for: in front of the message, or as `span`.
///
/// # Errors
/// When the filter is malformed.
pub fn log_to<W>(writer: W, format: LogFormat, filter: &str) -> anyhow::Result<Dispatch>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    listening(writer, format, filter, None)
}

fn listening<W>(
    writer: W,
    format: LogFormat,
    filter: &str,
    spans: Option<Spans>,
) -> anyhow::Result<Dispatch>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let builder = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_new(filter)?)
        .with_writer(writer)
        .with_ansi(std::io::stderr().is_terminal());
    Ok(match format {
        LogFormat::Text => builder.finish().with(spans).into(),
        // The innermost span says it all; the list would say it twice.
        LogFormat::Json => builder
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .finish()
            .with(spans)
            .into(),
    })
}

/// Begins to collect figures, at the first call; the same figures at every other. Without effect
/// (and empty) where somebody else collects them already.
#[must_use]
pub fn metrics() -> Metrics {
    static METRICS: OnceLock<Metrics> = OnceLock::new();
    METRICS.get_or_init(|| Metrics(install())).clone()
}

fn install() -> Option<PrometheusHandle> {
    let seconds = Matcher::Suffix("_seconds".to_owned());
    let builder = PrometheusBuilder::new().set_buckets_for_metric(seconds, &DURATION_BUCKETS);
    let recorder = builder.ok()?.build_recorder();
    let handle = recorder.handle();
    if metrics::set_global_recorder(recorder).is_err() {
        tracing::warn!("figures are already collected by somebody else");
        return None;
    }
    Some(handle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starting_twice_is_harmless() {
        metrics::counter!("nobody_counts_yet_total").increment(1);
        let first = super::metrics();
        metrics::histogram!("started_seconds").record(0.002);
        assert!(
            first
                .render()
                .contains("started_seconds_bucket{le=\"0.0025\"} 1")
        );
        assert!(
            super::metrics()
                .render()
                .contains("started_seconds_count 1")
        );
        log(LogFormat::Text, "off", None).unwrap();
        log(LogFormat::Json, "info,platform=debug", None).unwrap();
        assert!(log(LogFormat::Text, "no=such=filter", None).is_err());
    }

    #[test]
    fn log_formats_have_names() {
        assert_eq!("json".parse::<LogFormat>().unwrap(), LogFormat::Json);
        assert_eq!("text".parse::<LogFormat>().unwrap(), LogFormat::Text);
        assert!("xml".parse::<LogFormat>().is_err());
    }
}
