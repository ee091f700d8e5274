//! The whole protocol over a real broker, which comes back empty in the middle, dies, and is replaced.

use std::sync::Arc;

use platform::bus::jetstream::{self, JetStreamBus, Settings};
use platform::tasks::Tasks;
use testing::World;
use testing::nats::Server;

use crate::stage::{Stage, all};
use crate::toys::Moods;

async fn stage_over(server: &Server, tasks: &Tasks) -> Stage {
    let settings = Settings::new(server.url());
    let bus: JetStreamBus = jetstream::connect(&settings, tasks).await.unwrap();
    let moods = Moods::default();
    let world = World::start_over(Arc::new(bus), all(&moods)).await.unwrap();
    Stage { world, moods }
}

const IDS: [&str; 4] = ["a", "b", "c.*", "d e"];

#[tokio::test(flavor = "multi_thread")]
async fn i7_a_broker_that_comes_back_empty_costs_no_event() {
    let mut server = testing::nats::single().unwrap();
    let tasks = Tasks::default();
    let stage = stage_over(&server, &tasks).await;
    stage.add_together(&IDS, 20).await;
    stage.label("a", "one").await;
    for id in IDS {
        stage.until_at("board", id, 20).await;
    }

    // What it had is gone, also what nobody has heard yet.
    stage.add_together(&IDS, 20).await;
    server.kill().unwrap();
    server.wipe().unwrap();
    stage.add_together(&IDS, 20).await;
    server.start().unwrap();
    stage.add_together(&IDS, 20).await;
    for id in IDS {
        stage.until_at("board", id, 80).await;
        stage.until_at("archive", id, 80).await;
    }
    stage.end(&IDS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i7_events_that_a_broker_loses_are_asked_for_over_it() {
    let server = testing::nats::single().unwrap();
    let tasks = Tasks::default();
    let stage = stage_over(&server, &tasks).await;
    stage.add("a", 1).await;
    stage.until_at("board", "a", 1).await;
    stage.lose_events();
    stage.add_together(&["a", "b"], 300).await;
    stage.until_published().await;
    stage.mend_wires();
    for (id, version) in [("a", 301), ("b", 300)] {
        stage.until_at("board", id, version).await;
    }
    stage.end(&["a", "b"]).await;
}
