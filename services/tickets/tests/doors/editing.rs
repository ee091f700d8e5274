//! Changing a ticket and taking it back.

use axum::body::Body;
use axum::http::Request;
use contracts::events::tickets::TicketFact;
use contracts::ids::TicketId;
use serde_json::{Value, json};
use testing::Answered;

use crate::marketplace::{Marketplace, errors_in};

async fn conditional(
    market: &Marketplace,
    method: &str,
    id: TicketId,
    if_match: &str,
    body: Option<Value>,
) -> Answered {
    let mut request = Request::builder()
        .method(method)
        .uri(format!("/api/tickets/{id}"))
        .header("cookie", &market.cookie)
        .header("if-match", if_match);
    if body.is_some() {
        request = request.header("content-type", "application/json");
    }
    let body = body.map_or(Body::empty(), |json| Body::from(json.to_string()));
    market
        .world
        .send(request.body(body).unwrap())
        .await
        .unwrap()
}

#[tokio::test]
async fn an_edit_is_a_new_version_and_a_new_offer() {
    let market = Marketplace::open().await;
    let id = market.list("Jazz night").await;
    let answer = market
        .put(
            id,
            &market.cookie,
            json!({"title": "Jazz, row 2", "price": "25.50"}),
        )
        .await;
    assert_eq!(
        (
            answer.status.as_u16(),
            answer.headers["etag"].to_str().unwrap()
        ),
        (200, "\"2\"")
    );
    let ticket = answer.json();
    assert_eq!(
        (&ticket["title"], &ticket["price"]),
        (&json!("Jazz, row 2"), &json!(25.5))
    );
    assert_eq!(
        (&ticket["version"], &ticket["offerVersion"]),
        (&json!(2), &json!(2))
    );
    assert_eq!(market.show(id).await, ticket);
    let state = market.said(id, |fact| *fact == TicketFact::Updated).await;
    assert_eq!((state.price_minor, state.offer_version), (2_550, 2));
    market.close().await;
}

#[tokio::test]
async fn the_same_offer_again_changes_nothing() {
    let market = Marketplace::open().await;
    let id = market.list("Jazz night").await;
    let answer = market
        .put(
            id,
            &market.cookie,
            json!({"title": "Jazz night", "price": 20.00}),
        )
        .await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["version"]),
        (200, &json!(1))
    );
    assert_eq!(market.history(id).await, ["listed"]);
    market.close().await;
}

#[tokio::test]
async fn the_currency_stays_unless_it_is_named() {
    let market = Marketplace::open().await;
    let answer = market
        .post(json!({"title": "A", "price": 500, "currency": "jpy"}))
        .await;
    let id = crate::marketplace::id_in(&answer.json());
    let edited = market
        .put(id, &market.cookie, json!({"title": "A", "price": 600}))
        .await;
    assert_eq!(
        (&edited.json()["price"], &edited.json()["currency"]),
        (&json!(600), &json!("jpy"))
    );
    let refused = market
        .put(id, &market.cookie, json!({"title": "", "price": 6.5}))
        .await;
    let errors = errors_in(&refused);
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert_eq!(errors[1].1, "must have at most 0 decimals in jpy");
    let named = json!({"title": "A", "price": 6.5, "currency": "usd"});
    let edited = market.put(id, &market.cookie, named).await;
    assert_eq!(
        (&edited.json()["price"], &edited.json()["currency"]),
        (&json!(6.5), &json!("usd"))
    );
    let missing = market.put(id, &market.cookie, json!({"title": "A"})).await;
    assert_eq!(
        errors_in(&missing),
        [("price".to_owned(), "is required".to_owned())]
    );
    market.close().await;
}

#[tokio::test]
async fn only_the_seller_edits_and_withdraws() {
    let market = Marketplace::open().await;
    let id = market.list("Jazz night").await;
    let stranger = market.stranger();
    let body = json!({"title": "Mine now", "price": 1});
    for answer in [
        market.put(id, &stranger, body.clone()).await,
        market.delete(id, &stranger).await,
    ] {
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (403, "not_your_ticket")
        );
    }
    let path = format!("/api/tickets/{id}");
    assert_eq!(
        market
            .world
            .call("PUT", &path, None, Some(body))
            .await
            .unwrap()
            .status,
        401
    );
    assert_eq!(
        market
            .world
            .call("DELETE", &path, None, None)
            .await
            .unwrap()
            .status,
        401
    );
    assert_eq!(market.show(id).await["title"], "Jazz night");
    market.close().await;
}

