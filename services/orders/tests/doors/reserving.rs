//! Reserving a ticket, and each reason not to get it.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use contracts::events::orders::{CancelReason, OrderFact, OrderState, OrderStatus};
use contracts::events::tickets::{LockRefusal, TicketFact, TicketState, TicketStatus};
use contracts::ids::TicketId;
use orders::Settings;
use platform::Clock;
use serde_json::json;

use crate::market::{Market, path};

#[tokio::test]
async fn a_reservation_is_answered_and_said() {
    let market = Market::open().await;
    let (seller, buyer) = (market.person(), market.person());
    let ticket = market.listed(&seller).await;
    let answered = market.ask(&buyer, ticket.id).await;
    assert_eq!(answered.status, 201, "{}", answered.body);
    let order = answered.json();
    assert_eq!(answered.headers["etag"], "\"1\"");
    assert_eq!(
        answered.headers["location"],
        format!("/api/orders/{}", order["id"].as_str().unwrap())
    );
    assert_eq!(order["status"], "created");
    assert_eq!(order["userId"], json!(buyer.id));
    assert_eq!(order["sellerId"], json!(seller.id));
    assert_eq!(order["version"], 1);
    assert_eq!(order["refunding"], false);
    let shown = json!({
        "id": ticket.id, "title": "Front row", "price": 19.99, "currency": "usd", "version": 1,
    });
    assert_eq!(order["ticket"], shown);
    let state = market
        .heard(
            order["id"].as_str().unwrap().parse().unwrap(),
            OrderStatus::Created,
        )
        .await;
    assert_eq!(json!(state.expires_at), order["expiresAt"]);
    let hold = state.expires_at.duration_since(state.created_at);
    assert_eq!(hold.as_secs(), 15 * 60);
    assert_eq!((state.price_minor, state.offer_version), (1999, 1));
    assert!(state.epoch >= state.created_at.as_microsecond());
    assert_eq!(market.story(state.id).await, [OrderFact::Created]);
    market.close().await;
}

#[tokio::test]
async fn a_ticket_just_listed_is_waited_for() {
    let market = Market::open().await;
    let (seller, buyer) = (market.person(), market.person());
    let ticket = market.ticket(&seller);
    let listed = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        market.publish_ticket(&ticket, TicketFact::Listed).await;
    };
    let (answered, ()) = tokio::join!(market.ask(&buyer, ticket.id), listed);
    assert_eq!(answered.status, 201, "{}", answered.body);
    market.close().await;
}

#[tokio::test]
async fn a_ticket_that_does_not_come_is_unknown() {
    let market = Market::open().await;
    let buyer = market.person();
    let fresh: TicketId = market.world.new_id();
    let began = market.world.clock.elapsed();
    let answered = market.meanwhile(market.ask(&buyer, fresh), 2).await;
    assert_eq!(answered.status, 404);
    assert!(market.world.clock.elapsed() - began >= Duration::from_secs(2));
    let old: TicketId = market.world.new_id();
    market.advance(5);
    let began = market.world.clock.elapsed();
    assert_eq!(market.ask(&buyer, old).await.status, 404);
    assert!(market.world.clock.elapsed() - began < Duration::from_secs(1));
    let random = json!({ "ticketId": "0b3c8f9e-3f4d-4c1e-9a55-6f0d4f6f1c11" });
    assert_eq!(market.post(&buyer, "/api/orders", random).await.status, 404);
    market.close().await;
}

#[tokio::test]
async fn a_newer_version_is_waited_for_and_an_older_offer_refused() {
    let market = Market::open().await;
    let (seller, buyer) = (market.person(), market.person());
    let ticket = market.listed(&seller).await;
    let seen = |version: i64| json!({ "ticketId": ticket.id, "version": version });
    let updated = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let ticket = TicketState {
            offer_version: 2,
            price_minor: 2500,
            ..ticket.clone()
        };
        market.publish_ticket(&ticket, TicketFact::Updated).await;
    };
    let (answered, ()) = tokio::join!(market.post(&buyer, "/api/orders", seen(2)), updated);
    assert_eq!(answered.status, 201, "{}", answered.body);
    assert_eq!(answered.json()["ticket"]["price"], 25);
    let answered = market.post(&market.person(), "/api/orders", seen(1)).await;
    assert_eq!(
        (answered.status.as_u16(), answered.code().as_str()),
        (409, "offer_changed")
    );
    let never = market.post(&buyer, "/api/orders", seen(99));
    let answered = market.meanwhile(never, 2).await;
    assert_eq!(
        (answered.status.as_u16(), answered.code().as_str()),
        (409, "not_ready")
    );
    assert_eq!(answered.headers["retry-after"], "1");
    market.close().await;
}

