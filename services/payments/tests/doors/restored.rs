//! Payments comes back from a backup: what its orders speak of is taken on again, the rest goes back.

use std::time::Duration;

use contracts::events::orders::{OrderFact, OrderStatus, TicketFate};
use contracts::events::payments::PaymentFact;
use payments::domain::charge::Standing;
use payments::domain::ledger::Account;
use payments::provider::sandbox::behaviour::Behaviour;

use crate::desk::{Desk, id_in};

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_that_the_backup_does_not_know_is_known_again() {
    let mut desk = Desk::open().await;
    let backup = desk.world.back_up("payments").unwrap();
    let (order, payment_id) = desk.complete().await;
    let fact = OrderFact::RefundRequested {
        payment_id,
        amount_minor: 700,
        fate: TicketFate::Withdraw,
    };
    desk.say(fact, &order, OrderStatus::Refunding).await;
    let amount_minor = 700;
    desk.heard(payment_id, &PaymentFact::Refunded { amount_minor })
        .await;
    desk.until_no_work().await;
    let desk = desk.put_back(&backup).await;
    desk.heard(payment_id, &PaymentFact::Refunded { amount_minor })
        .await;
    assert_eq!(desk.kinds(payment_id), ["started", "captured", "refunded"]);
    desk.until_balance(Account::Seller(desk.seller), -1300)
        .await;
    assert_eq!(
        desk.charges().await[0].held_minor(),
        1300,
        "given back once"
    );
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_since_the_backup_is_learned_and_earned() {
    let mut desk = Desk::open().await;
    let order = desk.order().await;
    let payment_id = desk.authorized(&order).await;
    let backup = desk.world.back_up("payments").unwrap();
    let fact = OrderFact::Capturing { payment_id };
    let order = desk.say(fact, &order, OrderStatus::Capturing).await;
    desk.heard(payment_id, &PaymentFact::Captured).await;
    let fact = OrderFact::Completed { payment_id };
    desk.say(fact, &order, OrderStatus::Complete).await;
    desk.until_balance(Account::Seller(desk.seller), -2000)
        .await;
    let desk = desk.put_back(&backup).await;
    desk.until_balance(Account::Seller(desk.seller), -2000)
        .await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_back_before_the_provider_was_looked_at_goes_back() {
    let mut desk = Desk::open().await;
    let at_once = Behaviour {
        capture_immediately: true,
        ..Behaviour::default()
    };
    desk.behave(at_once.clone());
    let backup = desk.world.back_up("payments").unwrap();
    let order = desk.order().await;
    let payment_id = id_in(&desk.pay(&order, "tok_visa").await.json());
    desk.heard(payment_id, &PaymentFact::Captured).await;
    let fact = OrderFact::Completed { payment_id };
    let order = desk.say(fact, &order, OrderStatus::Complete).await;
    desk.until_balance(Account::Seller(desk.seller), -2000)
        .await;
    desk.behave(Behaviour {
        unavailable: true,
        ..at_once.clone()
    });
    let mut desk = desk.put_back(&backup).await;
    let fact = OrderFact::RefundRequested {
        payment_id,
        amount_minor: 700,
        fate: TicketFate::Withdraw,
    };
    let order = desk.say(fact, &order, OrderStatus::Refunding).await;
    desk.known(&order, OrderStatus::Refunding).await;
    desk.heard(payment_id, &PaymentFact::Started).await;
    assert_eq!(desk.kinds(payment_id), ["started"]);
    desk.behave(at_once);
    desk.advance(Duration::from_secs(31));
    let amount_minor = 700;
    desk.heard(payment_id, &PaymentFact::Refunded { amount_minor })
        .await;
    desk.until_balance(Account::Seller(desk.seller), -1300)
        .await;
    assert_eq!(desk.charges().await[0].held_minor(), 1300);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_its_order_waits_for_goes_on() {
    let mut desk = Desk::open().await;
    let backup = desk.world.back_up("payments").unwrap();
    let mut order = desk.order().await;
    let payment_id = desk.authorized(&order).await;
    order.payment_id = Some(payment_id);
    let order = desk
        .say(OrderFact::Extended, &order, OrderStatus::AwaitingPayment)
        .await;
    let mut desk = desk.put_back(&backup).await;
    desk.heard(payment_id, &PaymentFact::Authorized).await;
    let fact = OrderFact::Capturing { payment_id };
    let order = desk.say(fact, &order, OrderStatus::Capturing).await;
    desk.heard(payment_id, &PaymentFact::Captured).await;
    let fact = OrderFact::Completed { payment_id };
    desk.say(fact, &order, OrderStatus::Complete).await;
    desk.until_balance(Account::Seller(desk.seller), -2000)
        .await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_its_customer_is_let_go_when_the_order_is_paid_otherwise() {
    let mut desk = Desk::open().await;
    let order = desk.order().await;
    desk.known(&order, OrderStatus::AwaitingPayment).await;
    let backup = desk.world.back_up("payments").unwrap();
    let lost = id_in(&desk.pay(&order, "tok_threeDSecureRequired").await.json());
    desk.heard(lost, &PaymentFact::Started).await;
    let mut desk = desk.put_back(&backup).await;
    desk.known(&order, OrderStatus::AwaitingPayment).await;
    // The buyer sees no payment and pays anew, before payments hears of the one that it has lost.
    let payment_id = desk.authorized(&order).await;
    let mut extended = order.clone();
    extended.payment_id = Some(lost);
    let order = desk
        .say(OrderFact::Extended, &extended, OrderStatus::AwaitingPayment)
        .await;
    let waits = async || {
        let kinds = desk.kinds(lost);
        Ok(kinds
            .last()
            .is_some_and(|last| last == "started")
            .then_some(()))
    };
    desk.world.until(waits).await.unwrap();
    let fact = OrderFact::Capturing { payment_id };
    desk.say(fact, &order, OrderStatus::Capturing).await;
    desk.heard(lost, &PaymentFact::Voided).await;
    desk.heard(payment_id, &PaymentFact::Captured).await;
    let charges = desk.charges().await;
    let standings: Vec<_> = charges.iter().map(|charge| &charge.standing).collect();
    assert_eq!(standings, [&Standing::Voided, &Standing::Captured]);
    desk.world.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_order_speaks_of_goes_back_an_hour_into_the_new_life() {
    let mut desk = Desk::open().await;
    let backup = desk.world.back_up("payments").unwrap();
    let order = desk.order().await;
    desk.authorized(&order).await;
    desk.advance(Duration::from_secs(2 * 60 * 60));
    let desk = desk.put_back(&backup).await;
    desk.advance(Duration::from_secs(59 * 60));
    let standing = async || desk.charges().await[0].standing.clone();
    // The reconciler has looked by then, more than once.
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(
        standing().await,
        Standing::Authorized,
        "an order may still speak of it"
    );
    desk.advance(Duration::from_secs(2 * 60));
    let undone = async || Ok((standing().await == Standing::Voided).then_some(()));
    desk.world.until(undone).await.unwrap();
    desk.world.end().await.unwrap();
}

/// Neither the request, nor the notice, nor what came of them is in any log any more.
#[tokio::test(flavor = "multi_thread")]
async fn money_that_went_back_since_and_that_nobody_knows_of_is_known_again() {
    let mut desk = Desk::open().await;
    let (_, payment_id) = desk.complete().await;
    desk.until_no_work().await;
    let backup = desk.world.back_up("payments").unwrap();
    assert_eq!(desk.give_back(700, "asked and lost").await, 1300);
    let desk = desk.put_back(&backup).await;
    let amount_minor = 700;
    desk.heard(payment_id, &PaymentFact::Refunded { amount_minor })
        .await;
    desk.until_balance(Account::Seller(desk.seller), -1300)
        .await;
    // A call that the life before had made arrives after all that.
    assert_eq!(desk.give_back(300, "under way").await, 1000);
    desk.until_all_compared(2).await;
    let amount_minor = 300;
    desk.heard(payment_id, &PaymentFact::Refunded { amount_minor })
        .await;
    desk.until_balance(Account::Seller(desk.seller), -1000)
        .await;
    desk.close().await;
}
