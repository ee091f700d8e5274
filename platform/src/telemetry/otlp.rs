//! Tells a collector of spans, by OTLP over HTTP with JSON
//! (<https://opentelemetry.io/docs/specs/otlp/#otlphttp>).

use std::time::Duration;

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use http::uri::{Authority, Uri};
use http::{Request, header};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use metrics::counter;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::spans::Ended;
use crate::clock::Clock;

/// How many spans are told at once, at most.
const AT_ONCE: usize = 512;

/// How often they are told.
const EVERY: Duration = Duration::from_secs(2);

/// How long a collector may take. What it did not take is dropped: nobody waits for it.
const WITHIN: Duration = Duration::from_secs(5);

/// Where a collector listens.
#[derive(Debug, Clone)]
pub struct Endpoint(Uri);

impl std::str::FromStr for Endpoint {
    type Err = anyhow::Error;

    /// Reads `http://collector:4318`, with or without a path in front of `/v1/traces`.
    fn from_str(text: &str) -> anyhow::Result<Self> {
        let how = "write it as http://collector:4318";
        let uri: Uri = text.trim_end_matches('/').parse().context(how)?;
        ensure!(uri.scheme_str() == Some("http"), "{how}");
        let host = uri.authority().map(Authority::host).unwrap_or_default();
        ensure!(!host.is_empty() && uri.query().is_none(), "{how}");
        let path = uri.path().trim_end_matches('/');
        let whole = format!("http://{}{path}/v1/traces", uri.authority().context(how)?);
        Ok(Self(whole.parse().context(how)?))
    }
}

/// Tells the collector what arrives, as long as the process goes on.
pub async fn tell(
    endpoint: Endpoint,
    service: &str,
    mut arriving: mpsc::Receiver<Ended>,
    clock: &dyn Clock,
) {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let mut spans = Vec::new();
    while arriving.recv_many(&mut spans, AT_ONCE).await > 0 {
        let count = spans.len();
        let body = document(service, spans.drain(..)).to_string();
        let sent = tokio::select! {
            biased;
            sent = post(&client, &endpoint.0, body) => sent,
            () = clock.sleep(WITHIN) => Err(anyhow::anyhow!("no answer within {WITHIN:?}")),
        };
        if let Err(error) = sent {
            tracing::debug!(
                error = format!("{error:#}"),
                "the collector did not take spans"
            );
            let count = u64::try_from(count).unwrap_or(u64::MAX);
            counter!("ticketing_spans_dropped_total").increment(count);
        }
        // A whole load means that more are waiting.
        if count < AT_ONCE {
            clock.sleep(EVERY).await;
        }
    }
}

async fn post(
    client: &Client<HttpConnector, Full<Bytes>>,
    to: &Uri,
    body: String,
) -> anyhow::Result<()> {
    let request = Request::post(to)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::from(body))?;
    let status = client.request(request).await?.status();
    ensure!(status.is_success(), "it answers {status}");
    Ok(())
}

/// An `ExportTraceServiceRequest`.
fn document(service: &str, spans: impl Iterator<Item = Ended>) -> Value {
    let spans: Vec<Value> = spans.map(span).collect();
    let resource = [
        attribute("service.name", service),
        attribute("service.namespace", "ticketing"),
    ];
    json!({"resourceSpans": [{
        "resource": {"attributes": resource},
        "scopeSpans": [{"scope": {"name": "ticketing"}, "spans": spans}],
    }]})
}

fn span(ended: Ended) -> Value {
    // SERVER, CONSUMER, INTERNAL in the specification's numbers.
    let kind = match ended.name {
        "request" => 2,
        "event" => 5,
        _ => 1,
    };
    let mut attributes: Vec<Value> = ended
        .fields
        .iter()
        .map(|(name, value)| attribute(convention(name), value))
        .collect();
    if let Some(status) = ended.status {
        let value = json!({"intValue": status.to_string()});
        attributes.push(json!({"key": "http.response.status_code", "value": value}));
    }
    // ERROR is 2, unset 0.
    let code = if ended.status.is_some_and(|status| status >= 500) {
        2
    } else {
        0
    };
    json!({
        "traceId": ended.ids.trace, "spanId": ended.ids.span,
        "parentSpanId": ended.ids.parent.unwrap_or_default(),
        "name": name(ended.name, &ended.fields), "kind": kind,
        "startTimeUnixNano": ended.lasted.0.to_string(),
        "endTimeUnixNano": ended.lasted.1.to_string(),
        "attributes": attributes, "status": {"code": code},
    })
}

