//! JSON bodies, field by field, so that one bad field never hides another.

use std::collections::BTreeMap;
use std::fmt;

use axum::extract::{FromRequest, OptionalFromRequest, Request};
use bytes::Bytes;
use contracts::api::problem::FieldError;
use contracts::money::Amount;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use http_body::Body as _;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use super::body;
use crate::failure::{Failure, Refused, Result};
use crate::random::hex_of;

/// How deep objects and arrays may stand in each other: far more than any request of ours needs.
const MAX_DEPTH: usize = 32;

/// The fields of a JSON object, and what was found wrong with them so far.
#[derive(Debug, Default)]
pub struct Fields {
    values: BTreeMap<String, Box<RawValue>>,
    errors: Vec<FieldError>,
    body: Bytes,
}

impl Fields {
    /// A field that must be there and be a string that `parse` accepts. `None` after an error, which
    /// [`Self::take`] reports.
    pub fn text<T, E: fmt::Display>(
        &mut self,
        field: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        self.required(field, |raw| text(raw, parse))
    }

    /// A field that may be absent (or null); else as [`Self::text`].
    pub fn optional_text<T, E: fmt::Display>(
        &mut self,
        field: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<Option<T>> {
        self.optional(field, |raw| text(raw, parse))
    }

    /// A decimal that must be there: a JSON number, or a string that holds one. It is read by its
    /// digits, never through a float.
    pub fn amount(&mut self, field: &str) -> Option<Amount> {
        self.required(field, amount)
    }

    /// A decimal that may be absent (or null).
    pub fn optional_amount(&mut self, field: &str) -> Option<Option<Amount>> {
        self.optional(field, amount)
    }

    /// A whole number that may be absent (or null).
    pub fn optional_int(&mut self, field: &str) -> Option<Option<i64>> {
        self.optional(field, |raw| {
            raw.parse().map_err(|_| "must be a whole number".to_owned())
        })
    }

    /// True or false, or absent (or null).
    pub fn optional_bool(&mut self, field: &str) -> Option<Option<bool>> {
        self.optional(field, |raw| {
            raw.parse().map_err(|_| "must be true or false".to_owned())
        })
    }

    /// Records that a field can't be accepted.
    pub fn reject(&mut self, field: &str, message: impl Into<String>) {
        self.errors.push(FieldError {
            message: message.into(),
            field: Some(field.to_owned()),
        });
    }

    /// The values, if no field was bad.
    ///
    /// # Errors
    /// 400 `invalid_input` with every bad field.
    pub fn take<P: Parsed>(&mut self, parsed: P) -> Result<P::Values> {
        if !self.errors.is_empty() {
            return Err(Refused::fields(std::mem::take(&mut self.errors)).into());
        }
        let missing = || Failure::Broken(anyhow::anyhow!("a field has no value and no error"));
        parsed.values().ok_or_else(missing)
    }

    /// A fingerprint of the whole body, to tell a repeated request from another one.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.body)
    }

    /// Reads the body of a request.
    ///
    /// # Errors
    /// 400 when it is not one JSON object in UTF-8, without repeated names and not nested too deep.
    pub fn parse(body: Bytes) -> Result<Self, Refused> {
        let Ok(text) = std::str::from_utf8(&body) else {
            return Err(Refused::invalid(
                "invalid_utf8",
                "the body must be text in UTF-8",
            ));
        };
        if too_deep(text) {
            let message = format!("objects and arrays may be nested {MAX_DEPTH} deep at most");
            return Err(Refused::invalid("too_deep", message));
        }
        let object = match serde_json::from_str::<Object>(text) {
            Ok(object) => object,
            Err(_) if text.trim_start().starts_with(['[', '"']) || is_scalar(text) => {
                return Err(Refused::invalid(
                    "not_an_object",
                    "the body must be a JSON object",
                ));
            }
            Err(error) => {
                return Err(Refused::invalid(
                    "invalid_json",
                    format!("not valid JSON: {error}"),
                ));
            }
        };
        if let Some(name) = object.repeated {
            let message = "this field stands in the body more than once";
            return Err(Refused::invalid("repeated_field", message).on_field(&name));
        }
        Ok(Self {
            values: object.values,
            errors: Vec::new(),
            body,
        })
    }

    fn required<T>(
        &mut self,
        field: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.optional(field, read)?;
        if value.is_none() {
            self.reject(field, "is required");
        }
        value
    }

