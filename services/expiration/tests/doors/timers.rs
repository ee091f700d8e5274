//! One timer at a time: never early, never for an order that has moved on.

use std::time::Duration;

use contracts::events::orders::OrderStatus;
use platform::clock::{later, until};
use testing::World;

use crate::station::{Station, order, rung, services};

const HOLD: Duration = Duration::from_secs(15 * 60);
const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_timer_rings_when_its_time_has_come() {
    let station = Station::open().await;
    let order = station.place(HOLD).await;
    let earlier = station.place(HOLD - MINUTE).await;
    station.advance(14.0 * 60.0);
    station.ring(&earlier, 1).await;
    assert_eq!(station.rings(&order), 0);
    station.advance(60.0);
    let at = station.ring(&order, 1).await;
    assert!(at >= order.expires_at);
    station.close().await;
}

#[tokio::test]
async fn a_short_timer_rings_by_itself_within_milliseconds() {
    let station = Station::open().await;
    let later_one = station.place(HOLD).await;
    let order = station.place(Duration::from_millis(150)).await;
    let at = station.ring(&order, 1).await;
    let lag = until(order.expires_at, at);
    assert!(
        lag < Duration::from_secs(5),
        "{lag:?} late: nothing has woken the job"
    );
    assert_eq!(station.rings(&later_one), 0);
    station.close().await;
}

#[tokio::test]
async fn it_rings_again_with_growing_waits_until_the_order_has_moved_on() {
    let station = Station::open().await;
    let order = station.place(Duration::from_secs(1)).await;
    station.advance(1.0);
    let mut before = station.ring(&order, 1).await;
    for (number, wait) in [(2, 0.5), (3, 1.0), (4, 2.0)] {
        station.advance(wait);
        let at = station.ring(&order, number).await;
        assert!(
            until(before, at) >= Duration::from_secs_f64(wait),
            "ring {number} was early"
        );
        before = at;
    }
    station.becomes(&order, OrderStatus::Cancelled).await;
    let witness = station.place(MINUTE).await;
    station.advance(120.0);
    station.ring(&witness, 1).await;
    assert_eq!(station.rings(&order), 4);
    station.close().await;
}

#[tokio::test]
async fn an_extension_puts_the_time_off_and_its_end_brings_it_back() {
    let station = Station::open().await;
    let (longer, shorter) = (station.place(MINUTE).await, station.place(3 * MINUTE).await);
    station
        .extend(&longer, later(longer.expires_at, MINUTE))
        .await;
    station.extend(&shorter, later(station.now(), MINUTE)).await;
    station.advance(60.0);
    station.ring(&shorter, 1).await;
    assert_eq!(station.rings(&longer), 0);
    station.advance(60.0);
    let at = station.ring(&longer, 1).await;
    assert!(at >= later(longer.expires_at, MINUTE));
    station.close().await;
}

#[tokio::test]
async fn an_extension_after_the_ring_begins_anew() {
    let station = Station::open().await;
    let order = station.place(MINUTE).await;
    station.advance(60.0);
    let rung_at = station.ring(&order, 1).await;
    let deadline = later(rung_at, MINUTE);
    station.extend(&order, deadline).await;
    let rings = i64::try_from(station.rings(&order)).unwrap();
    station.advance(60.0);
    assert!(
        station.ring(&order, rings + 1).await >= deadline,
        "versions go on without a hole"
    );
    station.close().await;
}

#[tokio::test]
async fn an_order_that_is_decided_has_no_timer() {
    let station = Station::open().await;
    let mut decided = Vec::new();
    for status in [
        OrderStatus::Capturing,
        OrderStatus::Complete,
        OrderStatus::Cancelled,
    ] {
        let order = station.place(MINUTE).await;
        station.becomes(&order, OrderStatus::AwaitingPayment).await;
        station.becomes(&order, status).await;
        decided.push(order);
    }
    let witness = station.place(2 * MINUTE).await;
    station.advance(120.0);
    station.ring(&witness, 1).await;
    for order in &decided {
        assert_eq!(station.rings(order), 0);
    }
    station.close().await;
}

#[tokio::test]
async fn timers_survive_a_crash() {
    let world = World::start(services()).await.unwrap();
    let orders = world.owner("orders").await;
    let station = Station { world, orders };
    let (past, future) = (station.place(MINUTE).await, station.place(3 * MINUTE).await);
    let Station { world, .. } = station;
    let clock = std::sync::Arc::clone(&world.clock);
    clock.advance(MINUTE - Duration::from_secs(1));
    let world = world.restart(services()).await.unwrap();
    clock.advance(Duration::from_secs(1));
    assert!(rung(&world, past.id, 1).await >= past.expires_at);
    clock.advance(2 * MINUTE);
    assert!(rung(&world, future.id, 1).await >= future.expires_at);
    world.end().await.unwrap();
}

#[tokio::test]
async fn an_order_heard_of_too_late_rings_at_once() {
    let station = Station::open().await;
    let mut late = order(&station.world, Duration::ZERO);
    late.expires_at = later(late.expires_at, Duration::ZERO);
    station.advance(5.0);
    station
        .publish(contracts::events::orders::OrderFact::Created, &late)
        .await;
    station.ring(&late, 1).await;
    station.close().await;
}