#[tokio::test]
async fn a_withdrawn_ticket_stays_withdrawn() {
    let market = Marketplace::open().await;
    let id = market.list("Jazz night").await;
    for _ in 0..2 {
        let answer = market.delete(id, &market.cookie).await;
        assert_eq!((answer.status.as_u16(), answer.body.as_str()), (204, ""));
    }
    assert_eq!(market.show(id).await["status"], "withdrawn");
    assert!(market.titles("/api/tickets").await.0.is_empty());
    assert!(market.titles("/api/tickets?q=jazz").await.0.is_empty());
    let edited = market
        .put(id, &market.cookie, json!({"title": "A", "price": 1}))
        .await;
    assert_eq!(
        (edited.status.as_u16(), edited.code().as_str()),
        (409, "ticket_withdrawn")
    );
    assert_eq!(market.history(id).await, ["listed", "withdrawn"]);
    market.close().await;
}

#[tokio::test]
async fn if_match_guards_against_changes_that_were_not_seen() {
    let market = Marketplace::open().await;
    let id = market.list("Jazz night").await;
    let body = |title: &str| Some(json!({"title": title, "price": 1}));
    assert_eq!(
        conditional(&market, "PUT", id, "\"1\"", body("B"))
            .await
            .status,
        200
    );
    let stale = conditional(&market, "PUT", id, "\"1\"", body("C")).await;
    assert_eq!(
        (stale.status.as_u16(), stale.code().as_str()),
        (412, "version_mismatch")
    );
    assert_eq!(
        conditional(&market, "DELETE", id, "\"1\"", None)
            .await
            .status,
        412
    );
    assert_eq!(market.show(id).await["title"], "B");
    assert_eq!(
        conditional(&market, "DELETE", id, "\"2\"", None)
            .await
            .status,
        204
    );
    assert_eq!(
        conditional(&market, "DELETE", id, "\"2\"", None)
            .await
            .status,
        204,
        "again"
    );
    market.close().await;
}

#[tokio::test]
async fn what_is_held_or_sold_stays_as_it_is() {
    let market = Marketplace::open().await;
    let (held, sold) = (market.list("Held").await, market.list("Sold").await);
    market.lock(held, 1).await;
    market.sell(sold, 1).await;
    for (id, code) in [(held, "ticket_reserved"), (sold, "ticket_sold")] {
        let edited = market
            .put(id, &market.cookie, json!({"title": "A", "price": 1}))
            .await;
        assert_eq!(
            (edited.status.as_u16(), edited.code().as_str()),
            (409, code)
        );
        let withdrawn = market.delete(id, &market.cookie).await;
        assert_eq!(
            (withdrawn.status.as_u16(), withdrawn.code().as_str()),
            (409, code)
        );
        let stale = conditional(&market, "DELETE", id, "\"1\"", None).await;
        assert_eq!(
            stale.status, 409,
            "a precondition never hides why it can't be done"
        );
    }
    market.close().await;
}

#[tokio::test]
async fn edits_and_reservations_at_once_leave_one_order_of_events() {
    let market = Marketplace::open().await;
    let id = market.list("Jazz night").await;
    let order = market.order_on(id, 1).await;
    let body = json!({"title": "Jazz night", "price": 30});
    let (edited, ()) = tokio::join!(
        market.put(id, &market.cookie, body),
        market.publish(contracts::events::orders::OrderFact::Created, &order)
    );
    let decided = |fact: &TicketFact| {
        matches!(
            fact,
            TicketFact::Locked { .. } | TicketFact::LockRefused { .. }
        )
    };
    let state = market.said(id, decided).await;
    let history = market.history(id).await;
    if edited.status == 200 {
        assert_eq!(history, ["listed", "updated", "lock_refused"]);
        assert_eq!(state.price_minor, 3_000);
    } else {
        assert_eq!(edited.code(), "ticket_reserved");
        assert_eq!(history, ["listed", "locked"]);
        assert_eq!(state.price_minor, 2_000);
    }
    market.close().await;
}
