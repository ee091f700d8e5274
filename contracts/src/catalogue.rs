//! The list of all that is published, as JSON Schemas: what documents and wire tests are made from.

use schemars::JsonSchema;
use schemars::generate::{SchemaGenerator, SchemaSettings};
use serde_json::{Map, Value};

use crate::envelope::{Aggregate, Envelope};
use crate::events::auth::{Session, User};
use crate::events::expiration::Timer;
use crate::events::orders::Order;
use crate::events::payments::Payment;
use crate::events::tickets::Ticket;

/// Where the schemas refer to each other, as in AsyncAPI and OpenAPI documents.
pub const SCHEMAS_PATH: &str = "/components/schemas";

/// All that is published.
#[derive(Debug, Clone)]
pub struct Catalogue {
    /// Every aggregate, by publisher in the order of a sale.
    pub entries: Vec<Entry>,
    /// Every schema that the others refer to (JSON Schema, draft 2020-12), by name.
    pub schemas: Map<String, Value>,
}

/// An aggregate as it is seen from outside.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The name on the wire.
    pub name: &'static str,
    /// The service that publishes it.
    pub owner: &'static str,
    /// The name of its state's schema in [`Catalogue::schemas`].
    pub state: String,
    /// What can happen to it.
    pub facts: Vec<Fact>,
}

/// Something that can happen to an aggregate.
#[derive(Debug, Clone)]
pub struct Fact {
    /// The CloudEvents type.
    pub kind: String,
    /// When it is published.
    pub when: String,
    /// The schema of the fields that only this event has, beside `state`.
    pub fields: Value,
}

/// The name of the envelope's schema.
#[must_use]
pub fn envelope_name() -> String {
    Envelope::schema_name().into_owned()
}

/// Everything that the services publish.
#[must_use]
pub fn catalogue() -> Catalogue {
    let mut settings = SchemaSettings::draft2020_12();
    settings.definitions_path = SCHEMAS_PATH.into();
    let mut generator = settings.into_generator();
    generator.subschema_for::<Envelope>();
    let entries = vec![
        entry::<User>(&mut generator),
        entry::<Session>(&mut generator),
        entry::<Ticket>(&mut generator),
        entry::<Order>(&mut generator),
        entry::<Payment>(&mut generator),
        entry::<Timer>(&mut generator),
    ];
    Catalogue {
        entries,
        schemas: generator.take_definitions(true),
    }
}

fn entry<A: Aggregate>(generator: &mut SchemaGenerator) -> Entry {
    generator.subschema_for::<A::State>();
    let facts = A::Fact::json_schema(generator);
    let variants = facts.get("oneOf").and_then(Value::as_array);
    Entry {
        name: A::NAME,
        owner: A::OWNER,
        state: A::State::schema_name().into_owned(),
        facts: variants.into_iter().flatten().map(fact).collect(),
    }
}

/// A variant of a fact's schema: its `type` becomes the envelope's.
fn fact(variant: &Value) -> Fact {
    let text = |pointer: &str| {
        variant
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let mut fields = variant.clone();
    if let Some(properties) = fields.get_mut("properties").and_then(Value::as_object_mut) {
        properties.remove("type");
    }
    if let Some(required) = fields.get_mut("required").and_then(Value::as_array_mut) {
        required.retain(|name| name != "type");
    }
    if let Some(fields) = fields.as_object_mut() {
        fields.remove("description");
    }
    Fact {
        kind: text("/properties/type/const").to_owned(),
        when: text("/description").to_owned(),
        fields,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_has_a_versioned_type_of_its_aggregate_and_says_when() {
        for Entry { name, facts, .. } in catalogue().entries {
            assert!(!facts.is_empty(), "{name}");
            for Fact { kind, when, .. } in facts {
                let rest = kind.strip_prefix(&format!("ticketing.{name}.")).unwrap();
                let (verb, version) = rest.split_once(".v").unwrap();
                assert!(
                    verb.chars().all(|c| c.is_ascii_lowercase() || c == '_'),
                    "{kind}"
                );
                assert!(version.parse::<u32>().is_ok(), "{kind}");
                assert!(!when.is_empty(), "{kind} does not say when");
            }
        }
    }

    #[test]
    fn every_field_says_what_it_is() {
        let Catalogue { entries, schemas } = catalogue();
        let envelope = envelope_name();
        let facts = entries.iter().flat_map(|entry| &entry.facts);
        let named = entries.iter().map(|entry| &entry.state).chain([&envelope]);
        let objects = facts
            .map(|fact| &fact.fields)
            .chain(named.map(|name| &schemas[name]));
        for object in objects {
            let fields = object.get("properties").and_then(Value::as_object);
            for (field, schema) in fields.into_iter().flatten() {
                assert!(schema.get("description").is_some(), "{field}: {schema}");
            }
        }
    }

    #[test]
    fn every_aggregate_is_in_it() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/events");
        let declared: usize = std::fs::read_dir(folder)
            .unwrap()
            .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
            .map(|text| text.matches("impl Aggregate for").count())
            .sum();
        assert_eq!(declared, catalogue().entries.len());
    }
}