#[tokio::test]
async fn each_reason_has_its_code() {
    let market = Market::open().await;
    let (seller, buyer) = (market.person(), market.person());
    let refused = async |ticket: &TicketState, code: &str| {
        let answered = market.ask(&buyer, ticket.id).await;
        assert_eq!(
            (answered.status.as_u16(), answered.code().as_str()),
            (409, code)
        );
    };
    let own = market.listed(&buyer).await;
    refused(&own, "own_ticket").await;
    let sold = TicketStatus::Sold {
        order_id: market.world.new_id(),
    };
    let sold = TicketState {
        status: sold,
        ..market.ticket(&seller)
    };
    market.publish_ticket(&sold, TicketFact::Listed).await;
    refused(&sold, "ticket_sold").await;
    let withdrawn = TicketState {
        status: TicketStatus::Withdrawn,
        ..market.ticket(&seller)
    };
    market
        .publish_ticket(&withdrawn, TicketFact::Withdrawn)
        .await;
    refused(&withdrawn, "ticket_withdrawn").await;
    let reserved = market.listed(&seller).await;
    market.reserve(&market.person(), reserved.id).await;
    refused(&reserved, "ticket_reserved").await;
    let open = market.listed(&seller).await;
    let body = json!({ "ticketId": open.id, "price": 20 });
    let answered = market.post(&buyer, "/api/orders", body).await;
    assert_eq!(
        (answered.status.as_u16(), answered.code().as_str()),
        (409, "price_changed")
    );
    let locked = TicketStatus::Locked {
        order_id: market.world.new_id(),
    };
    let locked = TicketState {
        status: locked,
        ..market.ticket(&seller)
    };
    market.publish_ticket(&locked, TicketFact::Listed).await;
    let body = json!({ "ticketId": locked.id, "price": "19.99", "version": 1 });
    let answered = market.post(&buyer, "/api/orders", body).await;
    assert_eq!(
        answered.status, 201,
        "a lock in the copy refuses nothing: {}",
        answered.body
    );
    market.close().await;
}

#[tokio::test]
async fn who_holds_too_many_pays_or_gives_one_back_first() {
    let market = Market::open_with(Settings {
        unpaid_holds_max: 2,
        ..Settings::default()
    })
    .await;
    let (seller, buyer) = (market.person(), market.person());
    let [first, second, third] = [
        market.listed(&seller).await,
        market.listed(&seller).await,
        market.listed(&seller).await,
    ];
    let order = market.reserve(&buyer, first.id).await;
    market.reserve(&buyer, second.id).await;
    let answered = market.ask(&buyer, third.id).await;
    assert_eq!(
        (answered.status.as_u16(), answered.code().as_str()),
        (409, "too_many_holds")
    );
    assert_eq!(market.delete(&buyer, &path(&order)).await.status, 204);
    market.reserve(&buyer, third.id).await;
    market.close().await;
}

#[tokio::test]
async fn every_bad_field_is_named() {
    let market = Market::open().await;
    let buyer = market.person();
    let ticket = market.listed(&market.person()).await;
    let fields = async |body: serde_json::Value| -> Vec<String> {
        let answered = market.post(&buyer, "/api/orders", body).await;
        assert_eq!(answered.status, 400, "{}", answered.body);
        assert_eq!(answered.headers["content-type"], "application/problem+json");
        let errors = answered.json()["errors"].as_array().unwrap().clone();
        errors
            .iter()
            .map(|error| error["field"].as_str().unwrap().to_owned())
            .collect()
    };
    let bad = json!({ "ticketId": "nonsense", "price": "1,99", "version": 1.5 });
    assert_eq!(fields(bad).await, ["ticketId", "price", "version"]);
    assert_eq!(fields(json!({})).await, ["ticketId"]);
    assert_eq!(fields(json!({ "ticketId": 7 })).await, ["ticketId"]);
    assert_eq!(
        fields(json!({ "ticketId": ticket.id, "price": 0.001 })).await,
        ["price"]
    );
    let nobody = market
        .world
        .call("POST", "/api/orders", None, Some(json!({})))
        .await
        .unwrap();
    assert_eq!(nobody.status, 401);
    market.close().await;
}

