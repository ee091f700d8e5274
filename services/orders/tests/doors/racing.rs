//! Many at once.

use contracts::events::orders::{OrderFact, OrderStatus};
use contracts::events::payments::PaymentFact;
use futures::future::join_all;
use orders::Settings;

use crate::market::{Market, path};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_buyers_and_one_ticket_make_one_order() {
    let market = Market::open().await;
    let ticket = market.listed(&market.person()).await;
    let buyers: Vec<_> = (0..200).map(|_| market.person()).collect();
    let answers = join_all(buyers.iter().map(|buyer| market.ask(buyer, ticket.id))).await;
    let won = answers
        .iter()
        .filter(|answered| answered.status == 201)
        .count();
    let lost = answers
        .iter()
        .filter(|answered| answered.code() == "ticket_reserved")
        .count();
    assert_eq!((won, lost), (1, 199));
    market.world.settle().await.unwrap();
    let created = market
        .world
        .events
        .lock()
        .unwrap()
        .iter()
        .filter(|e| e.aggregate == "order")
        .count();
    assert_eq!(created, 1);
    market.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_buyer_who_wants_everything_at_once_gets_ten() {
    let market = Market::open().await;
    let (seller, buyer) = (market.person(), market.person());
    let mut tickets = Vec::new();
    for _ in 0..20 {
        tickets.push(market.listed(&seller).await);
    }
    let answers = join_all(tickets.iter().map(|ticket| market.ask(&buyer, ticket.id))).await;
    let won = answers
        .iter()
        .filter(|answered| answered.status == 201)
        .count();
    let lost = answers
        .iter()
        .filter(|answered| answered.code() == "too_many_holds")
        .count();
    assert_eq!((won, lost), (10, 10));
    market.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_ticket_goes_round_and_has_one_holder_at_a_time() {
    let market = Market::open_with(Settings {
        unpaid_holds_max: 1000,
        ..Settings::default()
    })
    .await;
    let ticket = market.listed(&market.person()).await;
    let mut epochs = Vec::new();
    for _ in 0..10 {
        let buyers: Vec<_> = (0..20).map(|_| market.person()).collect();
        let answers = join_all(buyers.iter().map(|buyer| market.ask(buyer, ticket.id))).await;
        let winners: Vec<_> = buyers
            .iter()
            .zip(&answers)
            .filter(|(_, answered)| answered.status == 201)
            .collect();
        assert_eq!(winners.len(), 1);
        let (winner, answered) = winners[0];
        let id = answered.json()["id"].as_str().unwrap().parse().unwrap();
        let order = market.heard(id, OrderStatus::Created).await;
        epochs.push(order.epoch);
        assert_eq!(market.delete(winner, &path(&order)).await.status, 204);
    }
    assert!(
        epochs.is_sorted_by(|earlier, later| earlier < later),
        "{epochs:?}"
    );
    market.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_cancellation_and_a_payment_at_once_have_one_outcome() {
    let market = Market::open().await;
    let seller = market.person();
    for _ in 0..10 {
        let buyer = market.person();
        let ticket = market.listed(&seller).await;
        let order = market.held(&buyer, &ticket).await;
        let payment = market.payment(&order);
        market.publish_payment(&payment, PaymentFact::Started).await;
        let path = path(&order);
        let (_, answered) = tokio::join!(
            market.publish_payment(&payment, PaymentFact::Authorized),
            market.delete(&buyer, &path),
        );
        let decided = |_: &_, fact: &OrderFact| {
            matches!(
                fact,
                OrderFact::Capturing { .. } | OrderFact::PaymentRejected { .. }
            )
        };
        let state = market.said(order.id, decided).await;
        match answered.status.as_u16() {
            204 => assert_eq!(state.status, OrderStatus::Cancelled),
            409 => assert_eq!(state.status, OrderStatus::Capturing),
            other => panic!("{other}: {}", answered.body),
        }
    }
    market.close().await;
}
