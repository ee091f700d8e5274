//! The pages through their door: what is shown, to whom, and what is asked of the API for it.

use crate::fake::{Fake, ME, ORDER, OTHER, TICKET, me, order, payment, ticket};
use crate::world::World;
use serde_json::json;

#[tokio::test]
async fn home_shows_what_can_be_bought_and_where_to_go_on() {
    let world = World::signed_in();
    world.api.answer(
        "GET /api/tickets",
        200,
        &json!([ticket(TICKET, "Swan Lake", OTHER, "listed")]),
    );
    let link = "</api/tickets?limit=24&q=swan&cursor=a%2Bb>; rel=\"next\"";
    world.api.with_header("GET /api/tickets", "link", link);
    let page = world.get("/?q=swan").await;
    assert_eq!(page.status, 200);
    assert!(
        page.has("Swan Lake") && page.has("$120.50"),
        "{}",
        page.body
    );
    assert!(page.has(&format!("href=\"/tickets/{TICKET}\"")));
    assert!(
        page.has("href=\"/?q=swan&#38;cursor=a%2Bb\""),
        "{}",
        page.body
    );
    assert!(page.has("name=\"q\" type=\"search\" value=\"swan\""));
    assert_eq!(world.api.seen("GET /api/tickets?limit=24&q=swan").len(), 1);
}

#[tokio::test]
async fn home_shows_a_changed_list_at_once() {
    let world = World::signed_in();
    for title in ["First", "Second"] {
        world.api.answer(
            "GET /api/tickets",
            200,
            &json!([ticket(TICKET, title, OTHER, "listed")]),
        );
        assert!(world.get("/").await.has(title));
        assert!(world.get("/").await.has(title));
    }
}

#[tokio::test]
async fn empty_lists_say_what_to_do() {
    let world = World::signed_in();
    for path in ["/api/tickets", "/api/tickets/mine", "/api/orders"] {
        world.api.answer(&format!("GET {path}"), 200, &json!([]));
    }
    assert!(world.get("/").await.has("Sell it here"));
    assert!(world.get("/?q=x").await.has("see every ticket"));
    assert!(
        world
            .get("/tickets/mine")
            .await
            .has("You have listed nothing yet")
    );
    assert!(
        world
            .get("/orders")
            .await
            .has("You have ordered nothing yet")
    );
}

#[tokio::test]
async fn only_a_strangers_listed_ticket_can_be_bought() {
    let world = World::signed_in();
    let cases = [
        (OTHER, "listed", true, "Buy this ticket"),
        (OTHER, "held", false, "Somebody is paying for it"),
        (OTHER, "sold", false, "This ticket is sold"),
        (OTHER, "withdrawn", false, "This ticket is withdrawn"),
        (ME, "listed", false, "This is your listing"),
        (ME, "held", false, "Somebody is paying for your ticket"),
        (ME, "sold", false, "Refund the buyer"),
        (ME, "withdrawn", false, "This ticket is withdrawn"),
    ];
    for (seller, status, can_buy, says) in cases {
        let path = format!("GET /api/tickets/{TICKET}");
        world
            .api
            .answer(&path, 200, &ticket(TICKET, "Swan Lake", seller, status));
        let page = world.get(&format!("/tickets/{TICKET}")).await;
        assert!(page.has(says), "{status}: {}", page.body);
        assert_eq!(page.has("Buy this ticket"), can_buy, "{seller} {status}");
        assert_eq!(page.has("action=\"/orders\""), can_buy, "{seller} {status}");
        let may_edit = seller == ME && status == "listed";
        assert_eq!(
            page.has("Withdraw from sale"),
            may_edit,
            "{seller} {status}"
        );
    }
}

#[tokio::test]
async fn a_visitor_is_led_to_sign_in_and_back_to_the_ticket() {
    let world = World::signed_out();
    let path = format!("GET /api/tickets/{TICKET}");
    world
        .api
        .answer(&path, 200, &ticket(TICKET, "Swan Lake", OTHER, "listed"));
    let page = world.get(&format!("/tickets/{TICKET}")).await;
    assert!(!page.has("Buy this ticket"));
    assert!(page.has(&format!("/auth/signin?next=/tickets/{TICKET}")));
    assert!(
        world.api.seen("GET /api/users/currentuser").is_empty(),
        "nobody need be asked"
    );
}