#[tokio::test]
async fn a_repeat_gets_the_first_answer() {
    let market = Market::open().await;
    let (buyer, late) = (market.person(), market.person());
    let ticket = market.listed(&market.person()).await;
    let send = async |cookie: &str, body: &str| {
        let request = Request::post("/api/orders")
            .header("cookie", cookie)
            .header("content-type", "application/json")
            .header("idempotency-key", "\"once\"");
        market
            .world
            .send(request.body(Body::from(body.to_owned())).unwrap())
            .await
            .unwrap()
    };
    let body = json!({ "ticketId": ticket.id }).to_string();
    let first = send(&buyer.cookie, &body).await;
    assert_eq!(first.status, 201, "{}", first.body);
    let again = send(&buyer.cookie, &body).await;
    assert_eq!((again.status.as_u16(), &again.body), (201, &first.body));
    assert_eq!(again.headers["location"], first.headers["location"]);
    let lost = send(&late.cookie, &body).await;
    assert_eq!(lost.code(), "ticket_reserved");
    let order = format!("/api/orders/{}", first.json()["id"].as_str().unwrap());
    assert_eq!(market.delete(&buyer, &order).await.status, 204);
    assert_eq!(send(&late.cookie, &body).await.code(), "ticket_reserved");
    assert_eq!(send(&buyer.cookie, &body).await.status, 201);
    assert_eq!(send(&buyer.cookie, "{}").await.status, 422);
    assert_eq!(
        market
            .get(&buyer, "/api/orders")
            .await
            .json()
            .as_array()
            .unwrap()
            .len(),
        1
    );
    market.close().await;
}

#[tokio::test]
async fn tickets_has_the_last_word_on_the_offer() {
    let reasons = [
        (LockRefusal::Sold, CancelReason::TicketSold, "ticket_sold"),
        (
            LockRefusal::Withdrawn,
            CancelReason::TicketWithdrawn,
            "ticket_withdrawn",
        ),
        (
            LockRefusal::OfferChanged,
            CancelReason::OfferChanged,
            "offer_changed",
        ),
    ];
    let market = Market::open().await;
    let buyer = market.person();
    for (refusal, reason, shown) in reasons {
        let ticket = market.listed(&market.person()).await;
        let order = market.reserve(&buyer, ticket.id).await;
        market.refuse_lock(&ticket, &order, refusal).await;
        let state = market.heard(order.id, OrderStatus::Cancelled).await;
        assert_eq!(state.cancel_reason, Some(reason));
        let answered = market.get(&buyer, &path(&order)).await;
        assert_eq!(answered.json()["status"], "cancelled");
        assert_eq!(answered.json()["cancelReason"], shown);
        assert_eq!(
            market.story(order.id).await,
            [OrderFact::Created, OrderFact::Cancelled { reason }]
        );
    }
    market.close().await;
}

#[tokio::test]
async fn a_lock_of_another_epoch_means_nothing() {
    let market = Market::open().await;
    let buyer = market.person();
    let ticket = market.listed(&market.person()).await;
    let order = market.reserve(&buyer, ticket.id).await;
    let stale = OrderState {
        epoch: order.epoch - 1,
        ..order.clone()
    };
    market.lock(&ticket, &stale).await;
    let unknown = OrderState {
        id: market.world.new_id(),
        ..order.clone()
    };
    market.lock(&ticket, &unknown).await;
    market.lock(&ticket, &order).await;
    market.heard(order.id, OrderStatus::AwaitingPayment).await;
    assert_eq!(
        market.story(order.id).await,
        [OrderFact::Created, OrderFact::AwaitingPayment]
    );
    market.close().await;
}

#[tokio::test]
async fn an_audit_finds_a_row_that_was_changed_without_an_event() {
    let market = Market::open().await;
    let (seller, buyer) = (market.person(), market.person());
    let ticket = market.listed(&seller).await;
    market.reserve(&buyer, ticket.id).await;
    let (change, undo) = (
        "update orders set expires_at = expires_at + 1",
        "update orders set expires_at = expires_at - 1",
    );
    let found = market.world.found_after("orders", change, undo).await;
    let found = found.unwrap();
    let told = "the row is not what version 1, the last of its log, says";
    assert!(found.len() == 1 && found[0].ends_with(told), "{found:?}");
    market.close().await;
}
