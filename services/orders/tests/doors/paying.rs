//! Payment against expiry.

use contracts::events::orders::{CancelReason, OrderFact, OrderState, OrderStatus};
use contracts::events::payments::{PaymentFact, PaymentState};

use crate::market::{Market, path};

fn declined() -> PaymentFact {
    PaymentFact::Failed {
        code: "card_declined".to_owned(),
    }
}

#[tokio::test]
async fn an_order_is_paid() {
    let market = Market::open().await;
    let buyer = market.person();
    let ticket = market.listed(&market.person()).await;
    let (order, payment) = market.paid(&buyer, &ticket).await;
    let payment_id = payment.id;
    let story = [
        OrderFact::Created,
        OrderFact::AwaitingPayment,
        OrderFact::Extended,
        OrderFact::Capturing { payment_id },
        OrderFact::Completed { payment_id },
    ];
    assert_eq!(market.story(order.id).await, story);
    let shown = market.get(&buyer, &path(&order)).await;
    assert_eq!(shown.headers["etag"], "\"5\"");
    assert_eq!(shown.json()["status"], "complete");
    assert_eq!(shown.json()["paymentId"], payment_id.to_string());
    let late = market.ask(&market.person(), ticket.id).await;
    assert_eq!(
        late.code(),
        "ticket_reserved",
        "a complete order holds its ticket"
    );
    market.close().await;
}

#[tokio::test]
async fn a_provider_that_takes_the_money_at_once_completes_the_order() {
    let market = Market::open().await;
    let ticket = market.listed(&market.person()).await;
    let order = market.held(&market.person(), &ticket).await;
    let payment = market.payment(&order);
    market.publish_payment(&payment, PaymentFact::Started).await;
    market
        .publish_payment(&payment, PaymentFact::Captured)
        .await;
    let state = market.heard(order.id, OrderStatus::Complete).await;
    assert_eq!(state.payment_id, Some(payment.id));
    market.close().await;
}

#[tokio::test]
async fn an_unpaid_order_ends_by_its_own_clock() {
    let market = Market::open().await;
    let (buyer, next) = (market.person(), market.person());
    let ticket = market.listed(&market.person()).await;
    let order = market.held(&buyer, &ticket).await;
    market.ring(&order).await;
    market.advance(15 * 60 - 30);
    market.ring(&order).await;
    assert_eq!(
        market.story(order.id).await.len(),
        2,
        "early and earlier change nothing"
    );
    assert_eq!(market.ask(&next, ticket.id).await.code(), "ticket_reserved");
    market.advance(30);
    market.ring(&order).await;
    market.ring(&order).await;
    let state = market.heard(order.id, OrderStatus::Cancelled).await;
    assert_eq!(state.cancel_reason, Some(CancelReason::Expired));
    let reason = CancelReason::Expired;
    let story = [
        OrderFact::Created,
        OrderFact::AwaitingPayment,
        OrderFact::Cancelled { reason },
    ];
    assert_eq!(market.story(order.id).await, story);
    let second = market.reserve(&next, ticket.id).await;
    assert!(second.epoch > order.epoch);
    market.close().await;
}

#[tokio::test]
async fn the_first_payment_wins_time_and_its_failure_takes_it_back() {
    let market = Market::open().await;
    let ticket = market.listed(&market.person()).await;
    let order = market.held(&market.person(), &ticket).await;
    market.advance(12 * 60);
    let first = market.payment(&order);
    market.publish_payment(&first, PaymentFact::Started).await;
    let extended = |state: &OrderState, fact: &OrderFact| {
        *fact == OrderFact::Extended && state.expires_at > order.expires_at
    };
    let state = market.said(order.id, extended).await;
    assert_eq!(state.payment_id, Some(first.id));
    market.publish_payment(&first, declined()).await;
    let shortened = |state: &OrderState, fact: &OrderFact| {
        *fact == OrderFact::Extended && state.expires_at == order.expires_at
    };
    assert_eq!(market.said(order.id, shortened).await.payment_id, None);
    let second = market.payment(&order);
    market.publish_payment(&second, PaymentFact::Started).await;
    market.publish_payment(&second, declined()).await;
    market.advance(3 * 60);
    market.ring(&order).await;
    let state = market.heard(order.id, OrderStatus::Cancelled).await;
    assert_eq!(state.cancel_reason, Some(CancelReason::Expired));
    assert_eq!(
        market.story(order.id).await.len(),
        5,
        "the second payment changed nothing"
    );
    market.close().await;
}

