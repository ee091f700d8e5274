//! What the bus keeps, and forgets.

use futures::StreamExt;
use platform::bus::Bus;
use serde_json::json;

use super::*;

fn event(version: i64) -> Arc<Envelope> {
    let event = json!({
        "specversion": "1.0", "id": format!("ticket/a/1/{version}"),
        "source": "/tickets/ticket/a", "type": "ticketing.ticket.listed.v1",
        "subject": "a", "time": "2026-01-02T03:04:05.000006Z",
        "datacontenttype": "application/json", "aggregate": "ticket", "aggregateversion": version,
        "incarnation": 1, "data": {}
    });
    Arc::new(serde_json::from_value(event).unwrap())
}

#[test]
fn a_lost_place_begins_anywhere_in_what_was_kept() {
    let executor = Executor::new(1);
    let trace = Trace::new(&executor);
    let network = Network::new(&executor, 7, Arc::default(), &trace);
    let line = Line::new(&network, Replica::only("orders"));
    let seen = executor.run(async move {
        let mut deliveries = line.subscribe("orders", "tickets", "ticket").await.unwrap();
        let events: Vec<_> = (1..=8).map(event).collect();
        let confirmed = line.publish_all(&events).await;
        assert!(confirmed.iter().all(Result::is_ok));
        for _ in 1..=8 {
            deliveries.next().await.unwrap().acknowledge();
        }
        let mut seen = Vec::new();
        for _ in 0..20 {
            assert_eq!(network.waiting(), 0);
            network.lose_place();
            let again = network.waiting();
            for place in 0..again {
                let delivery = deliveries.next().await.unwrap();
                let first = 9 - again;
                let version = i64::try_from(first + place).unwrap();
                assert_eq!(delivery.envelope.aggregateversion, version);
                delivery.acknowledge();
            }
            seen.push(again);
        }
        network.empty();
        network.lose_place();
        assert_eq!(
            network.waiting(),
            0,
            "what is forgotten does not come again"
        );
        seen
    });
    let seen = seen.unwrap();
    assert!(seen.contains(&0) && seen.contains(&8), "{seen:?}");
}
