//! Listing a ticket.

use axum::body::Body;
use axum::http::Request;
use contracts::events::tickets::{TicketFact, TicketStatus};
use serde_json::{Value, json};

use crate::marketplace::{Marketplace, errors_in, id_in};

#[tokio::test]
async fn a_listed_ticket_is_answered_announced_and_found() {
    let market = Marketplace::open().await;
    let answer = market
        .post(json!({"title": "  Jazz night ", "price": 19.99}))
        .await;
    assert_eq!(answer.status, 201);
    let ticket = answer.json();
    let id = id_in(&ticket);
    assert_eq!(answer.headers["location"], format!("/api/tickets/{id}"));
    assert_eq!(answer.headers["etag"], "\"1\"");
    assert_eq!(ticket["title"], "Jazz night");
    assert_eq!(ticket["price"], json!(19.99));
    assert!(
        answer.body.contains("\"price\":19.99"),
        "exactly: {}",
        answer.body
    );
    assert_eq!(
        (&ticket["currency"], &ticket["status"]),
        (&json!("usd"), &json!("listed"))
    );
    assert_eq!(
        (&ticket["version"], &ticket["offerVersion"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(ticket["userId"], json!(market.seller));
    assert!(ticket.get("orderId").is_none());

    assert_eq!(market.show(id).await, ticket);
    assert_eq!(market.get("/api/tickets").await.json(), json!([ticket]));
    let state = market.said(id, |fact| *fact == TicketFact::Listed).await;
    assert_eq!(
        (state.price_minor, state.offer_version, state.epoch),
        (1_999, 1, 0)
    );
    assert_eq!(
        (state.seller_id, state.status),
        (market.seller, TicketStatus::Listed)
    );
    market.close().await;
}

#[tokio::test]
async fn prices_are_read_exactly_in_every_currency() {
    let market = Marketplace::open().await;
    for (price, currency, shown) in [
        (json!("19.99"), "usd", "19.99"),
        (json!(0.1), "EUR", "0.1"),
        (json!(500), "jpy", "500"),
        (json!(1.234), "kwd", "1.234"),
        (json!(1_000_000), "usd", "1000000"),
        (json!("20.00"), "usd", "20"),
    ] {
        let answer = market
            .post(json!({"title": "A", "price": price, "currency": currency}))
            .await;
        assert_eq!(answer.status, 201, "{price} {currency}: {}", answer.body);
        assert!(
            answer.body.contains(&format!("\"price\":{shown},")),
            "{}",
            answer.body
        );
        assert_eq!(answer.json()["currency"], currency.to_lowercase());
    }
    market.close().await;
}

async fn refused(market: &Marketplace, body: &str) -> Vec<(String, String)> {
    let request = Request::post("/api/tickets")
        .header("content-type", "application/json")
        .header("cookie", &market.cookie)
        .body(Body::from(body.to_owned()))
        .unwrap();
    let answer = market.world.send(request).await.unwrap();
    assert_eq!(answer.status, 400, "{body}: {}", answer.body);
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    errors_in(&answer)
}

#[tokio::test]
async fn bad_prices_are_refused_with_what_to_do() {
    let market = Marketplace::open().await;
    let exact = "must be a plain decimal number such as 19.99";
    for (price, message) in [
        ("-1", "must be above zero"),
        ("0", "must be above zero"),
        ("0.001", "must have at most 2 decimals in usd"),
        ("1e400", exact),
        ("\"NaN\"", exact),
        ("\"1,99\"", exact),
        ("99999999999999", "must be at most $1,000,000.00"),
        ("null", "is required"),
        ("[]", "must be a number such as 19.99"),
        ("{}", "must be a number such as 19.99"),
    ] {
        let errors = refused(&market, &format!("{{\"title\":\"A\",\"price\":{price}}}")).await;
        assert_eq!(
            errors,
            [("price".to_owned(), message.to_owned())],
            "{price}"
        );
    }
    market.close().await;
}

#[tokio::test]
async fn bad_titles_are_refused_and_unusual_ones_are_not() {
    let market = Marketplace::open().await;
    let long = "x".repeat(10_240);
    for title in [
        "",
        "   ",
        "\u{200b}\u{feff}",
        &long,
        "a\0b",
        "a\nb",
        "a\u{202e}b",
        "a\u{2066}b",
    ] {
        let body = json!({"title": title, "price": 1}).to_string();
        let errors = refused(&market, &body).await;
        assert_eq!(errors.len(), 1, "{title:?}: {errors:?}");
        assert_eq!(errors[0].0, "title", "{title:?}");
    }
    for title in ["7", "null", "[]", "{}", "true", "\"\\ud800\""] {
        let errors = refused(&market, &format!("{{\"title\":{title},\"price\":1}}")).await;
        assert_eq!(errors[0].0, "title", "{title}");
    }
    for title in [
        "🎸🎤",
        "حفل موسيقي",
        "Jazz \u{200f}קונצרט",
        "x",
        &"é".repeat(200),
    ] {
        let answer = market.post(json!({"title": title, "price": 1})).await;
        assert_eq!(answer.status, 201, "{title}: {}", answer.body);
        assert_eq!(
            market.show(id_in(&answer.json())).await["title"],
            json!(title)
        );
    }
    market.close().await;
}

#[tokio::test]
async fn one_bad_field_never_hides_another() {
    let market = Marketplace::open().await;
    let names = |errors: Vec<(String, String)>| {
        let mut names: Vec<String> = errors.into_iter().map(|(field, _)| field).collect();
        names.sort();
        names
    };
    assert_eq!(names(refused(&market, "{}").await), ["price", "title"]);
    let all = json!({"title": " ", "price": -1, "currency": "gold"}).to_string();
    assert_eq!(
        names(refused(&market, &all).await),
        ["currency", "price", "title"]
    );
    let two = json!({"title": "A", "price": 1.5, "currency": "gold"}).to_string();
    assert_eq!(
        names(refused(&market, &two).await),
        ["currency"],
        "decimals of no currency"
    );
    assert!(
        market
            .get("/api/tickets")
            .await
            .json()
            .as_array()
            .unwrap()
            .is_empty()
    );
    market.close().await;
}

#[tokio::test]
async fn only_people_who_are_signed_in_list_tickets() {
    let market = Marketplace::open().await;
    for cookie in [None, Some("session=forged"), Some("session=")] {
        let body = json!({"title": "A", "price": 1});
        let answer = market
            .world
            .call("POST", "/api/tickets", cookie, Some(body))
            .await
            .unwrap();
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (401, "not_signed_in")
        );
    }
    market.close().await;
}

#[tokio::test]
async fn the_same_request_again_lists_nothing_more() {
    let market = Marketplace::open().await;
    let send = async |body: Value| {
        let request = Request::post("/api/tickets")
            .header("content-type", "application/json")
            .header("cookie", &market.cookie)
            .header("idempotency-key", "one")
            .body(Body::from(body.to_string()))
            .unwrap();
        market.world.send(request).await.unwrap()
    };
    let first = send(json!({"title": "A", "price": 1})).await;
    let again = send(json!({"title": "A", "price": 1})).await;
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (201, 201));
    assert_eq!(first.body, again.body);
    assert_eq!(first.headers["location"], again.headers["location"]);
    let other = send(json!({"title": "B", "price": 1})).await;
    assert_eq!(other.status, 422);
    assert_eq!(market.titles("/api/tickets").await.0, ["A"]);
    market.close().await;
}

#[tokio::test]
async fn an_unknown_or_malformed_id_is_not_found() {
    let market = Marketplace::open().await;
    let unknown: contracts::ids::TicketId = market.world.new_id();
    for id in ["nonsense", "0", "%00", &unknown.to_string()] {
        let answer = market.get(&format!("/api/tickets/{id}")).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (404, "not_found"),
            "{id}"
        );
    }
    let body = json!({"title": "A", "price": 1});
    assert_eq!(market.put(unknown, &market.cookie, body).await.status, 404);
    assert_eq!(market.delete(unknown, &market.cookie).await.status, 404);
    market.close().await;
}

#[tokio::test]
async fn an_audit_finds_a_row_that_was_changed_without_an_event() {
    let market = Marketplace::open().await;
    market.list("Jazz night").await;
    let (change, undo) = (
        "update tickets set price_minor = price_minor + 1",
        "update tickets set price_minor = price_minor - 1",
    );
    let found = market.world.found_after("tickets", change, undo).await;
    let found = found.unwrap();
    let told = "the row is not what version 1, the last of its log, says";
    assert!(found.len() == 1 && found[0].ends_with(told), "{found:?}");
    market.close().await;
}
