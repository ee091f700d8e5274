//! Very many timers at one instant.

use std::time::Duration;

use contracts::events::orders::{Order, OrderFact};

use crate::station::{Station, order};

const CROWD: usize = 3_000;

#[tokio::test]
async fn a_crowd_that_is_due_at_one_instant_is_rung_in_batches() {
    let station = Station::open().await;
    let due = order(&station.world, Duration::from_secs(60)).expires_at;
    for _ in 0..CROWD {
        let mut order = order(&station.world, Duration::ZERO);
        order.expires_at = due;
        let subject = order.id.to_string();
        station
            .orders
            .publish::<Order>(&subject, &OrderFact::Created, &order)
            .await
            .unwrap();
    }
    station.world.settle().await.unwrap();
    let db = station.world.gates["expiration"].context.db.clone();
    let armed = async || {
        let count = async |tx: &mut platform::Tx| {
            tx.query_one("select count(*) from timers", &[])
                .await?
                .get::<i64>(0)
        };
        Ok((db.read(count).await? == i64::try_from(CROWD)?).then_some(()))
    };
    station.world.until(armed).await.unwrap();
    assert!(
        station.now() < due,
        "listing the crowd took too long for this test"
    );
    station.world.clock.advance(Duration::from_secs(60));
    let all_rung = async || {
        let events = station.world.events.lock().unwrap();
        let rung: std::collections::HashSet<_> = events
            .iter()
            .filter(|e| e.aggregate == "timer")
            .map(|e| e.subject.clone())
            .collect();
        Ok((rung.len() == CROWD).then_some(()))
    };
    station.world.until(all_rung).await.unwrap();
    let early = {
        let events = station.world.events.lock().unwrap();
        let mut rings = events.iter().filter(|event| event.aggregate == "timer");
        rings.any(|event| event.time < due)
    };
    assert!(!early);
    station.close().await;
}