#[tokio::test]
async fn a_payment_that_fails_in_its_extra_time_ends_the_order() {
    let market = Market::open().await;
    let ticket = market.listed(&market.person()).await;
    let order = market.held(&market.person(), &ticket).await;
    market.advance(14 * 60);
    let payment = market.payment(&order);
    market.publish_payment(&payment, PaymentFact::Started).await;
    market
        .said(order.id, |_, fact| *fact == OrderFact::Extended)
        .await;
    market.advance(2 * 60);
    market.ring(&order).await;
    assert_eq!(
        market.story(order.id).await.len(),
        3,
        "the payment is still on its way"
    );
    market.publish_payment(&payment, declined()).await;
    let state = market.heard(order.id, OrderStatus::Cancelled).await;
    assert_eq!(state.cancel_reason, Some(CancelReason::Expired));
    market.close().await;
}

#[tokio::test]
async fn late_money_completes_an_order_that_lives_and_is_sent_back_from_a_dead_one() {
    let market = Market::open().await;
    let buyer = market.person();
    let ticket = market.listed(&market.person()).await;
    let order = market.held(&buyer, &ticket).await;
    market.advance(16 * 60);
    let payment = market.payment(&order);
    market
        .publish_payment(&payment, PaymentFact::Authorized)
        .await;
    market.heard(order.id, OrderStatus::Capturing).await;
    market.ring(&order).await;
    market.publish_payment(&payment, declined()).await;
    let state = market.heard(order.id, OrderStatus::Cancelled).await;
    assert_eq!(state.cancel_reason, Some(CancelReason::PaymentFailed));

    let order = market
        .held(&buyer, &market.listed(&market.person()).await)
        .await;
    let payment = market.payment(&order);
    assert_eq!(market.delete(&buyer, &path(&order)).await.status, 204);
    market
        .publish_payment(&payment, PaymentFact::Authorized)
        .await;
    let captured = market
        .publish_payment(&payment, PaymentFact::Captured)
        .await;
    let rejected = OrderFact::PaymentRejected {
        payment_id: payment.id,
    };
    market.dealt_with(&captured).await;
    assert_eq!(
        market.story(order.id).await[3..],
        [rejected.clone(), rejected]
    );
    let shown = market.get(&buyer, &path(&order)).await.json();
    assert_eq!(
        (shown["status"].as_str(), shown["version"].as_i64()),
        (Some("cancelled"), Some(5))
    );
    market.close().await;
}

#[tokio::test]
async fn money_that_does_not_fit_and_money_too_much_is_rejected() {
    let market = Market::open().await;
    let ticket = market.listed(&market.person()).await;
    let order = market.held(&market.person(), &ticket).await;
    let less = PaymentState {
        amount_minor: 1,
        ..market.payment(&order)
    };
    market.publish_payment(&less, PaymentFact::Authorized).await;
    let rejected = |payment: &PaymentState| OrderFact::PaymentRejected {
        payment_id: payment.id,
    };
    let state = market
        .said(order.id, |_, fact| *fact == rejected(&less))
        .await;
    assert_eq!(state.status, OrderStatus::AwaitingPayment);
    let (chosen, second) = (market.payment(&order), market.payment(&order));
    market
        .publish_payment(&chosen, PaymentFact::Authorized)
        .await;
    market.heard(order.id, OrderStatus::Capturing).await;
    market.publish_payment(&second, PaymentFact::Captured).await;
    let state = market
        .said(order.id, |_, fact| *fact == rejected(&second))
        .await;
    assert_eq!(
        (state.status, state.payment_id),
        (OrderStatus::Capturing, Some(chosen.id))
    );
    market.publish_payment(&chosen, PaymentFact::Captured).await;
    let state = market.heard(order.id, OrderStatus::Complete).await;
    assert_eq!(state.payment_id, Some(chosen.id));
    let back = PaymentFact::Refunded { amount_minor: 1999 };
    let back = market.publish_payment(&second, back).await;
    market.dealt_with(&back).await;
    assert_eq!(market.story(order.id).await.len(), 6);
    market.close().await;
}
