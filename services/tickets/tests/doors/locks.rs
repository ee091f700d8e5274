//! What orders do to a ticket.

use contracts::events::orders::{OrderFact, OrderState, OrderStatus, TicketFate};
use contracts::events::tickets::{LockRefusal, TicketFact, TicketStatus};
use contracts::ids::PaymentId;
use serde_json::json;

use crate::marketplace::{Marketplace, holder_in};

#[tokio::test]
async fn an_order_locks_its_ticket_and_lets_it_go() {
    let market = Marketplace::open().await;
    let id = market.list("Jazz night").await;
    let order = market.lock(id, 5).await;
    let ticket = market.show(id).await;
    assert_eq!(
        (&ticket["status"], &ticket["orderId"]),
        (&json!("held"), &json!(order.id))
    );
    assert_eq!(
        (&ticket["version"], &ticket["offerVersion"]),
        (&json!(2), &json!(1))
    );
    assert!(
        market.titles("/api/tickets").await.0.is_empty(),
        "it can't be bought now"
    );

    market.cancel(&order).await;
    market
        .said(id, |fact| matches!(fact, TicketFact::Released { .. }))
        .await;
    let ticket = market.show(id).await;
    assert_eq!(
        (&ticket["status"], &ticket["offerVersion"]),
        (&json!("listed"), &json!(1))
    );
    assert_eq!(market.titles("/api/tickets").await.0, ["Jazz night"]);
    assert_eq!(market.titles("/api/tickets?q=jazz").await.0, ["Jazz night"]);
    market.close().await;
}

/// Orders came back from a backup to before the payment, and heard the timer first.
#[tokio::test]
async fn an_order_that_ends_after_all_takes_what_it_had_bought_off_the_market() {
    let market = Marketplace::open().await;
    let id = market.list("Jazz night").await;
    let order = market.sell(id, 5).await;
    market.cancel(&order).await;
    market
        .said(id, |fact| matches!(fact, TicketFact::Withdrawn))
        .await;
    assert_eq!(market.show(id).await["status"], "withdrawn");
    market.close().await;
}

#[tokio::test]
async fn a_paid_order_buys_and_a_whole_refund_offers_the_ticket_anew() {
    let market = Marketplace::open().await;
    let id = market.list("Jazz night").await;
    let order = market.sell(id, 5).await;
    assert_eq!(market.show(id).await["status"], "sold");
    assert!(market.titles("/api/tickets?q=jazz").await.0.is_empty());

    let payment_id: PaymentId = market.world.new_id();
    let refunded = |fate| OrderFact::Refunded {
        payment_id,
        amount_minor: 500,
        fate,
    };
    let partly = OrderState {
        refunded_minor: 500,
        ..order.clone()
    };
    market.publish(refunded(TicketFate::Relist), &partly).await;
    let wholly = OrderState {
        status: OrderStatus::Refunded,
        refunded_minor: 2_000,
        ..order
    };
    market.publish(refunded(TicketFate::Relist), &wholly).await;
    let state = market
        .said(id, |fact| matches!(fact, TicketFact::Released { .. }))
        .await;
    assert_eq!(
        (state.status, state.offer_version),
        (TicketStatus::Listed, 4),
        "a new offer"
    );
    assert_eq!(
        market.history(id).await,
        ["listed", "locked", "sold", "released"]
    );
    assert_eq!(market.titles("/api/tickets?q=jazz").await.0, ["Jazz night"]);
    market.close().await;
}

#[tokio::test]
async fn a_refund_can_take_the_ticket_off_the_market() {
    let market = Marketplace::open().await;
    let id = market.list("Jazz night").await;
    let order = market.sell(id, 5).await;
    let payment_id = market.world.new_id();
    let order = OrderState {
        status: OrderStatus::Refunded,
        ..order
    };
    let fate = TicketFate::Withdraw;
    market
        .publish(
            OrderFact::Refunded {
                payment_id,
                amount_minor: 2_000,
                fate,
            },
            &order,
        )
        .await;
    market.said(id, |fact| *fact == TicketFact::Withdrawn).await;
    assert_eq!(market.show(id).await["status"], "withdrawn");
    market.close().await;
}

#[tokio::test]
async fn a_changed_offer_is_refused_and_said_why() {
    let market = Marketplace::open().await;
    let id = market.list("Jazz night").await;
    let order = market.order_on(id, 5).await;
    market
        .put(
            id,
            &market.cookie,
            json!({"title": "Jazz night", "price": 30}),
        )
        .await;
    market.publish(OrderFact::Created, &order).await;
    let refused = |reason| TicketFact::LockRefused {
        order_id: order.id,
        epoch: 5,
        reason,
    };
    market
        .said(id, |fact| *fact == refused(LockRefusal::OfferChanged))
        .await;
    assert_eq!(market.show(id).await["status"], "listed");
    market.close().await;
}

#[tokio::test]
async fn a_withdrawn_or_sold_ticket_is_refused_and_said_why() {
    let market = Marketplace::open().await;
    let (gone, sold) = (market.list("Gone").await, market.list("Sold").await);
    let early = [
        market.order_on(gone, 9).await,
        market.order_on(sold, 9).await,
    ];
    market.delete(gone, &market.cookie).await;
    market.sell(sold, 5).await;
    for (order, reason) in early
        .iter()
        .zip([LockRefusal::Withdrawn, LockRefusal::Sold])
    {
        market.publish(OrderFact::Created, order).await;
        let refused = TicketFact::LockRefused {
            order_id: order.id,
            epoch: 9,
            reason,
        };
        let state = market.said(order.ticket_id, |fact| *fact == refused).await;
        assert_eq!(state.epoch, 9);
    }
    assert_eq!(market.show(sold).await["status"], "sold");
    market.close().await;
}

#[tokio::test]
async fn a_newer_order_takes_over_from_a_dead_one_and_an_older_one_does_not() {
    let market = Marketplace::open().await;
    let id = market.list("Jazz night").await;
    let older = market.order_on(id, 5).await;
    let dead = market.lock(id, 6).await;
    // The cancellation of the dead order is still on its way.
    let alive = market.lock(id, 7).await;
    market.cancel(&dead).await;
    market.publish(OrderFact::Created, &older).await;
    market.cancel(&older).await;
    assert_eq!(market.history(id).await, ["listed", "locked", "locked"]);
    assert_eq!(market.show(id).await["orderId"], json!(alive.id));
    market.close().await;
}

#[tokio::test]
async fn an_order_on_a_ticket_that_was_lost_is_passed_over() {
    let market = Marketplace::open().await;
    let known = market.list("Jazz night").await;
    let lost = OrderState {
        ticket_id: market.world.new_id(),
        ..market.order_on(known, 1).await
    };
    market.publish(OrderFact::Created, &lost).await;
    market.cancel(&lost).await;
    let state = market.lock(known, 2).await;
    let now = market
        .said(known, |fact| matches!(fact, TicketFact::Locked { .. }))
        .await;
    assert_eq!(
        holder_in(now.status),
        Some(state.id),
        "nothing is stuck behind it"
    );
    market.close().await;
}
