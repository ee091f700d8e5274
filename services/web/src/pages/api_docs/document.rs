//! The part of an OpenAPI 3.1 document that the page shows, and its types in words.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// The document.
#[derive(Debug, Deserialize)]
pub struct Document {
    pub info: Info,
    #[serde(default)]
    paths: BTreeMap<String, BTreeMap<String, Value>>,
    #[serde(default)]
    components: Components,
}

/// What it is about.
#[derive(Debug, Deserialize)]
pub struct Info {
    #[serde(default)]
    pub title: String,
    #[serde(default)]
    pub version: String,
    pub description: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Components {
    #[serde(default)]
    schemas: BTreeMap<String, Value>,
}

#[derive(Debug, Deserialize)]
struct Described {
    summary: Option<String>,
    description: Option<String>,
    #[serde(default)]
    parameters: Vec<Value>,
    #[serde(rename = "requestBody")]
    body: Option<Value>,
    #[serde(default)]
    responses: BTreeMap<String, Value>,
}

/// The endpoints with one prefix.
pub struct Group {
    pub name: String,
    pub endpoints: Vec<Endpoint>,
}

/// One method of one path.
pub struct Endpoint {
    pub method: String,
    pub path: String,
    pub summary: String,
    pub about: String,
    pub parameters: Vec<Property>,
    pub body: Option<Words>,
    pub answers: Vec<Outcome>,
}

/// One way in which an endpoint answers.
pub struct Outcome {
    pub status: String,
    pub about: String,
    pub body: Option<Words>,
}

/// A kind of document.
pub struct Schema {
    pub name: String,
    pub about: String,
    pub properties: Vec<Property>,
    /// What it is where it has no fields: a text, one of some words.
    pub words: Words,
}

/// A field or a parameter.
pub struct Property {
    pub name: String,
    pub place: String,
    pub words: Words,
    pub is_required: bool,
    pub about: String,
}

/// A type in words: some text, then perhaps the name of a schema to be linked.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Words {
    pub text: String,
    pub schema: Option<String>,
}

/// The methods in the order in which people think of them.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];
const REFERENCE: &str = "#/components/schemas/";

impl Document {
    /// Every endpoint, by the third part of its path: `/api/tickets/{id}` is of `tickets`.
    pub fn groups(&self) -> Vec<Group> {
        let mut groups: BTreeMap<&str, Vec<Endpoint>> = BTreeMap::new();
        for (path, methods) in &self.paths {
            let name = path
                .split('/')
                .find(|part| !part.is_empty() && *part != "api");
            let group = groups.entry(name.unwrap_or("api")).or_default();
            for method in METHODS {
                let described = methods.get(method).map(Described::deserialize);
                if let Some(Ok(described)) = described {
                    group.push(endpoint(method, path, described));
                }
            }
        }
        groups
            .into_iter()
            .map(|(name, endpoints)| Group {
                name: name.to_owned(),
                endpoints,
            })
            .collect()
    }

    /// Every kind of document.
    pub fn schemas(&self) -> Vec<Schema> {
        let shown = self.components.schemas.iter().map(|(name, schema)| Schema {
            name: name.clone(),
            about: text(schema, "description"),
            properties: properties(schema),
            words: words(schema),
        });
        shown.collect()
    }
}

fn endpoint(method: &str, path: &str, described: Described) -> Endpoint {
    let answers = described
        .responses
        .into_iter()
        .map(|(status, answer)| Outcome {
            status,
            about: text(&answer, "description"),
            body: content(&answer),
        });
    Endpoint {
        method: method.to_uppercase(),
        path: path.to_owned(),
        summary: described.summary.unwrap_or_default(),
        about: described.description.unwrap_or_default(),
        parameters: described.parameters.iter().map(parameter).collect(),
        body: described.body.as_ref().and_then(content),
        answers: answers.collect(),
    }
}

fn parameter(parameter: &Value) -> Property {
    Property {
        name: text(parameter, "name"),
        place: text(parameter, "in"),
        words: parameter.get("schema").map(words).unwrap_or_default(),
        is_required: parameter
            .get("required")
            .and_then(Value::as_bool)
            .unwrap_or(false),
        about: text(parameter, "description"),
    }
}

fn properties(schema: &Value) -> Vec<Property> {
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let Some(fields) = schema.get("properties").and_then(Value::as_object) else {
        return Vec::new();
    };
    let shown = fields.iter().map(|(name, field)| Property {
        name: name.clone(),
        place: String::new(),
        words: words(field),
        is_required: required.contains(&name.as_str()),
        about: text(field, "description"),
    });
    shown.collect()
}

/// The type of the first media type's document.
fn content(of: &Value) -> Option<Words> {
    let media = of.get("content")?.as_object()?.values().next()?;
    media.get("schema").map(words)
}

fn words(schema: &Value) -> Words {
    if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
        let schema = name.strip_prefix(REFERENCE).map(ToOwned::to_owned);
        return Words {
            text: String::new(),
            schema,
        };
    }
    for several in ["oneOf", "anyOf", "allOf"] {
        if let Some(kinds) = schema.get(several).and_then(Value::as_array) {
            return either(kinds);
        }
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        let values: Vec<String> = values.iter().map(ToString::to_string).collect();
        return Words {
            text: values.join(" or "),
            schema: None,
        };
    }
    let kind = match schema.get("type") {
        Some(Value::String(kind)) => kind.clone(),
        Some(Value::Array(kinds)) => {
            let kinds: Vec<&str> = kinds.iter().filter_map(Value::as_str).collect();
            kinds.join(" or ")
        }
        _ => "anything".to_owned(),
    };
    if let ("array", Some(items)) = (kind.as_str(), schema.get("items")) {
        let inner = words(items);
        return Words {
            text: format!("list of {}", inner.text),
            schema: inner.schema,
        };
    }
    let format = text(schema, "format");
    let text = if format.is_empty() {
        kind
    } else {
        format!("{kind} ({format})")
    };
    Words { text, schema: None }
}

fn either(kinds: &[Value]) -> Words {
    let kinds: Vec<Words> = kinds.iter().map(words).collect();
    let texts: Vec<&str> = kinds
        .iter()
        .map(|kind| kind.text.as_str())
        .filter(|text| !text.is_empty())
        .collect();
    let schema = kinds.iter().find_map(|kind| kind.schema.clone());
    let mut text = texts.join(" or ");
    if schema.is_some() && !text.is_empty() {
        text.push_str(" or ");
    }
    Words { text, schema }
}

fn text(of: &Value, member: &str) -> String {
    of.get(member)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn types_are_said_in_words() {
        let said = |schema: Value| {
            let words = words(&schema);
            format!("{}{}", words.text, words.schema.unwrap_or_default())
        };
        assert_eq!(
            said(json!({"type": "string", "format": "uuid"})),
            "string (uuid)"
        );
        assert_eq!(said(json!({"type": ["string", "null"]})), "string or null");
        assert_eq!(said(json!({"$ref": "#/components/schemas/Order"})), "Order");
        let list = json!({"type": "array", "items": {"$ref": "#/components/schemas/Order"}});
        assert_eq!(said(list), "list of Order");
        let maybe = json!({"oneOf": [{"type": "null"}, {"$ref": "#/components/schemas/User"}]});
        assert_eq!(said(maybe), "null or User");
        assert_eq!(said(json!({"enum": ["a", "b"]})), "\"a\" or \"b\"");
        assert_eq!(said(json!({})), "anything");
    }
}
