//! Events as NATS messages: CloudEvents in binary mode, attributes as headers, data as the payload.

use async_nats::HeaderMap;
use bytes::Bytes;
use contracts::Envelope;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use serde_json::value::RawValue;

/// What the CloudEvents bindings encode in a header, besides everything outside ASCII.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'%');

/// The header by which the server recognises a duplicate.
const MESSAGE_ID: &str = "Nats-Msg-Id";

/// Why a message is no event.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoEvent {
    #[error("the attribute `{0}` is missing or malformed")]
    Attribute(&'static str),
    #[error("the data is not JSON: {0}")]
    Data(String),
}

/// An event's headers, with the id by which the server recognises a duplicate.
pub(super) fn headers(event: &Envelope) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut put = |name: &str, value: &str| {
        headers.insert(name, utf8_percent_encode(value, ENCODED).to_string());
    };
    put(MESSAGE_ID, &event.id);
    put("content-type", &event.datacontenttype);
    put("ce-specversion", &event.specversion);
    put("ce-id", &event.id);
    put("ce-source", &event.source);
    put("ce-type", &event.kind);
    put("ce-subject", &event.subject);
    put("ce-time", &event.time.to_string());
    put("ce-aggregate", &event.aggregate);
    put("ce-aggregateversion", &event.aggregateversion.to_string());
    put("ce-incarnation", &event.incarnation.to_string());
    for (name, value) in [
        ("ce-causationid", &event.causationid),
        ("ce-correlationid", &event.correlationid),
        ("ce-traceparent", &event.traceparent),
    ] {
        if let Some(value) = value {
            put(name, value);
        }
    }
    headers
}

/// An event's payload.
pub(super) fn payload(event: &Envelope) -> Bytes {
    Bytes::copy_from_slice(event.data.get().as_bytes())
}

/// Reads an event; headers that are not known are passed over.
pub(super) fn decode(headers: Option<&HeaderMap>, payload: &[u8]) -> Result<Envelope, NoEvent> {
    let find = |name: &'static str| header(headers, name);
    let text = |name: &'static str| find(name).ok_or(NoEvent::Attribute(name));
    let number = |name: &'static str| {
        let read = text(name)?.parse::<i64>();
        read.map_err(|_| NoEvent::Attribute(name))
    };
    let specversion = text("ce-specversion")?;
    if specversion != "1.0" {
        return Err(NoEvent::Attribute("ce-specversion"));
    }
    let time = text("ce-time")?.parse();
    let data = String::from_utf8(payload.to_vec()).map_err(|error| error.to_string());
    let data = data.and_then(|data| RawValue::from_string(data).map_err(|error| error.to_string()));
    Ok(Envelope {
        specversion,
        id: text("ce-id")?,
        source: text("ce-source")?,
        kind: text("ce-type")?,
        subject: text("ce-subject")?,
        time: time.map_err(|_| NoEvent::Attribute("ce-time"))?,
        datacontenttype: find("content-type").unwrap_or_else(|| "application/json".to_owned()),
        aggregate: text("ce-aggregate")?,
        aggregateversion: number("ce-aggregateversion")?,
        incarnation: number("ce-incarnation")?,
        causationid: find("ce-causationid"),
        correlationid: find("ce-correlationid"),
        traceparent: find("ce-traceparent"),
        data: data.map_err(NoEvent::Data)?,
    })
}

/// A header's value, whatever the case of its name.
fn header(headers: Option<&HeaderMap>, name: &str) -> Option<String> {
    let (_, values) = headers?
        .iter()
        .find(|(found, _)| AsRef::<str>::as_ref(found).eq_ignore_ascii_case(name))?;
    let value = percent_decode_str(values.first()?.as_str()).decode_utf8();
    value.ok().map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Envelope {
        serde_json::from_value(serde_json::json!({
            "specversion": "1.0", "id": "counter/ä 1/7/2", "source": "/counters/counter/ä 1",
            "type": "ticketing.counter.added.v1", "subject": "ä 1", "time": "2026-01-02T03:04:05.000006Z",
            "datacontenttype": "application/json", "aggregate": "counter", "aggregateversion": 2,
            "incarnation": 7, "causationid": "a%20b", "correlationid": "line\r\nbreak",
            "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "data": {"amount": 1, "state": {"value": 1.50}}
        }))
        .unwrap()
    }

    fn json(event: &Envelope) -> String {
        serde_json::to_string(event).unwrap()
    }

    #[test]
    fn an_event_survives_the_way_there_and_back() {
        let mut event = event();
        let back = decode(Some(&headers(&event)), &payload(&event)).unwrap();
        assert_eq!(json(&back), json(&event));
        (event.causationid, event.correlationid, event.traceparent) = (None, None, None);
        let back = decode(Some(&headers(&event)), &payload(&event)).unwrap();
        assert_eq!(json(&back), json(&event));
    }

    #[test]
    fn the_headers_are_plain_and_name_the_event_to_the_server() {
        let headers = headers(&event());
        assert_eq!(
            headers.get(MESSAGE_ID).unwrap().as_str(),
            "counter/%C3%A4%201/7/2"
        );
        assert_eq!(headers.get("ce-aggregateversion").unwrap().as_str(), "2");
        for values in headers.iter().map(|(_, values)| values) {
            let value = values[0].as_str();
            assert!(
                value
                    .bytes()
                    .all(|byte| byte.is_ascii_graphic() && byte != b'"'),
                "{value}"
            );
        }
    }

    #[test]
    fn unknown_headers_pass_and_names_may_be_written_large() {
        let event = event();
        let mut large = HeaderMap::new();
        for (name, values) in headers(&event).iter() {
            large.insert(
                AsRef::<str>::as_ref(name).to_uppercase().as_str(),
                values[0].clone(),
            );
        }
        large.insert("ce-partitionkey", "9");
        large.insert("x-other", "1");
        let back = decode(Some(&large), &payload(&event)).unwrap();
        assert_eq!(json(&back), json(&event));
    }

    #[test]
    fn what_is_no_event_is_refused() {
        let event = event();
        let whole = headers(&event);
        assert!(decode(None, b"{}").is_err());
        assert!(decode(Some(&whole), b"{").is_err());
        assert!(decode(Some(&whole), &[0xff]).is_err());
        for (name, value) in [
            ("ce-aggregateversion", "two"),
            ("ce-time", "noon"),
            ("ce-specversion", "0.3"),
        ] {
            let mut headers = whole.clone();
            headers.insert(name, value);
            assert!(decode(Some(&headers), b"{}").is_err(), "{name}");
        }
    }
}
