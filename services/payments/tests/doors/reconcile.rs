//! The reconciler learns, and undoes by itself only what is nobody's.

use std::time::Duration;

use contracts::events::orders::{OrderFact, OrderStatus, TicketFate};
use contracts::events::payments::PaymentFact;
use contracts::money::{Currency, Money};
use payments::domain::charge::{Charge, Standing};
use payments::domain::ledger::Account;
use payments::provider::Provider;
use payments::provider::sandbox::behaviour::Behaviour;

use crate::desk::Desk;

fn usd(minor: i64) -> Money {
    Money {
        minor,
        currency: Currency::USD,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_asked_for_is_undone_after_an_hour() {
    let mut desk = Desk::open().await;
    let held = desk
        .sandbox
        .authorize("stranger-1", usd(100), "tok_visa")
        .await
        .unwrap();
    desk.behave(Behaviour {
        capture_immediately: true,
        ..Behaviour::default()
    });
    let taken = desk
        .sandbox
        .authorize("stranger-2", usd(200), "tok_visa")
        .await
        .unwrap();
    desk.behave(Behaviour::default());
    let order = desk.order().await;
    let ours = desk.authorized(&order).await;
    desk.advance(Duration::from_secs(40 * 60));
    tokio::time::sleep(Duration::from_millis(200)).await;
    let standing = async |charge: &Charge| {
        desk.sandbox
            .charge(&charge.reference)
            .await
            .unwrap()
            .unwrap()
    };
    assert_eq!(
        standing(&held).await.standing,
        Standing::Authorized,
        "too young"
    );
    desk.advance(Duration::from_secs(21 * 60));
    let undone = async || {
        let gone = standing(&held).await.standing == Standing::Voided
            && standing(&taken).await.held_minor() == 0;
        Ok(gone.then_some(()))
    };
    desk.world.until(undone).await.unwrap();
    assert_eq!(
        desk.kinds(ours),
        ["started", "authorized"],
        "ours is left to orders"
    );
    let charges = desk.charges().await;
    let mine = charges
        .iter()
        .find(|charge| charge.key.starts_with(&ours.to_string()))
        .unwrap();
    assert_eq!(mine.standing, Standing::Authorized);
    desk.world.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authorisation_that_lapsed_is_learned() {
    let mut desk = Desk::open().await;
    let order = desk.order().await;
    let id = desk.authorized(&order).await;
    let reference = desk.charges().await[0].reference.clone();
    desk.sandbox.void(&reference, "by the bank").await.unwrap();
    desk.advance(Duration::from_secs(31));
    desk.heard(
        id,
        &PaymentFact::Failed {
            code: "authorization_lapsed".to_owned(),
        },
    )
    .await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_stops_the_reconciler_for_a_moment_only() {
    let mut desk = Desk::open().await;
    let order = desk.order().await;
    let id = desk.authorized(&order).await;
    let reference = desk.charges().await[0].reference.clone();
    desk.sandbox.void(&reference, "by the bank").await.unwrap();
    desk.behave(Behaviour {
        unavailable: true,
        ..Behaviour::default()
    });
    desk.advance(Duration::from_secs(31));
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(desk.kinds(id), ["started", "authorized"]);
    desk.behave(Behaviour::default());
    desk.advance(Duration::from_secs(31));
    desk.heard(
        id,
        &PaymentFact::Failed {
            code: "authorization_lapsed".to_owned(),
        },
    )
    .await;
    desk.close().await;
}

/// Where no notice is sent.
#[tokio::test(flavor = "multi_thread")]
async fn money_that_went_back_by_hand_is_found_within_a_day() {
    let mut desk = Desk::open().await;
    let (_, id) = desk.complete().await;
    // Those with which a life begins.
    desk.until_all_compared(2).await;
    assert_eq!(desk.give_back(700, "by hand").await, 1300);
    desk.advance(Duration::from_secs(60 * 60));
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(desk.kinds(id), ["started", "authorized", "captured"]);
    desk.advance(Duration::from_secs(23 * 60 * 60));
    desk.until_all_compared(3).await;
    let amount_minor = 700;
    desk.heard(id, &PaymentFact::Refunded { amount_minor })
        .await;
    desk.close().await;
}

/// The order asks for what is not there any more: that is noticed, and not tried for ever.
#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_given_back_any_more_is_not_tried_for_ever() {
    let mut desk = Desk::open().await;
    let (order, payment_id) = desk.complete().await;
    assert_eq!(desk.give_back(700, "by hand").await, 1300);
    let fact = OrderFact::RefundRequested {
        payment_id,
        amount_minor: 1301,
        fate: TicketFate::Withdraw,
    };
    let order = desk.say(fact, &order, OrderStatus::Refunding).await;
    let amount_minor = 700;
    desk.heard(payment_id, &PaymentFact::Refunded { amount_minor })
        .await;
    let fact = OrderFact::Refunded {
        payment_id,
        amount_minor,
        fate: TicketFate::Withdraw,
    };
    desk.say(fact, &order, OrderStatus::Complete).await;
    desk.until_balance(Account::Seller(desk.seller), -1300)
        .await;
    desk.close().await;
}