    fn optional<T>(
        &mut self,
        field: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<Option<T>> {
        let raw = self.values.get(field).map(|raw| raw.get());
        let Some(raw) = raw.filter(|raw| *raw != "null") else {
            return Some(None);
        };
        match read(raw) {
            Ok(value) => Some(Some(value)),
            Err(message) => {
                self.reject(field, message);
                None
            }
        }
    }
}

/// A fingerprint of what makes a request the same as another: SHA-256 in hexadecimal.
#[must_use]
pub fn fingerprint(of: &[u8]) -> String {
    hex_of(&Sha256::digest(of))
}

/// Values that [`Fields`] may have found bad, together.
pub trait Parsed {
    /// The values when all are good.
    type Values;

    /// All the values, if all are there.
    fn values(self) -> Option<Self::Values>;
}

impl<T> Parsed for Option<T> {
    type Values = T;

    fn values(self) -> Self {
        self
    }
}

macro_rules! parsed_together {
    ($($name:ident)+) => {
        impl<$($name),+> Parsed for ($(Option<$name>,)+) {
            type Values = ($($name,)+);

            #[expect(non_snake_case, reason = "a variable for each type")]
            fn values(self) -> Option<Self::Values> {
                let ($($name,)+) = self;
                Some(($($name?,)+))
            }
        }
    };
}

parsed_together!(A);
parsed_together!(A B);
parsed_together!(A B C);
parsed_together!(A B C D);
parsed_together!(A B C D E);
parsed_together!(A B C D E F);

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        if !is_json(request.headers()) {
            let message = "send the body as application/json";
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return Err(Refused::new(status, "unsupported_media_type", message).into());
        }
        let body = body::read(request).await?;
        Ok(Self::parse(body)?)
    }
}

/// A body that may be left out, together with its content type: `Option<Fields>`.
impl<S: Send + Sync> OptionalFromRequest<S> for Fields {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Option<Self>, Failure> {
        let has_type = request.headers().contains_key(CONTENT_TYPE);
        if !has_type && request.body().is_end_stream() {
            return Ok(None);
        }
        <Self as FromRequest<S>>::from_request(request, state)
            .await
            .map(Some)
    }
}

/// Whether the content type is `application/json` or a kind of it (RFC 6839 `+json`), in UTF-8.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
    else {
        return false;
    };
    let mut parts = value.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default().to_ascii_lowercase();
    let json = media_type == "application/json"
        || (media_type.starts_with("application/") && media_type.ends_with("+json"));
    json && parts.all(|parameter| {
        let parameter = parameter.to_ascii_lowercase();
        parameter
            .strip_prefix("charset=")
            .is_none_or(|charset| matches!(charset.trim_matches('"'), "utf-8" | "utf8"))
    })
}

fn text<T, E: fmt::Display>(
    raw: &str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, String> {
    if !raw.starts_with('"') {
        return Err("must be a string".to_owned());
    }
    // Half a surrogate pair is well-formed JSON, yet no text.
    let text: String =
        serde_json::from_str(raw).map_err(|_| "must be a string of whole characters".to_owned())?;
    parse(&text).map_err(|error| error.to_string())
}

fn amount(raw: &str) -> Result<Amount, String> {
    let plain = |digits: &str| Amount::parse(digits).map_err(|error| error.to_string());
    if raw.starts_with('"') {
        return text(raw, plain);
    }
    if raw.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
        return plain(raw);
    }
    Err("must be a number such as 19.99".to_owned())
}

fn is_scalar(text: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(text).is_ok_and(|value| !value.is_object())
}

/// Whether objects and arrays stand in each other more than [`MAX_DEPTH`] deep. Brackets in strings
/// don't count.
fn too_deep(text: &str) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return true;
        }
    }
    false
}

/// A JSON object whose values are not looked at yet.
struct Object {
    values: BTreeMap<String, Box<RawValue>>,
    repeated: Option<String>,
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;

        impl<'de> Visitor<'de> for Names {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Object, M::Error>
            where
                M::Error: de::Error,
            {
                let mut object = Object {
                    values: BTreeMap::new(),
                    repeated: None,
                };
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    if object.values.insert(name.clone(), value).is_some() {
                        object.repeated.get_or_insert(name);
                    }
                }
                Ok(object)
            }
        }

        deserializer.deserialize_map(Names)
    }
}

#[cfg(test)]
mod tests;
