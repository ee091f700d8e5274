//! The envelope that every event travels in: CloudEvents 1.0 with the project's extensions.

use std::fmt::Debug;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A kind of thing whose changes are numbered events.
///
/// Every event carries the public state *after* the change, so that a copy can be made from any
/// single one, and a fact: what happened, with what only that event has to say.
pub trait Aggregate: 'static + Send + Sync {
    /// The name on the wire, as in `ticketing.<NAME>.<fact>.v1`.
    const NAME: &'static str;
    /// The service that owns it and alone appends its events.
    const OWNER: &'static str;
    /// The public state after the change.
    type State: Debug + Clone + PartialEq + Serialize + DeserializeOwned + JsonSchema + Send + Sync;
    /// What happened. Serialised as an object whose `type` is the full CloudEvents type.
    type Fact: Debug + Clone + PartialEq + Serialize + DeserializeOwned + JsonSchema + Send + Sync;
}

/// One event as it stands in its owner's log and on the bus.
///
/// CloudEvents 1.0 (<https://github.com/cloudevents/spec>): the extension names are lower-case
/// without separators because the specification allows nothing else.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Envelope {
    /// Always `1.0`.
    pub specversion: String,
    /// `<aggregate>/<subject>/<incarnation>/<version>`: unique, and the same at every redelivery.
    pub id: String,
    /// The aggregate's URI, `/<owner>/<aggregate>/<subject>`.
    pub source: String,
    /// For example `ticketing.order.cancelled.v1`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The aggregate's id.
    pub subject: String,
    /// When the owner committed it, by the owner's clock.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub time: Timestamp,
    /// Always `application/json`.
    pub datacontenttype: String,
    /// The aggregate's name (an extension).
    pub aggregate: String,
    /// 1, 2, 3 … per aggregate without a hole (an extension).
    pub aggregateversion: i64,
    /// Which life of the owner's log it was written in: microseconds since the epoch at which that
    /// life began; a later life has a larger number (an extension).
    pub incarnation: i64,
    /// The id of the event or request that made this happen (an extension).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causationid: Option<String>,
    /// The id that everything which follows from one request shares (an extension).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlationid: Option<String>,
    /// W3C trace context (the distributed tracing extension of CloudEvents).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// The fact's own fields, and `state`: the aggregate's public state after the change.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub data: Box<RawValue>,
}

/// Why an event could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// The JSON does not have the declared form.
    #[error("event {id}: {source}")]
    Json {
        /// The event's id or type.
        id: String,
        /// What the decoder said.
        source: serde_json::Error,
    },
    /// A fact serialised to something else than an object with a `type`.
    #[error("a fact must serialise to an object with a type")]
    NotAFact,
}

#[derive(Deserialize)]
struct StateOnly<S> {
    state: S,
}

/// Writes a fact and the state after it: the event's type and its data.
///
/// # Errors
/// When either does not serialise to JSON.
pub fn encode<A: Aggregate>(
    fact: &A::Fact,
    state: &A::State,
) -> Result<(String, Box<RawValue>), CodecError> {
    let broken = |source| CodecError::Json {
        id: A::NAME.to_owned(),
        source,
    };
    let value = serde_json::to_value(fact).map_err(broken)?;
    let serde_json::Value::Object(mut fields) = value else {
        return Err(CodecError::NotAFact);
    };
    let Some(serde_json::Value::String(kind)) = fields.remove("type") else {
        return Err(CodecError::NotAFact);
    };
    fields.insert(
        "state".to_owned(),
        serde_json::to_value(state).map_err(broken)?,
    );
    let data = serde_json::value::to_raw_value(&fields).map_err(broken)?;
    Ok((kind, data))
}

/// Reads the state that an event carries.
///
/// # Errors
/// When the data has no `state` of the declared form.
pub fn decode_state<A: Aggregate>(envelope: &Envelope) -> Result<A::State, CodecError> {
    serde_json::from_str::<StateOnly<A::State>>(envelope.data.get())
        .map(|data| data.state)
        .map_err(|source| CodecError::Json {
            id: envelope.id.clone(),
            source,
        })
}

/// Reads what happened; `None` for a type that this version of the program does not know.
#[must_use]
pub fn decode_fact<A: Aggregate>(envelope: &Envelope) -> Option<A::Fact> {
    let mut fields: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(envelope.data.get()).ok()?;
    fields.remove("state");
    fields.insert("type".to_owned(), envelope.kind.clone().into());
    serde_json::from_value(serde_json::Value::Object(fields)).ok()
}