#[tokio::test]
async fn hostile_titles_are_text() {
    let world = World::signed_in();
    let title = "</title><script>alert(1)</script>\"'><img src=x onerror=alert(1)>";
    let shown = ticket(TICKET, title, OTHER, "listed");
    world.api.answer("GET /api/tickets", 200, &json!([shown]));
    world
        .api
        .answer("GET /api/tickets/mine", 200, &json!([shown]));
    world
        .api
        .answer(&format!("GET /api/tickets/{TICKET}"), 200, &shown);
    let mut mine = order(ORDER, "complete");
    mine["ticket"]["title"] = json!(title);
    world.api.answer("GET /api/orders", 200, &json!([mine]));
    world
        .api
        .answer(&format!("GET /api/orders/{ORDER}"), 200, &mine);
    world.api.answer("GET /api/payments", 200, &json!([]));
    let (show, receipt) = (format!("/tickets/{TICKET}"), format!("/orders/{ORDER}"));
    let search = "/?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E";
    for path in ["/", &show, "/tickets/mine", "/orders", &receipt, search] {
        let page = world.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(
            !page.has("<script>") && !page.has("<img src=x"),
            "{path}: {}",
            page.body
        );
    }
}

#[tokio::test]
async fn an_order_says_where_it_stands() {
    let world = World::signed_in();
    let cases = [
        ("created", "Being confirmed", Some("1")),
        ("awaiting:payment", "14 minutes 5 seconds left", Some("846")),
        ("paying", "Your payment is being taken", Some("5")),
        ("complete", "What happens next", None),
        ("cancelled", "The time to pay ran out", None),
        ("refunded", "Your money was returned", None),
    ];
    for (status, says, looks_again) in cases {
        let mut shown = order(ORDER, status);
        if status == "created" {
            shown["createdAt"] = json!("2026-05-02T11:59:59Z");
        }
        if status == "cancelled" {
            shown["cancelReason"] = json!("expired");
        }
        world.order(&shown, &json!([]));
        let page = world.get(&format!("/orders/{ORDER}")).await;
        assert!(page.has(says), "{status}: {}", page.body);
        let refresh = looks_again.map(|seconds| format!("{seconds}; url=/orders/{ORDER}"));
        assert_eq!(page.header("refresh"), refresh.as_deref(), "{status}");
        assert_eq!(
            page.has("Pay $120.50"),
            status == "awaiting:payment",
            "{status}"
        );
        assert_eq!(
            page.has("Cancel this order"),
            status == "awaiting:payment",
            "{status}"
        );
    }
}

#[tokio::test]
async fn the_card_form_is_filled_in_and_says_that_it_is_a_sandbox() {
    let world = World::signed_in();
    world.order(&order(ORDER, "awaiting:payment"), &json!([]));
    let page = world.get(&format!("/orders/{ORDER}")).await;
    assert!(page.has("no real money moves"));
    assert!(
        page.has("<option value=\"tok_visa\" selected>"),
        "{}",
        page.body
    );
    assert!(page.has("datetime=\"2026-05-02T12:14:05Z\""));
}

#[tokio::test]
async fn an_order_whose_time_is_over_cannot_be_paid() {
    let world = World::signed_in();
    let mut shown = order(ORDER, "awaiting:payment");
    shown["expiresAt"] = json!("2026-05-02T11:59:59Z");
    world.order(&shown, &json!([]));
    let page = world.get(&format!("/orders/{ORDER}")).await;
    assert!(page.has("The time to pay is over") && !page.has("name=\"token\""));
}

#[tokio::test]
async fn a_payment_under_way_is_not_asked_for_twice() {
    let world = World::signed_in();
    let mut started = payment(ORDER, "started");
    world.order(&order(ORDER, "awaiting:payment"), &json!([started]));
    let path = format!("/orders/{ORDER}");
    let page = world.get(&path).await;
    assert!(page.has("The payment is being checked") && !page.has("name=\"token\""));
    started["actionUrl"] = json!("https://bank.example/3ds?a=1");
    world.order(&order(ORDER, "awaiting:payment"), &json!([started]));
    assert!(
        world
            .get(&path)
            .await
            .has("href=\"https://bank.example/3ds?a=1\"")
    );
    started["actionUrl"] = json!("javascript:alert(1)");
    world.order(&order(ORDER, "awaiting:payment"), &json!([started]));
    assert!(!world.get(&path).await.has("javascript:"));
}

#[tokio::test]
async fn a_declined_payment_is_explained_beside_the_form() {
    let world = World::signed_in();
    let mut failed = payment(ORDER, "failed");
    failed["failureCode"] = json!("insufficient_funds");
    world.order(&order(ORDER, "awaiting:payment"), &json!([failed]));
    let page = world.get(&format!("/orders/{ORDER}")).await;
    assert!(page.has("not enough money on this card") && page.has("name=\"token\""));
}

