//! The OpenAPI document: what the handlers say of themselves, and what holds for all of them.
//!
//! The layers around the handlers and the idempotency keys refuse requests, too. What they answer is
//! the same everywhere, so it is said here, once.

use platform::session::COOKIE;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    Components, Content, InfoBuilder, ObjectBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, Required,
    Response, ResponseBuilder, Type,
};

const PROBLEM: &str = "application/problem+json";
const IDEMPOTENCY_KEY: &str = "Idempotency-Key";
const SIGNED_IN: &str = "session";

/// What the document says of itself.
pub fn description() -> OpenApi {
    let info = InfoBuilder::new()
        .title("ticketing")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "A ticket resale marketplace. Errors are RFC 9457 problem documents with a stable code.",
        ))
        .build();
    OpenApiBuilder::new().info(info).build()
}

/// The document with what holds for all handlers.
pub fn completed(mut document: OpenApi) -> OpenApi {
    for item in document.paths.paths.values_mut() {
        for operation in [&mut item.get, &mut item.head] {
            operation.iter_mut().for_each(read);
        }
        for operation in [&mut item.put, &mut item.delete, &mut item.patch] {
            operation.iter_mut().for_each(change);
        }
        item.post.iter_mut().for_each(|operation| {
            change(operation);
            once(operation);
        });
    }
    let components = document.components.get_or_insert_with(Components::new);
    let cookie = ApiKey::Cookie(ApiKeyValue::new(COOKIE));
    components.add_security_scheme(SIGNED_IN, SecurityScheme::ApiKey(cookie));
    document
}

/// What any request may be answered.
fn read(operation: &mut Operation) {
    say(
        operation,
        "503",
        "what is needed does not answer; see `Retry-After`",
    );
    if operation.responses.responses.contains_key("401") {
        let needed = SecurityRequirement::new::<_, [String; 0], String>(SIGNED_IN, []);
        operation.security = Some(vec![needed]);
    }
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && status.as_str() >= "400"
            && let Some(content) = response.content.shift_remove("application/json")
        {
            response.content.insert(PROBLEM.to_owned(), content);
        }
    }
}

/// What a request that changes something may be answered.
fn change(operation: &mut Operation) {
    read(operation);
    say(
        operation,
        "403",
        "`cross_site_request`: it came from another site",
    );
    if operation.request_body.is_some() {
        say(operation, "413", "`body_too_large`");
        say(
            operation,
            "415",
            "`unsupported_media_type`: the body is not JSON",
        );
    }
}

/// What a request with an idempotency key may be answered.
fn once(operation: &mut Operation) {
    operation
        .parameters
        .get_or_insert_default()
        .push(RefOr::T(idempotency_key()));
    say(
        operation,
        "409",
        "`idempotency_in_progress`: the first request with this key is still running; see `Retry-After`",
    );
    say(
        operation,
        "422",
        "`idempotency_key_reused`: the key was used for another request",
    );
}

fn idempotency_key() -> Parameter {
    let text = ObjectBuilder::new()
        .schema_type(Type::String)
        .max_length(Some(255))
        .build();
    ParameterBuilder::new()
        .name(IDEMPOTENCY_KEY)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "a repeat with the same key gets the first answer, for a day, and has no second effect",
        ))
        .schema(Some(text))
        .build()
}

/// Adds an answer, unless the handler has one of its own for the status.
fn say(operation: &mut Operation, status: &str, description: &str) {
    let responses = &mut operation.responses.responses;
    responses
        .entry(status.to_owned())
        .or_insert_with(|| RefOr::T(problem(description)));
}

fn problem(description: &str) -> Response {
    let schema = Ref::from_schema_name("Problem");
    ResponseBuilder::new()
        .description(description)
        .content(PROBLEM, Content::new(Some(schema)))
        .build()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    /// The document as it is published.
    const DOCUMENT: &str = include_str!("../../docs/openapi.json");

    fn operations(document: &Value) -> impl Iterator<Item = (&str, &Value)> {
        let items = document["paths"].as_object().unwrap().values();
        items.flat_map(|item| {
            let operations = item.as_object().unwrap().iter();
            operations.map(|(method, operation)| (method.as_str(), operation))
        })
    }

    #[test]
    fn every_act_says_how_it_is_repeated_and_refused() {
        let document: Value = serde_json::from_str(DOCUMENT).unwrap();
        let mut acts = 0;
        for (method, operation) in operations(&document) {
            let responses = operation["responses"].as_object().unwrap();
            let said: BTreeSet<&str> = responses.keys().map(String::as_str).collect();
            let keyed = operation["parameters"]
                .as_array()
                .is_some_and(|all| all.iter().any(|one| one["name"] == "Idempotency-Key"));
            assert_eq!(keyed, method == "post", "{operation}");
            let mut wanted = vec!["503"];
            if method != "get" {
                acts += 1;
                wanted.push("403");
            }
            if operation.get("requestBody").is_some() {
                wanted.extend(["400", "413", "415"]);
            }
            if keyed {
                wanted.extend(["409", "422"]);
            }
            for status in wanted {
                assert!(said.contains(status), "{method} {status}: {operation}");
            }
            assert_eq!(
                said.contains("401"),
                operation.get("security").is_some(),
                "{operation}"
            );
        }
        assert!(acts > 10, "{acts}");
    }

    #[test]
    fn refusals_are_problems() {
        let document: Value = serde_json::from_str(DOCUMENT).unwrap();
        for (_, operation) in operations(&document) {
            for (status, response) in operation["responses"].as_object().unwrap() {
                let kinds = response["content"].as_object();
                let kinds: Vec<&String> = kinds.into_iter().flat_map(|all| all.keys()).collect();
                if status.as_str() >= "400" {
                    assert_eq!(kinds, ["application/problem+json"], "{status}: {operation}");
                }
            }
        }
    }
}
