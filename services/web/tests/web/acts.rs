//! The forms: what they ask of the API, where they lead, and how they come back when refused.

use crate::fake::{ME, ORDER, OTHER, TICKET, order, ticket};
use crate::world::World;
use serde_json::json;

const KEY: &str = "0196a000-0000-7000-8000-00000000abcd";

#[tokio::test]
async fn buying_sends_what_was_seen_and_leads_to_the_order() {
    let world = World::signed_in();
    let path = format!("GET /api/tickets/{TICKET}");
    world
        .api
        .answer(&path, 200, &ticket(TICKET, "Swan Lake", OTHER, "listed"));
    world
        .api
        .answer("POST /api/orders", 201, &order(ORDER, "created"));
    let page = world.get(&format!("/tickets/{TICKET}")).await;
    assert!(page.has("name=\"price\" value=\"120.5\"") && page.has("name=\"version\" value=\"3\""));
    let key = page.key("/orders");
    let form = [
        ("ticket_id", TICKET),
        ("price", "120.5"),
        ("version", "3"),
        ("idempotency_key", key.as_str()),
    ];
    for _ in 0..2 {
        let answer = world.post("/orders", &form).await;
        assert_eq!(answer.location(), format!("/orders/{ORDER}"));
    }
    let seen = world.api.seen("POST /api/orders");
    let wanted = json!({"ticketId": TICKET, "price": "120.5", "version": 3});
    for request in &seen {
        assert_eq!(request.json(), wanted);
        assert_eq!(request.header("idempotency-key"), Some(key.as_str()));
        assert_eq!(request.header("content-type"), Some("application/json"));
    }
    assert_eq!(seen.len(), 2);
}

#[tokio::test]
async fn every_form_has_a_key_of_its_own() {
    let world = World::signed_in();
    world.order(&order(ORDER, "awaiting:payment"), &json!([]));
    let page = world.get(&format!("/orders/{ORDER}")).await;
    let pay = page.key(&format!("/orders/{ORDER}/payment"));
    let cancel = page.key(&format!("/orders/{ORDER}/cancellation"));
    let again = world.get(&format!("/orders/{ORDER}")).await;
    assert_ne!(pay, cancel);
    assert_ne!(pay, again.key(&format!("/orders/{ORDER}/payment")));
}

#[tokio::test]
async fn a_changed_offer_is_refused_and_explained() {
    let world = World::signed_in();
    let path = format!("GET /api/tickets/{TICKET}");
    world
        .api
        .answer(&path, 200, &ticket(TICKET, "Swan Lake", OTHER, "listed"));
    world.api.refuse(
        "POST /api/orders",
        409,
        &[("", "The price is now $120.50.")],
    );
    let form = [
        ("ticket_id", TICKET),
        ("price", "99"),
        ("version", "1"),
        ("idempotency_key", KEY),
    ];
    let page = world.post("/orders", &form).await;
    assert_eq!(page.status, 422);
    assert!(page.has("The price is now $120.50.") && page.has("name=\"price\" value=\"120.5\""));
    assert_ne!(page.key("/orders"), KEY, "another offer is another act");
}

#[tokio::test]
async fn a_refused_listing_comes_back_as_it_was_typed() {
    let world = World::signed_in();
    let wrong = [
        ("title", "must not be empty"),
        ("price", "must be a plain decimal number"),
    ];
    world.api.refuse("POST /api/tickets", 400, &wrong);
    let form = [
        ("title", " "),
        ("price", "1,99"),
        ("currency", "eur"),
        ("idempotency_key", KEY),
    ];
    let page = world.post("/tickets/new", &form).await;
    assert_eq!(page.status, 422);
    assert!(page.has("value=\"1,99\"") && page.has("<option value=\"eur\" selected>"));
    assert!(
        page.has("Title must not be empty.") && page.has("href=\"#price\""),
        "{}",
        page.body
    );
    let field = page
        .body
        .split_once("id=\"price\" name=\"price\"")
        .unwrap()
        .1;
    let field = field.split_once('>').unwrap().0;
    assert!(field.contains("aria-invalid=\"true\""), "{field}");
    assert!(
        field.contains("aria-describedby=\"price-error price-hint\""),
        "{field}"
    );
    let sent = world.api.seen("POST /api/tickets").remove(0);
    assert_eq!(
        sent.json(),
        json!({"title": " ", "price": "1,99", "currency": "eur"})
    );
}

#[tokio::test]
async fn a_listing_leads_to_its_ticket() {
    let world = World::signed_in();
    world.api.answer(
        "POST /api/tickets",
        201,
        &ticket(TICKET, "Swan Lake", ME, "listed"),
    );
    let form = [
        ("title", "Swan Lake"),
        ("price", " 120.50 "),
        ("idempotency_key", KEY),
    ];
    let page = world.post("/tickets/new", &form).await;
    assert_eq!(page.location(), format!("/tickets/{TICKET}?done=listed"));
    let sent = world.api.seen("POST /api/tickets").remove(0);
    assert_eq!(
        sent.json(),
        json!({"title": "Swan Lake", "price": "120.50"})
    );
}

