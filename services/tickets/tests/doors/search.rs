//! Searching what is on sale.

use serde_json::json;

use crate::marketplace::Marketplace;

#[tokio::test]
async fn every_word_must_occur_whatever_its_case() {
    let market = Marketplace::open().await;
    for title in [
        "Taylor Swift – Eras Tour",
        "Jazz tour, row 2",
        "ÉCOLE du rire",
        "U2 live",
        "東京ドーム",
    ] {
        market.list(title).await;
    }
    for (words, expected) in [
        ("tour", vec!["Jazz tour, row 2", "Taylor Swift – Eras Tour"]),
        ("TOUR+swift", vec!["Taylor Swift – Eras Tour"]),
        ("tay", vec!["Taylor Swift – Eras Tour"]),
        ("tour+opera", vec![]),
        ("%C3%A9cole", vec!["ÉCOLE du rire"]),
        ("u2", vec!["U2 live"]),
        ("u", vec![]),
        ("%E4%BA%AC", vec!["東京ドーム"]),
        ("row-2", vec!["Jazz tour, row 2"]),
        ("%25", vec![]),
        ("a%00b", vec![]),
    ] {
        let (titles, next) = market.titles(&format!("/api/tickets?q={words}")).await;
        assert_eq!(
            (titles, next),
            (expected.iter().map(|t| (*t).to_owned()).collect(), None),
            "{words}"
        );
    }
    let everything = market.titles("/api/tickets").await.0;
    assert_eq!(market.titles("/api/tickets?q=").await.0, everything);
    assert_eq!(market.titles("/api/tickets?q=+%20").await.0, everything);
    let long = market
        .get(&format!("/api/tickets?q={}", "x".repeat(201)))
        .await;
    assert_eq!(
        (long.status.as_u16(), long.code().as_str()),
        (400, "search_too_long")
    );
    market.close().await;
}

#[tokio::test]
async fn a_search_comes_in_pages_of_both_kinds() {
    let market = Marketplace::open().await;
    // More different words than are merged one by one: then the tickets themselves are read.
    for number in 0..40 {
        market.list(&format!("Concert{number} hall common")).await;
        market.list(&format!("Play{} hall", number % 3)).await;
    }
    for (search, count) in [
        ("concert", 40),
        ("hall", 80),
        ("play", 40),
        ("concert+common", 40),
        ("concert7", 1),
    ] {
        let mut path = Some(format!("/api/tickets?q={search}&limit=7"));
        let mut found = Vec::new();
        while let Some(page) = path {
            let (titles, next) = market.titles(&page).await;
            assert!(!titles.is_empty() && titles.len() <= 7);
            found.extend(titles);
            path = next;
        }
        assert_eq!(found.len(), count, "{search}: {found:?}");
        let all = market.titles("/api/tickets?limit=200").await.0;
        if search.starts_with("concert") {
            let expected: Vec<_> = all
                .into_iter()
                .filter(|title| found.contains(title))
                .collect();
            assert_eq!(found, expected, "newest first");
        }
    }
    market.close().await;
}

#[tokio::test]
async fn an_edited_title_is_found_by_its_new_words_alone() {
    let market = Marketplace::open().await;
    let id = market.list("Jazz night").await;
    market
        .put(
            id,
            &market.cookie,
            json!({"title": "Opera night", "price": 20}),
        )
        .await;
    assert!(market.titles("/api/tickets?q=jazz").await.0.is_empty());
    assert_eq!(
        market.titles("/api/tickets?q=opera").await.0,
        ["Opera night"]
    );
    assert_eq!(
        market.titles("/api/tickets?q=night").await.0,
        ["Opera night"]
    );
    let order = market.lock(id, 1).await;
    assert!(
        market.titles("/api/tickets?q=opera").await.0.is_empty(),
        "it is held"
    );
    market.cancel(&order).await;
    market
        .said(id, |f| {
            matches!(f, contracts::events::tickets::TicketFact::Released { .. })
        })
        .await;
    assert_eq!(
        market.titles("/api/tickets?q=opera").await.0,
        ["Opera night"]
    );
    market.close().await;
}
