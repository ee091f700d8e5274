//! What is logged while an event is handled names the event and the trace of what caused it.

use std::io::{Read as _, Seek as _};
use std::sync::Arc;

use platform::Tx;
use platform::db::Durability;
use platform::telemetry::{LogFormat, log_to};
use platform::trace::Origin;
use serde_json::Value;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::stage::Stage;
use crate::toys::{Mood, add};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_handler_is_found_by_the_trace_of_the_request() {
    let file = Arc::new(tempfile::tempfile().unwrap());
    // For all threads: handlers run on the database's own.
    log_to(Arc::clone(&file), LogFormat::Json, "warn")
        .unwrap()
        .try_init()
        .unwrap();
    let stage = Stage::start().await;
    stage.moods.set("bad", Mood::Broken);
    let request = Origin {
        traceparent: Some(format!("00-{TRACE}-b7ad6b7169203331-01")),
        correlation: Some("request-1".to_owned()),
        causation: Some("request-1".to_owned()),
    };
    let work = async |tx: &mut Tx| add(tx, "bad", 1).await;
    let db = stage.world.db("counters").unwrap();
    db.run(Durability::Synced, request, work).await.unwrap();
    stage.until_stuck("bad", "blocked").await;
    stage.moods.heal("bad");
    stage.gate("board").redrive("counter", "bad").await.unwrap();
    stage.end(&["bad"]).await;

    let mut text = String::new();
    let mut file = file.as_ref();
    file.rewind().unwrap();
    file.read_to_string(&mut text).unwrap();
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|line: &Value| line["span"]["subject"] == "bad" && line["error"] == "poison")
        .collect();
    assert_eq!(lines.len(), 3, "one for each attempt: {text}");
    for line in lines {
        let span = &line["span"];
        assert_eq!(span["name"], "event", "{line}");
        assert_eq!(span["trace_id"], TRACE, "{line}");
        assert_eq!(span["request_id"], "request-1", "{line}");
        assert_eq!(span["event"], "ticketing.counter.added.v1", "{line}");
        assert_eq!(span["aggregate"], "counter", "{line}");
        assert_eq!(span["version"], 1, "{line}");
    }
}