#[tokio::test]
async fn a_receipt_names_what_was_bought_from_whom_and_for_what() {
    let world = World::signed_in();
    let mut shown = order(ORDER, "complete");
    shown["paymentId"] = json!(crate::fake::PAYMENT);
    world.order(&shown, &json!([payment(ORDER, "captured")]));
    let page = world.get(&format!("/orders/{ORDER}")).await;
    for says in [
        "Night Train",
        "Seller 000B0B",
        "$120.50 USD",
        "2 May 2026, 11:59 UTC",
    ] {
        assert!(page.has(says), "{says}: {}", page.body);
    }
    shown["refunding"] = json!(true);
    world.order(&shown, &json!([]));
    assert!(
        world
            .get(&format!("/orders/{ORDER}"))
            .await
            .has("Your money is on its way back")
    );
}

#[tokio::test]
async fn the_order_is_shown_when_payments_does_not_answer() {
    let world = World::signed_in();
    world.order(&order(ORDER, "complete"), &json!([]));
    world.api.answer("GET /api/payments", 503, &json!({}));
    let page = world.get(&format!("/orders/{ORDER}")).await;
    assert_eq!(page.status, 200);
    assert!(page.has("Receipt"));
}

#[tokio::test]
async fn the_account_shows_where_one_is_signed_in() {
    let world = World::signed_in();
    let session = |id: &str, current| {
        json!({
            "id": id, "createdAt": "2026-04-30T18:04:00Z", "expiresAt": "2026-05-14T18:04:00Z",
            "userAgent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0", "current": current,
        })
    };
    let sessions = json!([session(crate::fake::SESSION, false), session(ME, true)]);
    world.api.answer("GET /api/users/sessions", 200, &sessions);
    let page = world.get("/account").await;
    assert!(page.has("Firefox on Linux") && page.has("This browser"));
    assert!(page.has(&format!(
        "/account/sessions/{}/revocation",
        crate::fake::SESSION
    )));
    assert!(!page.has(&format!("/account/sessions/{ME}/revocation")));
}

#[tokio::test]
async fn the_api_page_lists_endpoints_and_documents() {
    let world = World::signed_out();
    let document = json!({
        "openapi": "3.1.0", "info": {"title": "ticketing", "version": "1"},
        "paths": {"/api/orders": {"post": {
            "summary": "Reserves a ticket.",
            "requestBody": {"content": {"application/json": {
                "schema": {"$ref": "#/components/schemas/OrderRequest"}}}},
            "responses": {"201": {"description": "It is held."}},
        }}},
        "components": {"schemas": {"OrderRequest": {"properties": {
            "ticketId": {"type": "string", "format": "uuid"}}}}},
    });
    world.api.answer("GET /api/openapi.json", 200, &document);
    let page = world.get("/api-docs").await;
    for says in [
        "/api/orders",
        "Reserves a ticket.",
        "It is held.",
        "ticketId",
        "string (uuid)",
    ] {
        assert!(page.has(says), "{says}");
    }
    assert!(page.has("href=\"#schema-OrderRequest\""));
}

#[tokio::test]
async fn auth_may_be_down_and_the_catalogue_still_stands() {
    let world = World::signed_in();
    world
        .api
        .answer("GET /api/users/currentuser", 503, &json!({}));
    world.api.answer(
        "GET /api/tickets",
        200,
        &json!([ticket(TICKET, "Swan", OTHER, "listed")]),
    );
    world.api.answer(
        &format!("GET /api/tickets/{TICKET}"),
        200,
        &ticket(TICKET, "Swan", OTHER, "listed"),
    );
    assert!(world.get("/").await.has("Swan"));
    let page = world.get(&format!("/tickets/{TICKET}")).await;
    assert!(
        page.has("Buy this ticket"),
        "orders knows by itself who it serves"
    );
}

#[tokio::test]
async fn every_page_lets_one_sign_out() {
    let world = World::signed_in();
    let sign_out = "<form method=\"post\" action=\"/auth/signout\">";
    world.api.answer("GET /api/tickets", 200, &json!([]));
    world.api.answer("GET /api/users/sessions", 200, &json!([]));
    for path in ["/", "/tickets/new", "/account", "/nowhere", "/auth/reset"] {
        assert!(world.get(path).await.has(sign_out), "{path}");
    }
    let visitor = World::with(Fake::default(), false);
    assert!(!visitor.get("/auth/reset").await.has(sign_out));
    let _ = me();
}