/// What a span is called in lists: the method of a request, the type of an event. Paths hold ids.
fn name(kind: &str, fields: &[(&'static str, String)]) -> String {
    let telling = fields
        .iter()
        .find(|(field, _)| matches!(*field, "method" | "event"));
    match telling {
        Some((_, value)) => format!("{kind} {value}"),
        None => kind.to_owned(),
    }
}

/// The name that the semantic conventions have for one of our fields.
fn convention(field: &'static str) -> &'static str {
    match field {
        "method" => "http.request.method",
        "path" => "url.path",
        "event" => "messaging.operation.name",
        other => other,
    }
}

fn attribute(name: &str, value: &str) -> Value {
    json!({"key": name, "value": {"stringValue": value}})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use crate::telemetry::spans::{Ids, Spans, told};
    use axum::extract::Json;
    use axum::routing::post;
    use tracing_subscriber::layer::SubscriberExt as _;

    #[test]
    fn an_endpoint_is_an_address_over_http() {
        for good in [
            "http://collector:4318",
            "http://10.0.0.1:4318/",
            "http://c:1/otlp",
        ] {
            assert!(
                good.parse::<Endpoint>()
                    .unwrap()
                    .0
                    .path()
                    .ends_with("/v1/traces"),
                "{good}"
            );
        }
        for bad in [
            "collector:4318",
            "https://collector",
            "",
            "http://",
            "http://c?x",
        ] {
            let error = bad.parse::<Endpoint>().unwrap_err();
            assert!(
                error.to_string().contains("http://collector:4318"),
                "{bad}: {error}"
            );
        }
    }

    /// A collector is told of a span that has ended, with its ids, and of nothing without ids.
    #[tokio::test]
    async fn a_collector_hears_of_spans() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let (heard, mut hears) = mpsc::channel::<Value>(8);
        let collector = post(move |Json(body): Json<Value>| {
            let heard = heard.clone();
            async move { heard.send(body).await.unwrap() }
        });
        let collector = axum::Router::new().route("/v1/traces", collector);
        let collector = std::future::IntoFuture::into_future(axum::serve(listener, collector));
        let (layer, arriving) = Spans::collected();
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, || {
            let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
            let span = told(
                || Ids::below(parent),
                || tracing::error_span!("request", method = %"GET", trace_id = %"x", path = %"/a"),
            );
            span.in_scope(|| tracing::info!(status = 503_u64, "request answered"));
            drop(tracing::error_span!("request", method = %"PUT"));
        });
        let endpoint = endpoint.parse().unwrap();
        let clock = SystemClock::new();
        let telling = tell(endpoint, "orders", arriving, &clock);
        let body = tokio::select! {
            _ = collector => unreachable!("it serves for ever"),
            () = telling => unreachable!("spans may come"),
            body = hears.recv() => body.unwrap(),
        };
        let spans = body["resourceSpans"][0]["scopeSpans"][0]["spans"]
            .as_array()
            .unwrap();
        assert_eq!(spans.len(), 1, "{body}");
        let span = &spans[0];
        assert_eq!(span["traceId"], "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(span["parentSpanId"], "b7ad6b7169203331");
        assert_eq!(
            (&span["name"], &span["kind"]),
            (&"request GET".into(), &2.into())
        );
        assert_eq!(span["status"]["code"], 2);
        let attributes = span["attributes"].to_string();
        assert!(attributes.contains("http.request.method") && !attributes.contains("trace_id"));
        assert!(attributes.contains(r#"{"intValue":"503"}"#), "{attributes}");
        let resource = body["resourceSpans"][0]["resource"].to_string();
        assert!(resource.contains("orders"), "{resource}");
    }
}
