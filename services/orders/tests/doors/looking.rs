//! Looking at orders.

use contracts::ids::OrderId;
use orders::Settings;

use crate::market::{Market, path};

#[tokio::test]
async fn an_order_is_shown_to_its_buyer_alone() {
    let market = Market::open().await;
    let (seller, buyer) = (market.person(), market.person());
    let order = market.held(&buyer, &market.listed(&seller).await).await;
    let shown = market.get(&buyer, &path(&order)).await;
    assert_eq!(
        (shown.status.as_u16(), shown.headers["etag"].as_bytes()),
        (200, &b"\"2\""[..])
    );
    assert_eq!(shown.json()["status"], "awaiting:payment");
    assert!(shown.json()["paymentId"].is_null());
    for person in [&seller, &market.person()] {
        let refused = market.get(person, &path(&order)).await;
        assert_eq!(refused.status, 403);
    }
    let nobody = market
        .world
        .call("GET", &path(&order), None, None)
        .await
        .unwrap();
    assert_eq!(nobody.status, 401);
    assert_eq!(market.get(&buyer, "/api/orders/nonsense").await.status, 404);
    let fresh: OrderId = market.world.new_id();
    let asked = format!("/api/orders/{fresh}");
    assert_eq!(
        market.meanwhile(market.get(&buyer, &asked), 2).await.status,
        404
    );
    market.close().await;
}

#[tokio::test]
async fn the_list_is_ones_own_newest_first_and_stable_under_writes() {
    let market = Market::open_with(Settings {
        unpaid_holds_max: 100,
        ..Settings::default()
    })
    .await;
    let (seller, buyer) = (market.person(), market.person());
    let mut placed = Vec::new();
    for _ in 0..5 {
        placed.push(
            market
                .reserve(&buyer, market.listed(&seller).await.id)
                .await
                .id
                .to_string(),
        );
    }
    market
        .reserve(&market.person(), market.listed(&seller).await.id)
        .await;
    placed.reverse();
    let mut shown = Vec::new();
    let mut next = Some("/api/orders?limit=2".to_owned());
    while let Some(page) = next {
        let answered = market.get(&buyer, &page).await;
        assert_eq!(answered.status, 200, "{}", answered.body);
        let ids = answered.json().as_array().unwrap().clone();
        shown.extend(
            ids.iter()
                .map(|order| order["id"].as_str().unwrap().to_owned()),
        );
        // A new order is newer than every page still to come.
        market
            .reserve(&buyer, market.listed(&seller).await.id)
            .await;
        next = answered.headers.get("link").map(|link| {
            let link = link.to_str().unwrap();
            assert!(link.ends_with(">; rel=\"next\""), "{link}");
            link[1..link.find('>').unwrap()].to_owned()
        });
    }
    assert_eq!(shown, placed);
    let all = market.get(&buyer, "/api/orders").await;
    assert_eq!(all.json().as_array().unwrap().len(), 8);
    assert!(all.headers.get("link").is_none());
    for bad in ["cursor=***", "cursor=bm9uc2Vuc2U", "limit=0"] {
        assert_eq!(
            market
                .get(&buyer, &format!("/api/orders?{bad}"))
                .await
                .status,
            400,
            "{bad}"
        );
    }
    market.close().await;
}
