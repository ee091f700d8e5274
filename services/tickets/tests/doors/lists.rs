//! Lists, newest first, page by page.

use std::time::Duration;

use serde_json::json;

use crate::marketplace::{Marketplace, titles_in};

#[tokio::test]
async fn pages_follow_each_other_and_stay_in_place_under_writes() {
    let market = Marketplace::open().await;
    for number in 1..=5 {
        market.list(&format!("Ticket {number}")).await;
    }
    let (first, next) = market.titles("/api/tickets?limit=2").await;
    assert_eq!(first, ["Ticket 5", "Ticket 4"]);
    market.list("Ticket 6").await;
    let (second, next) = market.titles(&next.unwrap()).await;
    assert_eq!(second, ["Ticket 3", "Ticket 2"]);
    let (third, next) = market.titles(&next.unwrap()).await;
    assert_eq!((third, next), (vec!["Ticket 1".to_owned()], None));
    market.close().await;
}

#[tokio::test]
async fn the_first_page_is_never_older_than_ones_own_write() {
    let market = Marketplace::open().await;
    for number in 1..=20 {
        let title = format!("Ticket {number}");
        let id = market.list(&title).await;
        assert_eq!(
            market.titles("/api/tickets?limit=1").await.0,
            [title.as_str()]
        );
        assert_eq!(market.titles("/api/tickets").await.0[0], title);
        let edited = format!("Edited {number}");
        market
            .put(id, &market.cookie, json!({"title": edited, "price": 20}))
            .await;
        assert_eq!(market.titles("/api/tickets").await.0[0], edited);
        assert_eq!(market.titles("/api/tickets?limit=1").await.0, [edited]);
    }
    market.close().await;
}

#[tokio::test]
async fn a_page_that_is_read_again_is_the_same() {
    let market = Marketplace::open().await;
    for number in 1..=3 {
        market.list(&format!("Ticket {number}")).await;
    }
    let (first, again) = (
        market.get("/api/tickets?limit=2").await,
        market.get("/api/tickets?limit=2").await,
    );
    assert_eq!(first.body, again.body);
    assert_eq!(first.headers, again.headers);
    assert!(first.headers.contains_key("link"));
    market.close().await;
}

#[tokio::test]
async fn one_sees_ones_own_tickets_in_every_state() {
    let market = Marketplace::open().await;
    let listed = market.list("Listed").await;
    let (held, sold, gone) = (
        market.list("Held").await,
        market.list("Sold").await,
        market.list("Gone").await,
    );
    market.lock(held, 1).await;
    market.sell(sold, 1).await;
    market.delete(gone, &market.cookie).await;
    let mine = async |path: &str, cookie: &str| {
        market
            .world
            .call("GET", path, Some(cookie), None)
            .await
            .unwrap()
    };
    let all = mine("/api/tickets/mine", &market.cookie).await;
    let states: Vec<_> = all
        .json()
        .as_array()
        .unwrap()
        .iter()
        .map(|t| t["status"].clone())
        .collect();
    assert_eq!(
        json!(states),
        json!(["withdrawn", "sold", "held", "listed"])
    );
    assert_eq!(all.json()[3]["id"], json!(listed));

    let (first, next) = titles_in(&mine("/api/tickets/mine?limit=3", &market.cookie).await);
    assert_eq!(first, ["Gone", "Sold", "Held"]);
    let (rest, next) = titles_in(&mine(&next.unwrap(), &market.cookie).await);
    assert_eq!((rest, next), (vec!["Listed".to_owned()], None));
    assert_eq!(
        mine("/api/tickets/mine", &market.stranger()).await.json(),
        json!([])
    );
    assert_eq!(market.get("/api/tickets/mine").await.status, 401);
    market.close().await;
}

#[tokio::test]
async fn the_order_is_that_of_listing_whatever_happens_later() {
    let market = Marketplace::open().await;
    let first = market.list("First").await;
    market.world.clock.advance(Duration::from_secs(1));
    market.list("Second").await;
    let order = market.lock(first, 1).await;
    market.cancel(&order).await;
    market
        .said(first, |f| {
            matches!(f, contracts::events::tickets::TicketFact::Released { .. })
        })
        .await;
    assert_eq!(market.titles("/api/tickets").await.0, ["Second", "First"]);
    market.close().await;
}

#[tokio::test]
async fn limits_and_cursors_that_are_none_are_refused() {
    let market = Marketplace::open().await;
    for (query, code) in [
        ("limit=0", "invalid_limit"),
        ("limit=-1", "invalid_limit"),
        ("limit=ten", "invalid_limit"),
        ("limit=", "invalid_limit"),
        ("cursor=bm90aGluZw", "invalid_cursor"),
        ("cursor=%00", "invalid_cursor"),
    ] {
        let answer = market.get(&format!("/api/tickets?{query}")).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (400, code),
            "{query}"
        );
    }
    assert_eq!(market.get("/api/tickets?limit=999").await.status, 200);
    assert_eq!(market.get("/api/tickets?colour=red").await.status, 200);
    market.close().await;
}
