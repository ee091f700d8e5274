//! docs/asyncapi.json: every event for programs, as an AsyncAPI 3.0 document.

use contracts::catalogue::{Catalogue, Entry, Fact, SCHEMAS_PATH, envelope_name};
use serde_json::{Map, Value, json};

/// The whole document (<https://www.asyncapi.com/docs/reference/specification/v3.0.0>).
pub fn document(catalogue: &Catalogue) -> Value {
    let entries = &catalogue.entries;
    let messages: Map<String, Value> = entries
        .iter()
        .flat_map(|entry| entry.facts.iter().map(move |fact| message(entry, fact)))
        .collect();
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "ticketing: events",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What the services of the ticketing marketplace publish: CloudEvents 1.0, \
                numbered per aggregate without a hole, each with the aggregate's public state after \
                the change. Fields that are not described here may be added; pass over them.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": entries.iter().map(channel).collect::<Map<_, _>>(),
        "operations": entries.iter().map(operation).collect::<Map<_, _>>(),
        "components": {"messages": messages, "schemas": catalogue.schemas},
    })
}

fn channel(entry: &Entry) -> (String, Value) {
    let messages: Map<String, Value> = entry
        .facts
        .iter()
        .map(|Fact { kind, .. }| {
            (
                kind.clone(),
                json!({"$ref": format!("#/components/messages/{kind}")}),
            )
        })
        .collect();
    let channel = json!({
        "address": entry.name,
        "title": format!("Every event of every {}", entry.name),
        "description": "In the order of its versions for each subject; between subjects no order \
            is promised. A consumer hears the whole channel.",
        "messages": messages,
    });
    (entry.name.to_owned(), channel)
}

fn operation(entry: &Entry) -> (String, Value) {
    let Entry { name, owner, .. } = entry;
    let operation = json!({
        "action": "send",
        "channel": {"$ref": format!("#/channels/{name}")},
        "summary": format!("{owner} alone publishes the events of {name}"),
    });
    (format!("{owner}.{name}"), operation)
}

fn message(entry: &Entry, fact: &Fact) -> (String, Value) {
    let reference = |name: &str| json!({"$ref": format!("#{SCHEMAS_PATH}/{name}")});
    let with_state = json!({
        "type": "object",
        "properties": {"state": reference(&entry.state)},
        "required": ["state"],
    });
    let message = json!({
        "name": fact.kind,
        "summary": fact.when,
        "payload": {"allOf": [
            reference(&envelope_name()),
            {
                "type": "object",
                "properties": {
                    "type": {"const": fact.kind},
                    "aggregate": {"const": entry.name},
                    "data": {"allOf": [fact.fields, with_state]},
                },
            },
        ]},
    });
    (fact.kind.clone(), message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::catalogue::catalogue;

    #[test]
    fn every_reference_leads_somewhere() {
        let document = document(&catalogue());
        let mut open = vec![&document];
        let mut count = 0;
        while let Some(value) = open.pop() {
            if let Some(path) = value.get("$ref").and_then(Value::as_str) {
                let pointer = path.strip_prefix('#').unwrap();
                assert!(document.pointer(pointer).is_some(), "{path}");
                count += 1;
            }
            match value {
                Value::Object(fields) => open.extend(fields.values()),
                Value::Array(items) => open.extend(items),
                _ => {}
            }
        }
        assert!(count > 100, "{count}");
    }

    #[test]
    fn every_event_is_a_message_of_its_aggregates_channel() {
        let catalogue = catalogue();
        let document = document(&catalogue);
        for entry in &catalogue.entries {
            for Fact { kind, .. } in &entry.facts {
                let messages = &document["channels"][entry.name]["messages"];
                assert!(messages.get(kind).is_some(), "{kind}");
                assert_eq!(
                    document["components"]["messages"][kind]["name"],
                    kind.as_str()
                );
            }
        }
    }
}
