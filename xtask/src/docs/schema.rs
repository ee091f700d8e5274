//! Reads JSON Schemas as people do: the fields of an object, what type each has, what it means.

use serde_json::{Map, Value};

/// A field of an object.
pub struct Field<'a> {
    pub name: &'a str,
    pub schema: &'a Value,
    pub required: bool,
}

/// The fields of an object: the required ones as they were declared, then the optional ones.
pub fn fields(object: &Value) -> Vec<Field<'_>> {
    let required = texts(object.get("required"));
    let place = |name: &str| required.iter().position(|other| *other == name);
    let properties = object.get("properties").and_then(Value::as_object);
    let mut fields: Vec<Field<'_>> = properties
        .into_iter()
        .flatten()
        .map(|(name, schema)| Field {
            name,
            schema,
            required: place(name).is_some(),
        })
        .collect();
    fields.sort_by_key(|field| (place(field.name).unwrap_or(usize::MAX), field.name));
    fields
}

/// What the schema says that it is, on one line.
pub fn description(schema: &Value) -> String {
    text(schema, "description")
        .lines()
        .collect::<Vec<_>>()
        .join(" ")
}

/// The type of a field in a word or two: `uuid`, `integer`, `text`, or the name of an enumeration.
pub fn type_of(schema: &Value, schemas: &Map<String, Value>) -> String {
    if let Some((name, target)) = referred(schema, schemas) {
        return if values(target).is_empty() {
            type_of(target, schemas)
        } else {
            name.to_owned()
        };
    }
    let choices = schema.get("anyOf").and_then(Value::as_array);
    let some = choices
        .into_iter()
        .flatten()
        .find(|choice| text(choice, "type") != "null");
    if let Some(some) = some {
        return type_of(some, schemas);
    }
    match (
        text(schema, "const"),
        text(schema, "format"),
        first_type(schema),
    ) {
        ("", "uuid" | "date-time", _) => text(schema, "format").to_owned(),
        ("", _, "boolean") => "true or false".to_owned(),
        ("", _, "string") => "text".to_owned(),
        ("", _, other) => other.to_owned(),
        (value, _, _) => format!("`{value}`"),
    }
}

/// The enumerations that the fields refer to, by name.
pub fn enumerations<'a>(
    object: &'a Value,
    schemas: &'a Map<String, Value>,
) -> Vec<(&'a str, &'a Value)> {
    let named = fields(object)
        .into_iter()
        .filter_map(|field| referred(field.schema, schemas));
    named
        .filter(|(_, target)| !values(target).is_empty())
        .collect()
}

/// The values of an enumeration, each with what it means.
pub fn values(schema: &Value) -> Vec<(&str, String)> {
    let choices = schema.get("oneOf").and_then(Value::as_array);
    let value = |choice| {
        let value = text(choice, "const");
        (!value.is_empty()).then(|| (value, description(choice)))
    };
    choices.into_iter().flatten().filter_map(value).collect()
}

/// The alternatives of an object that has other fields in each of its states.
pub fn alternatives(schema: &Value) -> &[Value] {
    schema
        .get("oneOf")
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// The schema that this one refers to, with its name; also through an `anyOf` with null.
fn referred<'a>(
    schema: &'a Value,
    schemas: &'a Map<String, Value>,
) -> Option<(&'a str, &'a Value)> {
    let choices = schema.get("anyOf").and_then(Value::as_array);
    let mut all = std::iter::once(schema).chain(choices.into_iter().flatten());
    let path = all.find_map(|schema| schema.get("$ref"))?.as_str()?;
    let name = path.rsplit('/').next()?;
    Some((name, schemas.get(name)?))
}

fn first_type(schema: &Value) -> &str {
    match schema.get("type") {
        Some(Value::Array(types)) => types.first().and_then(Value::as_str).unwrap_or_default(),
        Some(one) => one.as_str().unwrap_or_default(),
        None => "",
    }
}

fn text<'a>(schema: &'a Value, name: &str) -> &'a str {
    schema.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn texts(list: Option<&Value>) -> Vec<&str> {
    list.and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn schemas() -> Map<String, Value> {
        let all = json!({
            "Id": {"type": "string", "format": "uuid"},
            "Status": {"oneOf": [{"const": "on", "description": "It runs."}, {"const": "off"}]},
        });
        all.as_object().unwrap().clone()
    }

    #[test]
    fn a_type_is_said_in_a_word() {
        let cases = [
            (json!({"$ref": "#/components/schemas/Id"}), "uuid"),
            (json!({"$ref": "#/components/schemas/Status"}), "Status"),
            (
                json!({"anyOf": [{"$ref": "#/components/schemas/Id"}, {"type": "null"}]}),
                "uuid",
            ),
            (json!({"type": ["string", "null"]}), "text"),
            (json!({"type": "integer", "format": "int64"}), "integer"),
            (
                json!({"type": "string", "format": "date-time"}),
                "date-time",
            ),
            (json!({"type": "boolean"}), "true or false"),
            (json!({"type": "string", "const": "on"}), "`on`"),
        ];
        for (schema, word) in cases {
            assert_eq!(type_of(&schema, &schemas()), word, "{schema}");
        }
    }

    #[test]
    fn fields_stand_in_the_order_of_their_declaration() {
        let object = json!({
            "properties": {"a": {}, "b": {}, "c": {}, "d": {}},
            "required": ["c", "b"],
        });
        let names: Vec<&str> = fields(&object).iter().map(|field| field.name).collect();
        assert_eq!(names, ["c", "b", "a", "d"]);
    }

    #[test]
    fn an_enumeration_is_found_with_its_values() {
        let schemas = schemas();
        let object = json!({"properties": {
            "id": {"$ref": "#/components/schemas/Id"},
            "status": {"$ref": "#/components/schemas/Status"},
        }});
        let found = enumerations(&object, &schemas);
        assert_eq!(found.len(), 1);
        let (name, status) = found[0];
        assert_eq!(name, "Status");
        assert_eq!(
            values(status),
            [("on", "It runs.".to_owned()), ("off", String::new())]
        );
    }
}
