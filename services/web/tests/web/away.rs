//! While a part of the site is away the others go on, and a page says what is not there.

use serde_json::{Value, json};

use crate::fake::{Fake, ORDER, OTHER, TICKET, order, payment, ticket};
use crate::world::{Page, World};

/// What a gateway says of a service that it can't reach, that broke off, or that is too slow.
const AWAY: [u16; 3] = [502, 503, 504];

fn problem(status: u16) -> Value {
    json!({"type": "about:blank", "title": "x", "status": status, "code": "x", "errors": []})
}

/// Everything is there but what begins with this path of the API.
fn without(part: &str, status: u16) -> World {
    let api = Fake::default();
    let world = World::with(api, true);
    let listed = ticket(TICKET, "Night Train", OTHER, "listed");
    let (order_path, ticket_path) = (
        format!("/api/orders/{ORDER}"),
        format!("/api/tickets/{TICKET}"),
    );
    let mine = order(ORDER, "awaiting:payment");
    for (path, body) in [
        ("/api/tickets", json!([listed])),
        ("/api/tickets/mine", json!([])),
        (&ticket_path, listed),
        ("/api/orders", json!([mine])),
        (&order_path, mine),
        ("/api/payments", json!([])),
        ("/api/users/currentuser", crate::fake::me()),
        ("/api/users/sessions", json!([])),
    ] {
        let answer = if path.starts_with(part) {
            (status, problem(status))
        } else {
            (200, body)
        };
        world
            .api
            .answer(&format!("GET {path}"), answer.0, &answer.1);
    }
    for path in [
        "/api/orders",
        "/api/payments",
        "/api/tickets",
        "/api/users/signin",
    ] {
        let status = if path.starts_with(part) { status } else { 409 };
        world
            .api
            .answer(&format!("POST {path}"), status, &problem(status));
    }
    world
}

async fn works(world: &World, paths: &[&str]) {
    for path in paths {
        let page = world.get(path).await;
        assert_eq!(page.status, 200, "{path}: {}", page.body);
        assert!(!page.has("not answering"), "{path}");
    }
}

fn says(page: &Page, what: &str) {
    assert_eq!(page.status, 503, "{}", page.body);
    assert!(
        page.has(what) && page.has("To the home page"),
        "{}",
        page.body
    );
    assert_eq!(page.header("retry-after"), Some("5"));
}

#[tokio::test]
async fn without_orders_one_can_look_and_list() {
    let ticket_page = format!("/tickets/{TICKET}");
    for status in AWAY {
        let world = without("/api/orders", status);
        works(
            &world,
            &[
                "/",
                "/tickets/new",
                "/tickets/mine",
                "/account",
                &ticket_page,
            ],
        )
        .await;
        says(&world.get("/orders").await, "Orders are not answering");
        let bought = world.post("/orders", &[("ticket_id", TICKET)]).await;
        says(&bought, "Orders are not answering");
        assert!(bought.has("never buys or pays twice") && !bought.has("Try again</a>"));
    }
}

#[tokio::test]
async fn without_payments_an_order_is_shown_and_nothing_is_asked_for() {
    for status in AWAY {
        let world = without("/api/payments", status);
        works(&world, &["/", "/orders", "/account"]).await;
        let page = world.get(&format!("/orders/{ORDER}")).await;
        assert_eq!(page.status, 200);
        assert!(page.has("Payments are not answering") && page.has("Cancel this order"));
        assert!(
            !page.has("/payment\""),
            "no card form: a payment may be under way"
        );
        assert!(
            page.header("refresh")
                .is_some_and(|again| again.starts_with("5;"))
        );
        let paid = world
            .post(
                &format!("/orders/{ORDER}/payment"),
                &[("token", "tok_visa")],
            )
            .await;
        says(&paid, "Payments are not answering");
    }
}

#[tokio::test]
async fn payments_that_are_back_show_what_is_under_way() {
    let world = without("/api/payments", 503);
    let path = format!("/orders/{ORDER}");
    assert!(world.get(&path).await.has("Payments are not answering"));
    world.api.answer(
        "GET /api/payments",
        200,
        &json!([payment(ORDER, "started")]),
    );
    assert!(world.get(&path).await.has("The payment is being checked"));
}

#[tokio::test]
async fn without_listings_orders_and_the_account_are_there() {
    for status in AWAY {
        let world = without("/api/tickets", status);
        let order_page = format!("/orders/{ORDER}");
        works(
            &world,
            &["/orders", "/account", "/tickets/new", &order_page],
        )
        .await;
        says(&world.get("/").await, "Listings are not answering");
        says(
            &world.get("/tickets/mine").await,
            "Listings are not answering",
        );
    }
}

#[tokio::test]
async fn without_accounts_one_can_look_and_see_ones_orders() {
    for status in AWAY {
        let world = without("/api/users", status);
        let (ticket_page, order_page) = (format!("/tickets/{TICKET}"), format!("/orders/{ORDER}"));
        works(
            &world,
            &[
                "/",
                "/orders",
                "/auth/signin",
                "/auth/signup",
                &ticket_page,
                &order_page,
            ],
        )
        .await;
        says(&world.get("/account").await, "Accounts are not answering");
        let form = [("email", "a@example.com"), ("password", "long enough")];
        says(
            &world.post("/auth/signin", &form).await,
            "Accounts are not answering",
        );
    }
}
