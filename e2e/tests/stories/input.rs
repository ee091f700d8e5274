//! Bad input gets a clear answer that names what is wrong, and loses nothing.

use e2e::{Client, Composition, Marketplace};
use http::StatusCode;
use serde_json::{Value, json};

use crate::people::{person, see};

/// A marketplace with somebody who sells.
pub async fn start() -> (Marketplace, Client) {
    let marketplace = Marketplace::start(Composition::told(), &[]).await.unwrap();
    let seller = person(&marketplace, "seller").await;
    (marketplace, seller)
}

/// The fields that a problem document names.
pub fn fields(problem: &Value) -> Vec<&str> {
    let errors = problem["errors"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    errors
        .iter()
        .filter_map(|error| error["field"].as_str())
        .collect()
}

#[tokio::test]
async fn bad_prices_and_titles_are_named() {
    let (marketplace, mut seller) = start().await;
    for price in [
        "-1",
        "0",
        "0.001",
        "1e400",
        "\"NaN\"",
        "\"1,99\"",
        "99999999999999",
        "null",
        "[]",
        "{}",
        "true",
    ] {
        let body = format!("{{\"title\":\"A concert\",\"price\":{price}}}");
        let answer = seller
            .raw("/api/tickets", "application/json", body.into())
            .await
            .unwrap();
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{price}");
        assert_eq!(
            fields(&answer.json()),
            ["price"],
            "{price}: {:?}",
            answer.body
        );
    }
    let long = "x".repeat(10_000);
    for title in [
        json!(""),
        json!("  \t "),
        json!(long),
        json!(7),
        json!("a\u{0}b"),
        json!("a\u{202e}b"),
        Value::Null,
    ] {
        let body = json!({"title": title, "price": 5});
        let answer = seller.post("/api/tickets", &body).await.unwrap();
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{title}");
        assert_eq!(fields(&answer.json()), ["title"], "{title}");
    }
    let both = seller
        .post("/api/tickets", &json!({"title": "", "price": -1}))
        .await
        .unwrap();
    assert_eq!(fields(&both.json()), ["title", "price"]);
    let kept = json!({"title": "🎸 حفلة in the park", "price": "19.99"});
    let answer = seller.post("/api/tickets", &kept).await.unwrap();
    assert_eq!(answer.status, StatusCode::CREATED);
    assert_eq!(answer.json()["price"].to_string(), "19.99");
    assert_eq!(
        see(&mut seller, "/api/tickets/mine")
            .await
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    marketplace.audit_and_stop().await.unwrap();
}

#[tokio::test]
async fn bad_bodies_are_refused() {
    let (marketplace, seller) = start().await;
    let deep = format!("{{\"title\":{}1{}}}", "[".repeat(5000), "]".repeat(5000));
    let cases: [(&str, Vec<u8>, StatusCode); 6] = [
        (
            "application/json",
            b"not json".to_vec(),
            StatusCode::BAD_REQUEST,
        ),
        ("application/json", b"[]".to_vec(), StatusCode::BAD_REQUEST),
        (
            "application/json",
            deep.into_bytes(),
            StatusCode::BAD_REQUEST,
        ),
        (
            "application/json",
            vec![b'{', b'"', 0xff, 0xfe, b'"', b'}'],
            StatusCode::BAD_REQUEST,
        ),
        (
            "text/plain",
            b"{}".to_vec(),
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ),
        (
            "application/json",
            vec![b' '; 10_000_000],
            StatusCode::PAYLOAD_TOO_LARGE,
        ),
    ];
    for (kind, body, expected) in cases {
        let mut client = seller.again().await.unwrap();
        let answer = client.raw("/api/tickets", kind, body).await.unwrap();
        assert_eq!(answer.status, expected, "{:?}", answer.body);
        let kind = answer
            .headers
            .get("content-type")
            .unwrap()
            .to_str()
            .unwrap();
        assert_eq!(kind, "application/problem+json");
        assert!(!answer.code().is_empty() && answer.json()["errors"].is_array());
    }
    marketplace.audit_and_stop().await.unwrap();
}

#[tokio::test]
async fn ids_that_are_none_and_paths_that_lead_nowhere() {
    let (marketplace, mut seller) = start().await;
    let unknown = "0192aaaa-bbbb-7ccc-8ddd-eeeeffff0000";
    for path in [
        "/api/tickets/nonsense".to_owned(),
        "/api/orders/%00".to_owned(),
        format!("/api/tickets/{unknown}"),
        format!("/api/orders/{unknown}"),
        "/api/nothing/here".to_owned(),
    ] {
        let answer = seller.get(&path).await.unwrap();
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(answer.code(), "not_found", "{path}");
    }
    let page = seller.get("/no/such/page").await.unwrap();
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert!(
        page.headers
            .get("content-type")
            .unwrap()
            .to_str()
            .unwrap()
            .starts_with("text/html")
    );
    marketplace.audit_and_stop().await.unwrap();
}

#[tokio::test]
async fn sessions_that_are_none() {
    let (marketplace, seller) = start().await;
    let good = seller.cookie.clone().unwrap();
    let cut = good[..good.len() - 4].to_owned();
    let none = "session=eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.".to_owned();
    let swapped = good.replace("v4.public.", "v4.local.");
    for cookie in [
        cut,
        none,
        swapped,
        "session=".to_owned(),
        format!("{good}x"),
    ] {
        let mut client = Client::connect(marketplace.address).await.unwrap();
        client.cookie = Some(cookie.clone());
        let mine = client.get("/api/tickets/mine").await.unwrap();
        assert_eq!(mine.status, StatusCode::UNAUTHORIZED, "{cookie}");
        let current = client.get("/api/users/currentuser").await.unwrap();
        assert_eq!(current.json(), json!({"currentUser": null}));
    }
    marketplace.audit_and_stop().await.unwrap();
}

#[tokio::test]
async fn another_site_can_change_nothing() {
    let (marketplace, mut seller) = start().await;
    let body = json!({"title": "From elsewhere", "price": 1});
    for headers in [
        [("sec-fetch-site", "cross-site")],
        [("origin", "https://evil.example")],
    ] {
        let answer = seller
            .call("POST", "/api/tickets", Some(&body), &headers)
            .await
            .unwrap();
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{headers:?}");
    }
    assert_eq!(see(&mut seller, "/api/tickets/mine").await, json!([]));
    marketplace.audit_and_stop().await.unwrap();
}
