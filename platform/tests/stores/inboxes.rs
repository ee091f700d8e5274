//! The inbox of a service that runs twice: parking, cursors and effects in one database.

use std::sync::Arc;

use contracts::{Aggregate, Envelope};
use platform::bus::ACKNOWLEDGE_WITHIN;
use platform::db::params;
use platform::gate::inbox::{Arrival, Verdict};
use platform::gate::{Gate, GateSettings};
use platform::log::source;
use platform::{Consumer, Event, Tx};
use testing::random::Seeded;

use crate::rig::{Rig, Thing, at_once, count};

const IDS: [&str; 3] = ["a", "b", "c"];

async fn copy(tx: &mut Tx, event: &Event<Thing>) -> platform::Result<()> {
    let sql = "insert into copies (id, value) values ($1, $2) \
               on conflict (id) do update set value = excluded.value";
    tx.execute(sql, params![event.subject, event.state.value])
        .await
        .map(drop)
}

async fn react(tx: &mut Tx, event: &Event<Thing>) -> platform::Result<()> {
    let sql = "insert into heard (id, version) values ($1, $2)";
    tx.execute(sql, params![event.subject, event.version])
        .await
        .map(drop)
}

fn gate(rig: &Rig, number: usize) -> Gate {
    let context = rig.context(&rig.either(number), &format!("replica-{number}"));
    let consumer = Consumer::of::<Thing>().copy(&["copies"], copy).react(react);
    Gate::new(context, vec![consumer.build()], GateSettings::default())
}

/// Events in a log, oldest first.
async fn events(rig: &Rig, id: &'static str, times: i64) -> Vec<Arc<Envelope>> {
    let work = async move |tx: &mut Tx| {
        for _ in 0..times {
            count(tx, id).await?;
        }
        Ok(())
    };
    rig.db.write(work).await.unwrap();
    let events = source::events(&rig.db, Thing::NAME.to_owned(), id.to_owned(), 0);
    events.await.unwrap().into_iter().map(Arc::new).collect()
}

async fn take(gate: &Gate, events: Vec<Arc<Envelope>>, delivery: u32) -> Vec<Verdict> {
    let consumer = gate.consumer(Thing::NAME).unwrap();
    let arrivals = events
        .into_iter()
        .map(|event| Arrival::by_bus(event, delivery));
    let taken = gate.take(consumer, arrivals.collect());
    let taken = tokio::time::timeout(ACKNOWLEDGE_WITHIN, taken).await;
    taken.unwrap().unwrap()
}

/// The versions of a thing's events that had effects, in the order in which they had them.
async fn heard(rig: &Rig, id: &'static str) -> Vec<i64> {
    let look = async move |tx: &mut Tx| {
        let sql = "select version from heard where id = $1 order by position";
        let rows = tx.query(sql, params![id]).await?;
        rows.iter().map(|row| row.get(0)).collect()
    };
    rig.db.read(look).await.unwrap()
}

pub async fn replicas_handle_each_event_once_and_in_order(rig: &Rig) {
    let gates = [gate(rig, 0), gate(rig, 1)];
    let mut all = Vec::new();
    for id in IDS {
        all.extend(events(rig, id, 12).await);
    }
    // Four deliverers with everything in orders of their own, in chunks, two to each replica.
    let deliverers = (0..4usize).map(|number| {
        let (gate, mut mixed) = (gates[number % 2].clone(), all.clone());
        let chance = Seeded::new(u64::try_from(number).unwrap() + 1);
        mixed.sort_by_cached_key(|_| chance.next());
        async move {
            for chunk in mixed.chunks(5) {
                take(&gate, chunk.to_vec(), 3).await;
            }
        }
    });
    at_once(deliverers).await;
    for id in IDS {
        assert_eq!(heard(rig, id).await, (1..=12).collect::<Vec<_>>(), "{id}");
        for gate in &gates {
            assert_eq!(gate.position(Thing::NAME, id).await.unwrap().version, 12);
        }
    }
    assert_eq!(rig.number("select count(*) from parked").await, 0);
    assert_eq!(rig.number("select count(*) from stuck").await, 0);
    assert_eq!(rig.number("select min(value) from copies").await, 12);
}

pub async fn what_is_parked_by_one_replica_is_handled_by_another(rig: &Rig) {
    let gates = [gate(rig, 0), gate(rig, 1)];
    let log = events(rig, "a", 5).await;
    let parked = take(&gates[0], log[2..].to_vec(), 3).await;
    assert_eq!(parked, vec![Verdict::Parked; 3]);
    let parked = take(&gates[1], log[1..2].to_vec(), 3).await;
    assert_eq!(parked, [Verdict::Parked]);
    assert_eq!(rig.number("select count(*) from parked").await, 4);
    let handled = take(&gates[1], log[..1].to_vec(), 1).await;
    let whole = matches!(&handled[..], [Verdict::Handled { cursor, .. }] if cursor.version == 5);
    assert!(whole, "{handled:?}");
    assert_eq!(heard(rig, "a").await, [1, 2, 3, 4, 5]);
    assert_eq!(rig.number("select count(*) from parked").await, 0);
    let again = take(&gates[0], log, 1).await;
    assert_eq!(again, vec![Verdict::Superfluous; 5]);
}
