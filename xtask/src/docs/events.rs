//! docs/EVENTS.md: every event for people, made from the types in `contracts`.

use std::collections::BTreeMap;
use std::fmt::Write;

use contracts::catalogue::{Catalogue, Entry, Fact, envelope_name};
use serde_json::{Map, Value};

use super::schema::{alternatives, description, enumerations, fields, type_of, values};

const BEGINNING: &str = "\
# Events

<!-- Made from the types in contracts/src by `cargo xtask docs`. Not to be edited. -->

Every change of an aggregate is one event, appended to its owner's log in the transaction of the
change and numbered 1, 2, 3 … per aggregate without a hole. The events here are CloudEvents 1.0; for
programs the same stands in [asyncapi.json](asyncapi.json).

An event's `data` holds the fact's own fields and `state`: the aggregate's public state after the
change, so that a copy can be made from any single event. Changes to an event only add fields;
anything else is a `v2` beside the `v1`. Whoever reads passes over fields and types that it doesn't
know. Amounts are whole minor units (cents) of the currency beside them; times are RFC 3339 in UTC.

";

/// The whole document.
pub fn document(catalogue: &Catalogue) -> String {
    let mut text = BEGINNING.to_owned();
    contents(&mut text, &catalogue.entries);
    text.push_str("## Envelope\n\n");
    if let Some(envelope) = catalogue.schemas.get(&envelope_name()) {
        table(&mut text, envelope, &catalogue.schemas);
    }
    let mut owner = "";
    for entry in &catalogue.entries {
        if entry.owner != owner {
            owner = entry.owner;
            line(&mut text, &format!("## {owner}\n"));
        }
        aggregate(&mut text, entry, &catalogue.schemas);
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn contents(text: &mut String, entries: &[Entry]) {
    line(text, "| published by | aggregate | events |");
    line(text, "|---|---|---|");
    for Entry {
        name, owner, facts, ..
    } in entries
    {
        let short: Vec<String> = facts.iter().map(|fact| short(&fact.kind)).collect();
        line(
            text,
            &format!("| {owner} | [{name}](#{name}) | {} |", short.join(", ")),
        );
    }
    text.push('\n');
}

/// `cancelled` from `ticketing.order.cancelled.v1`; with its version if that is not the first.
fn short(kind: &str) -> String {
    let mut parts = kind.split('.').skip(2);
    let (verb, version) = (
        parts.next().unwrap_or(kind),
        parts.next().unwrap_or_default(),
    );
    if version == "v1" {
        verb.to_owned()
    } else {
        format!("{verb}.{version}")
    }
}

fn aggregate(text: &mut String, entry: &Entry, schemas: &Map<String, Value>) {
    line(text, &format!("### {}\n", entry.name));
    line(text, "| type | when | its own fields |");
    line(text, "|---|---|---|");
    for Fact {
        kind,
        when,
        fields: own,
    } in &entry.facts
    {
        let own: Vec<String> = fields(own)
            .iter()
            .map(|field| {
                let kind = type_of(field.schema, schemas);
                format!("`{}` ({kind}): {}", field.name, description(field.schema))
            })
            .collect();
        line(
            text,
            &format!("| `{kind}` | {when} | {} |", own.join("<br>")),
        );
    }
    let Some(state) = schemas.get(&entry.state) else {
        return;
    };
    line(text, &format!("\n**`state`**: {}\n", description(state)));
    table(text, state, schemas);
    by_state(text, state, schemas);
    let mut named: BTreeMap<&str, &Value> = enumerations(state, schemas).into_iter().collect();
    for fact in &entry.facts {
        named.extend(enumerations(&fact.fields, schemas));
    }
    for (name, values_of) in named {
        enumeration(text, name, values_of);
    }
}

fn table(text: &mut String, object: &Value, schemas: &Map<String, Value>) {
    line(text, "| field | type | what it is |");
    line(text, "|---|---|---|");
    for field in fields(object) {
        let optional = if field.required { "" } else { ", optional" };
        let kind = type_of(field.schema, schemas);
        let what = description(field.schema);
        line(
            text,
            &format!("| `{}` | {kind}{optional} | {what} |", field.name),
        );
    }
    text.push('\n');
}

/// The fields that depend on the state that an aggregate is in.
fn by_state(text: &mut String, state: &Value, schemas: &Map<String, Value>) {
    let alternatives = alternatives(state);
    if alternatives.is_empty() {
        return;
    }
    line(text, "and one of:\n");
    for alternative in alternatives {
        let present: Vec<String> = fields(alternative)
            .iter()
            .map(|field| format!("`{}` {}", field.name, type_of(field.schema, schemas)))
            .collect();
        line(
            text,
            &format!("- {}: {}", present.join(", "), description(alternative)),
        );
    }
    text.push('\n');
}

fn enumeration(text: &mut String, name: &str, schema: &Value) {
    line(text, &format!("**{name}**: {}\n", description(schema)));
    for (value, what) in values(schema) {
        line(text, &format!("- `{value}`: {what}"));
    }
    text.push('\n');
}

fn line(text: &mut String, line: &str) {
    writeln!(text, "{line}").ok(); // writing to a String can't fail
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::catalogue::catalogue;

    #[test]
    fn every_event_and_every_field_is_told() {
        let catalogue = catalogue();
        let text = document(&catalogue);
        for entry in &catalogue.entries {
            for fact in &entry.facts {
                assert!(text.contains(&format!("| `{}` | {}", fact.kind, fact.when)));
            }
            for field in fields(&catalogue.schemas[&entry.state]) {
                assert!(
                    text.contains(&format!("| `{}` |", field.name)),
                    "{}",
                    field.name
                );
            }
        }
        assert!(text.contains("- `status` `locked`, `order_id` uuid: An order holds it."));
    }

    #[test]
    fn a_later_version_is_told_apart() {
        assert_eq!(short("ticketing.order.cancelled.v1"), "cancelled");
        assert_eq!(short("ticketing.order.cancelled.v2"), "cancelled.v2");
    }
}
