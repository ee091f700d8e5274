//! Several replicas on one database.

use std::time::Duration;

use contracts::events::orders::{Order, OrderFact, OrderStatus};
use platform::clock::later;
use platform::{Tx, params};
use testing::owner::{CORRELATION, TRACEPARENT};

use crate::station::{Station, order, patient, rung};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_ring_each_timer_once() {
    let station = Station::open_shared().await;
    let other = station.world.replica(patient()).await.unwrap();
    let mut orders = Vec::new();
    for _ in 0..1_200 {
        let order = order(&station.world, MINUTE);
        let subject = order.id.to_string();
        station
            .orders
            .publish::<Order>(&subject, &OrderFact::Created, &order)
            .await
            .unwrap();
        orders.push(order);
    }
    let db = other.db("expiration").unwrap().clone();
    let count = async |sql: &'static str| {
        let read = async move |tx: &mut Tx| tx.query_one(sql, &[]).await?.get::<i64>(0);
        db.read(read).await.unwrap()
    };
    let armed = async || Ok((count("select count(*) from timers").await == 1_200).then_some(()));
    station.world.until(armed).await.unwrap();
    station.world.clock.advance(MINUTE);
    let all = async || {
        let sql = "select count(*) from timers where rings > 0";
        Ok((count(sql).await == 1_200).then_some(()))
    };
    station.world.until(all).await.unwrap();
    let sql = "select count(*) from events where aggregate = 'timer'";
    assert_eq!(count(sql).await, 1_200);
    station.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timer_that_is_armed_anew_while_it_rings_keeps_its_new_time() {
    let station = Station::open_shared().await;
    let order = station.place(MINUTE).await;
    station.advance(60.0);
    station.ring(&order, 1).await;
    let db = station.world.db("expiration").unwrap().clone();
    let head = format!(
        "select 1 from heads where subject = '{}' for update",
        order.id
    );
    let held = station.world.hold(&db, head).await.unwrap();
    station.advance(30.0);
    // The timer is read; its event waits.
    station.world.until_waiting(&db, 1).await.unwrap();
    let mut extended = order.clone();
    extended.status = OrderStatus::AwaitingPayment;
    extended.expires_at = later(station.now(), 10 * MINUTE);
    let fact = OrderFact::Extended;
    let subject = order.id.to_string();
    let said = station.orders.publish::<Order>(&subject, &fact, &extended);
    said.await.unwrap();
    station.world.until_waiting(&db, 2).await.unwrap();
    held.release().await.unwrap();
    let read = async move |tx: &mut Tx| {
        let sql = "select due_at, next_at, rings from timers where order_id = $1";
        let row = tx.query_one(sql, params![order.id]).await?;
        Ok((row.get(0)?, row.get(1)?, row.get::<i64>(2)?))
    };
    let armed = async || {
        let (due_at, next_at, rings) = db.read(read).await?;
        let wanted = (extended.expires_at, extended.expires_at, 0);
        Ok(((due_at, next_at, rings) == wanted).then_some(()))
    };
    station.world.until(armed).await.unwrap();
    station.advance(10.0 * 60.0);
    rung(&station.world, order.id, 3).await;
    station.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_replica_that_died_has_armed_rings_in_time() {
    let station = Station::open_shared().await;
    // An idle job, which nothing wakes.
    station.place(60 * MINUTE).await;
    let left = order(&station.world, Duration::from_millis(200));
    let (id, due_at) = (left.id, left.expires_at);
    let arm = async move |tx: &mut Tx| {
        let sql = "insert into timers (order_id, due_at, rings, next_at) values ($1, $2, 0, $2)";
        tx.execute(sql, params![id, due_at]).await
    };
    let db = station.world.db("expiration").unwrap();
    assert_eq!(db.write(arm).await.unwrap(), 1);
    let at = rung(&station.world, id, 1).await;
    let late = platform::clock::until(due_at, at);
    assert!(late < Duration::from_secs(2), "{late:?}");
    station.close().await;
}

#[tokio::test]
async fn an_order_and_its_timer_belong_to_one_trace() {
    let station = Station::open().await;
    let order = station.place(MINUTE).await;
    station.advance(60.0);
    station.ring(&order, 1).await;
    let events = station.world.events.lock().unwrap().clone();
    let due = events
        .iter()
        .find(|event| event.aggregate == "timer")
        .unwrap();
    assert_eq!(due.correlationid.as_deref(), Some(CORRELATION));
    assert_eq!(due.traceparent.as_deref(), Some(TRACEPARENT));
    station.close().await;
}
