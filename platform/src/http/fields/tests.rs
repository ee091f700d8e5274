//! Tests of bodies, field by field.

use super::*;
use axum::body::Body;
use contracts::money::Currency;

fn fields(json: &str) -> Fields {
    Fields::parse(Bytes::copy_from_slice(json.as_bytes())).unwrap()
}

fn code(body: impl AsRef<[u8]>) -> &'static str {
    Fields::parse(Bytes::copy_from_slice(body.as_ref()))
        .unwrap_err()
        .code
}

fn title(text: &str) -> Result<String, &'static str> {
    if text.is_empty() {
        Err("must not be empty")
    } else {
        Ok(text.to_owned())
    }
}

fn errors(failure: &Failure) -> Vec<(String, String)> {
    let errors = &failure.refused().unwrap().errors;
    errors
        .iter()
        .map(|e| (e.field.clone().unwrap(), e.message.clone()))
        .collect()
}

#[test]
fn good_fields_are_taken_together() {
    let mut fields =
        fields(r#"{"title":"A","price":19.99,"currency":null,"version":3,"relist":true}"#);
    let parsed = (
        fields.text("title", title),
        fields.amount("price"),
        fields.optional_text("currency", title),
        fields.optional_int("version"),
        fields.optional_bool("relist"),
        fields.optional_amount("fee"),
    );
    let (title, price, currency, version, relist, fee) = fields.take(parsed).unwrap();
    assert_eq!(
        (title.as_str(), price.minor(Currency::USD)),
        ("A", Ok(1999))
    );
    assert_eq!(
        (currency, version, relist, fee),
        (None, Some(3), Some(true), None)
    );
}

#[test]
fn every_bad_field_is_named() {
    let mut fields = fields(r#"{"title":7,"price":"1,99","version":1.5,"relist":"yes"}"#);
    let parsed = (
        fields.text("title", title),
        fields.amount("price"),
        fields.optional_int("version"),
        fields.optional_bool("relist"),
        fields.text("thingId", title),
    );
    fields.reject("relist", "is not possible here");
    let failure = fields.take(parsed).unwrap_err();
    let expected = [
        ("title", "must be a string"),
        ("price", "must be a plain decimal number such as 19.99"),
        ("version", "must be a whole number"),
        ("relist", "must be true or false"),
        ("thingId", "is required"),
        ("relist", "is not possible here"),
    ];
    assert_eq!(
        errors(&failure),
        expected.map(|(f, m)| (f.to_owned(), m.to_owned()))
    );
    assert_eq!(failure.refused().unwrap().status, StatusCode::BAD_REQUEST);
}

#[test]
fn amounts_are_read_by_their_digits() {
    for good in ["19.99", "\"19.99\"", "0.10", "-1", "99999999999999"] {
        let mut fields = fields(&format!("{{\"price\":{good}}}"));
        let price = fields.amount("price");
        let price = fields.take(price).unwrap();
        assert_eq!(price.as_str(), good.trim_matches('"'));
    }
    for bad in [
        "1e400", "1E2", "\"NaN\"", "\"1,99\"", "[]", "{}", "true", "\"\"", "\" 1\"", "null",
    ] {
        let mut fields = fields(&format!("{{\"price\":{bad}}}"));
        let price = fields.amount("price");
        assert!(fields.take(price).is_err(), "{bad}");
    }
}

#[test]
fn text_that_is_no_text_is_refused() {
    for bad in ["\"\\ud800\"", "7", "[]", "null", "{\"a\":1}"] {
        let mut fields = fields(&format!("{{\"title\":{bad}}}"));
        let text = fields.text("title", title);
        assert!(fields.take(text).is_err(), "{bad}");
    }
}

#[test]
fn bodies_that_are_no_object_are_refused() {
    assert_eq!(code(b"\xff\xfe{}"), "invalid_utf8");
    assert_eq!(code(""), "invalid_json");
    assert_eq!(code("{"), "invalid_json");
    assert_eq!(code("{} {}"), "invalid_json");
    assert_eq!(code("{\"a\":1,}"), "invalid_json");
    assert_eq!(code("title=A"), "invalid_json");
    for other in ["[]", "[1,2]", "\"text\"", "7", "null", "true"] {
        assert_eq!(code(other), "not_an_object", "{other}");
    }
    assert_eq!(code(r#"{"a":1,"\u0061":2}"#), "repeated_field");
}

#[test]
fn nesting_has_an_end() {
    let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(code(nested(MAX_DEPTH)), "too_deep");
    assert_eq!(code(nested(30_000)), "too_deep");
    assert!(Fields::parse(Bytes::from(nested(MAX_DEPTH - 1))).is_ok());
    let brackets = format!("{{\"a\":\"\\\"{}\"}}", "[".repeat(100));
    assert!(Fields::parse(Bytes::from(brackets)).is_ok());
}

#[test]
fn the_same_body_has_the_same_fingerprint() {
    assert_eq!(
        fields("{\"a\":1}").fingerprint(),
        fields("{\"a\":1}").fingerprint()
    );
    assert_ne!(
        fields("{\"a\":1}").fingerprint(),
        fields("{\"a\":2}").fingerprint()
    );
    assert_eq!(fields("{}").fingerprint().len(), 64);
}

async fn status(content_type: Option<&str>, body: Body) -> u16 {
    let mut request = Request::new(body);
    if let Some(value) = content_type {
        request
            .headers_mut()
            .insert(CONTENT_TYPE, value.parse().unwrap());
    }
    match <Fields as FromRequest<()>>::from_request(request, &()).await {
        Ok(_) => 200,
        Err(failure) => failure.refused().unwrap().status.as_u16(),
    }
}

#[tokio::test]
async fn only_json_of_bounded_size_is_read() {
    for json in [
        "application/json",
        "Application/JSON; charset=UTF-8",
        "application/merge-patch+json",
    ] {
        assert_eq!(status(Some(json), Body::from("{}")).await, 200, "{json}");
    }
    for other in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json; charset=latin1",
        "json",
    ] {
        assert_eq!(status(Some(other), Body::from("{}")).await, 415, "{other}");
    }
    assert_eq!(status(None, Body::from("{}")).await, 415);
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(body::LIMIT));
    assert_eq!(
        status(Some("application/json"), Body::from(large)).await,
        413
    );
}

#[tokio::test]
async fn a_body_that_may_be_left_out_is_all_there_or_not_at_all() {
    let asked = async |content_type: Option<&str>, body: Body| {
        let mut request = Request::post("/");
        if let Some(content_type) = content_type {
            request = request.header(CONTENT_TYPE, content_type);
        }
        let request = request.body(body).unwrap();
        <Fields as OptionalFromRequest<()>>::from_request(request, &()).await
    };
    assert!(asked(None, Body::empty()).await.unwrap().is_none());
    let json = Some("application/json");
    assert!(asked(json, Body::from("{}")).await.unwrap().is_some());
    assert!(asked(json, Body::empty()).await.is_err());
    assert!(asked(None, Body::from("{}")).await.is_err());
}
