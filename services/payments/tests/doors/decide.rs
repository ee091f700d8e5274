//! What orders decides is done: captured, voided, given back; and the ledger shows it.

use std::time::Duration;

use contracts::events::orders::{CancelReason, OrderFact, OrderStatus, TicketFate};
use contracts::events::payments::PaymentFact;
use payments::domain::charge::Standing;
use payments::domain::ledger::Account;
use payments::provider::sandbox::behaviour::Behaviour;
use payments::provider::sandbox::cards;
use testing::owner::{CORRELATION, TRACEPARENT};

use crate::desk::{Desk, id_in};

#[tokio::test(flavor = "multi_thread")]
async fn the_chosen_payment_is_captured_and_earned() {
    let mut desk = Desk::open().await;
    let (_, id) = desk.complete().await;
    assert_eq!(desk.kinds(id), ["started", "authorized", "captured"]);
    assert_eq!(desk.balance(Account::ProviderClearing).await, 2000);
    assert_eq!(desk.balance(Account::Buyer(desk.buyer)).await, 0);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_payment_is_voided() {
    let mut desk = Desk::open().await;
    let order = desk.order().await;
    let payment_id = desk.authorized(&order).await;
    let reason = CancelReason::Expired;
    let gone = desk
        .say(
            OrderFact::Cancelled { reason },
            &order,
            OrderStatus::Cancelled,
        )
        .await;
    desk.say(
        OrderFact::PaymentRejected { payment_id },
        &gone,
        OrderStatus::Cancelled,
    )
    .await;
    desk.heard(payment_id, &PaymentFact::Voided).await;
    assert_eq!(desk.charges().await[0].standing, Standing::Voided);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_capture_that_fails_is_said_and_takes_nothing() {
    let mut desk = Desk::open().await;
    let order = desk.order().await;
    let payment_id = desk.authorized(&order).await;
    desk.behave(Behaviour {
        decline_captures: true,
        ..Behaviour::default()
    });
    desk.say(
        OrderFact::Capturing { payment_id },
        &order,
        OrderStatus::Capturing,
    )
    .await;
    desk.heard(
        payment_id,
        &PaymentFact::Failed {
            code: "card_declined".to_owned(),
        },
    )
    .await;
    assert_eq!(desk.balance(Account::ProviderClearing).await, 0);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_whose_capture_is_declined_is_authorised_first() {
    let mut desk = Desk::open().await;
    let order = desk.order().await;
    let answered = desk.pay(&order, cards::CAPTURE_DECLINED).await;
    assert_eq!(answered.status, 201, "{}", answered.body);
    let payment_id = id_in(&answered.json());
    desk.heard(payment_id, &PaymentFact::Authorized).await;
    desk.say(
        OrderFact::Capturing { payment_id },
        &order,
        OrderStatus::Capturing,
    )
    .await;
    let code = "card_declined".to_owned();
    desk.heard(payment_id, &PaymentFact::Failed { code }).await;
    assert_eq!(desk.balance(Account::ProviderClearing).await, 0);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_takes_at_once_gives_back_what_has_no_place() {
    let mut desk = Desk::open().await;
    desk.behave(Behaviour {
        capture_immediately: true,
        ..Behaviour::default()
    });
    let order = desk.order().await;
    let payment_id = id_in(&desk.pay(&order, "tok_visa").await.json());
    assert_eq!(desk.balance(Account::Buyer(desk.buyer)).await, -2000);
    let reason = CancelReason::Buyer;
    let gone = desk
        .say(
            OrderFact::Cancelled { reason },
            &order,
            OrderStatus::Cancelled,
        )
        .await;
    desk.say(
        OrderFact::PaymentRejected { payment_id },
        &gone,
        OrderStatus::Cancelled,
    )
    .await;
    desk.heard(payment_id, &PaymentFact::Refunded { amount_minor: 2000 })
        .await;
    assert_eq!(desk.kinds(payment_id), ["started", "captured", "refunded"]);
    assert_eq!(desk.balance(Account::Buyer(desk.buyer)).await, 0);
    assert_eq!(desk.balance(Account::Seller(desk.seller)).await, 0);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refunds_come_one_by_one_out_of_the_sellers_balance() {
    let mut desk = Desk::open().await;
    let (order, payment_id) = desk.complete().await;
    let fate = TicketFate::Relist;
    for (amount_minor, seller) in [(500, -1500), (700, -800), (800, 0)] {
        let fact = OrderFact::RefundRequested {
            payment_id,
            amount_minor,
            fate,
        };
        desk.say(fact, &order, OrderStatus::Refunding).await;
        desk.heard(payment_id, &PaymentFact::Refunded { amount_minor })
            .await;
        desk.until_balance(Account::Seller(desk.seller), seller)
            .await;
        let fact = OrderFact::Refunded {
            payment_id,
            amount_minor,
            fate,
        };
        desk.say(fact, &order, OrderStatus::Complete).await;
    }
    let fact = OrderFact::Refunded {
        payment_id,
        amount_minor: 800,
        fate,
    };
    desk.say(fact, &order, OrderStatus::Refunded).await;
    let view = desk
        .get(desk.buyer, &format!("/api/payments/{payment_id}"))
        .await
        .json();
    assert_eq!(
        (view["status"].as_str(), view["refunded"].as_i64()),
        (Some("refunded"), Some(20))
    );
    assert_eq!(desk.charges().await[0].refunds.len(), 3);
    desk.world.settle().await.unwrap();
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_what_is_left_is_not_given_back() {
    let mut desk = Desk::open().await;
    let (order, payment_id) = desk.complete().await;
    let fate = TicketFate::Withdraw;
    for amount_minor in [2001, 0, -5] {
        let fact = OrderFact::RefundRequested {
            payment_id,
            amount_minor,
            fate,
        };
        desk.say(fact, &order, OrderStatus::Refunding).await;
    }
    desk.say(
        OrderFact::Completed { payment_id },
        &order,
        OrderStatus::Complete,
    )
    .await;
    desk.world.settle().await.unwrap();
    assert_eq!(desk.charges().await[0].refunds, []);
    assert_eq!(desk.balance(Account::Seller(desk.seller)).await, -2000);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_of_another_order_is_not_touched() {
    let mut desk = Desk::open().await;
    // What is younger than this life of the log can't have been lost with an older one.
    desk.advance(Duration::from_secs(11 * 60));
    let (mine, other) = (desk.order().await, desk.order().await);
    let payment_id = desk.authorized(&mine).await;
    desk.say(
        OrderFact::Capturing { payment_id },
        &other,
        OrderStatus::Capturing,
    )
    .await;
    let stranger = desk.world.new_id();
    let fact = OrderFact::PaymentRejected {
        payment_id: stranger,
    };
    desk.say(fact, &other, OrderStatus::Capturing).await;
    desk.world.settle().await.unwrap();
    assert_eq!(desk.kinds(payment_id), ["started", "authorized"]);
    assert_eq!(desk.open_work().await, 0);
    desk.world.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_orders_decided_and_what_comes_of_it_belong_to_one_trace() {
    let mut desk = Desk::open().await;
    let (_, id) = desk.complete().await;
    {
        let events = desk.world.events.lock().unwrap();
        let captured = events
            .iter()
            .find(|event| event.subject == id.to_string() && event.aggregateversion == 3)
            .unwrap();
        assert_eq!(captured.kind, "ticketing.payment.captured.v1");
        assert_eq!(captured.correlationid.as_deref(), Some(CORRELATION));
        assert_eq!(captured.traceparent.as_deref(), Some(TRACEPARENT));
    }
    desk.close().await;
}