#[tokio::test]
async fn an_edit_replaces_only_what_was_seen() {
    let world = World::signed_in();
    let path = format!("/api/tickets/{TICKET}");
    world.api.answer(
        &format!("GET {path}"),
        200,
        &ticket(TICKET, "Swan Lake", ME, "listed"),
    );
    let page = world.get(&format!("/tickets/{TICKET}/edit")).await;
    assert!(page.has("value=\"Swan Lake\"") && page.has("name=\"version\" value=\"3\""));
    world.api.answer(
        &format!("PUT {path}"),
        200,
        &ticket(TICKET, "Swan", ME, "listed"),
    );
    let form = [
        ("title", "Swan"),
        ("price", "9"),
        ("currency", "usd"),
        ("version", "3"),
    ];
    let page = world.post(&format!("/tickets/{TICKET}/edit"), &form).await;
    assert_eq!(page.location(), format!("/tickets/{TICKET}?done=changed"));
    assert_eq!(
        world.api.seen(&format!("PUT {path}"))[0].header("if-match"),
        Some("\"3\"")
    );
    world
        .api
        .refuse(&format!("PUT {path}"), 412, &[("", "The ticket changed.")]);
    let old = [
        ("title", "My Swan"),
        ("price", "9"),
        ("currency", "usd"),
        ("version", "2"),
    ];
    let page = world.post(&format!("/tickets/{TICKET}/edit"), &old).await;
    assert_eq!(page.status, 422);
    assert!(page.has("changed while you were editing") && page.has("value=\"My Swan\""));
    assert!(page.has("name=\"version\" value=\"3\""));
}

#[tokio::test]
async fn nobody_edits_a_strangers_listing() {
    let world = World::signed_in();
    let path = format!("GET /api/tickets/{TICKET}");
    world
        .api
        .answer(&path, 200, &ticket(TICKET, "Swan Lake", OTHER, "listed"));
    assert_eq!(
        world.get(&format!("/tickets/{TICKET}/edit")).await.status,
        403
    );
}

#[tokio::test]
async fn a_listing_is_withdrawn() {
    let world = World::signed_in();
    world
        .api
        .answer(&format!("DELETE /api/tickets/{TICKET}"), 204, &json!(null));
    let page = world
        .post(&format!("/tickets/{TICKET}/withdrawal"), &[])
        .await;
    assert_eq!(page.location(), "/tickets/mine?done=withdrawn");
}

#[tokio::test]
async fn paying_leads_back_to_the_order() {
    let world = World::signed_in();
    world.api.answer(
        "POST /api/payments",
        201,
        &crate::fake::payment(ORDER, "authorized"),
    );
    let form = [("token", "tok_visa"), ("idempotency_key", KEY)];
    let page = world.post(&format!("/orders/{ORDER}/payment"), &form).await;
    assert_eq!(page.location(), format!("/orders/{ORDER}"));
    let sent = world.api.seen("POST /api/payments").remove(0);
    assert_eq!(sent.json(), json!({"orderId": ORDER, "token": "tok_visa"}));
    assert_eq!(sent.header("idempotency-key"), Some(KEY));
}

#[tokio::test]
async fn a_declined_card_comes_back_with_the_reason_and_the_choice() {
    let world = World::signed_in();
    world.order(&order(ORDER, "awaiting:payment"), &json!([]));
    let problem = json!({
        "type": "about:blank", "title": "Declined", "status": 402, "code": "expired_card",
        "errors": [],
    });
    world.api.answer("POST /api/payments", 402, &problem);
    let token = "tok_chargeDeclinedExpiredCard";
    let form = [("token", token), ("idempotency_key", KEY)];
    let page = world.post(&format!("/orders/{ORDER}/payment"), &form).await;
    assert_eq!(page.status, 422);
    assert!(page.has("This card has expired"));
    assert!(page.has(&format!("<option value=\"{token}\" selected>")));
    assert_ne!(page.key(&format!("/orders/{ORDER}/payment")), KEY);
}

#[tokio::test]
async fn an_order_is_cancelled_or_says_why_not() {
    let world = World::signed_in();
    let path = format!("/orders/{ORDER}/cancellation");
    world
        .api
        .answer(&format!("DELETE /api/orders/{ORDER}"), 204, &json!(null));
    assert_eq!(
        world.post(&path, &[]).await.location(),
        format!("/orders/{ORDER}")
    );
    world.order(&order(ORDER, "complete"), &json!([]));
    world.api.refuse(
        &format!("DELETE /api/orders/{ORDER}"),
        409,
        &[("", "It is paid already.")],
    );
    let page = world.post(&path, &[]).await;
    assert_eq!(page.status, 422);
    assert!(page.has("It is paid already.") && page.has("Receipt"));
}

#[tokio::test]
async fn the_seller_gives_the_money_back() {
    let world = World::signed_in();
    let path = format!("/orders/{ORDER}/refund");
    world
        .api
        .answer(&format!("POST /api{path}"), 202, &order(ORDER, "complete"));
    for (relist, wanted) in [("yes", true), ("no", false)] {
        let form = [
            ("relist", relist),
            ("ticket_id", TICKET),
            ("idempotency_key", KEY),
        ];
        let page = world.post(&path, &form).await;
        assert_eq!(page.location(), format!("/tickets/{TICKET}?done=refund"));
        let sent = world.api.seen(&format!("POST /api{path}")).pop().unwrap();
        assert_eq!(sent.json(), json!({"relist": wanted}));
    }
}

#[tokio::test]
async fn what_is_only_posted_to_leads_to_its_page() {
    let world = World::signed_in();
    let cases = [
        ("/tickets".to_owned(), "/".to_owned()),
        (
            format!("/tickets/{TICKET}/withdrawal"),
            format!("/tickets/{TICKET}"),
        ),
        (
            format!("/orders/{ORDER}/payment"),
            format!("/orders/{ORDER}"),
        ),
        (
            format!("/orders/{ORDER}/cancellation"),
            format!("/orders/{ORDER}"),
        ),
        ("/auth/signout".to_owned(), "/".to_owned()),
        ("/auth/reset/confirm".to_owned(), "/auth/reset".to_owned()),
        ("/account/password".to_owned(), "/account".to_owned()),
    ];
    for (path, leads_to) in cases {
        assert_eq!(world.get(&path).await.location(), leads_to, "{path}");
    }
}
