//! What is logged while a request is answered can be followed.

use std::fs::File;
use std::io::{Read as _, Seek as _};

use serde_json::Value;

use super::*;
use crate::failure::Failure;
use crate::telemetry::{LogFormat, log_to};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

async fn fails() -> Failure {
    tracing::info!("about to fail");
    Failure::Broken(anyhow::anyhow!("the reason"))
}

/// What is logged in this format, under this filter, while a request fails.
async fn logged(format: LogFormat, filter: &str, path: &str) -> String {
    let file = Arc::new(tempfile::tempfile().unwrap());
    let log = log_to(Arc::clone(&file), format, filter).unwrap();
    let _listening = tracing::dispatcher::set_default(&log);
    let routes = Router::new().route("/api/fails/{id}", get(fails));
    let parent = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let given = [
        ("x-request-id", "given-1"),
        ("traceparent", parent.as_str()),
    ];
    ask(&layered(routes, &settings()), request("GET", path, &given)).await;
    text_of(&file)
}

fn text_of(mut file: &File) -> String {
    let mut text = String::new();
    file.rewind().unwrap();
    file.read_to_string(&mut text).unwrap();
    text
}

#[tokio::test]
async fn each_line_of_a_request_names_it_and_its_trace() {
    let text = logged(LogFormat::Json, "info", "/api/fails/7?secret=1").await;
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let messages: Vec<_> = lines.iter().map(|line| &line["message"]).collect();
    assert_eq!(
        messages,
        ["about to fail", "request failed", "request answered"]
    );
    for line in &lines {
        let span = &line["span"];
        assert_eq!(span["name"], "request", "{line}");
        assert_eq!(span["request_id"], "given-1", "{line}");
        assert_eq!(span["trace_id"], TRACE, "{line}");
        assert_eq!(span["method"], "GET", "{line}");
        assert_eq!(span["path"], "/api/fails/7", "{line}");
    }
    assert_eq!(lines[1]["error"], "the reason");
    assert_eq!(lines[2]["status"], 500);
    assert_eq!(lines[2]["route"], "/api/fails/{id}");
}

#[tokio::test]
async fn people_read_the_same_in_front_of_the_message() {
    let text = logged(LogFormat::Text, "warn", "/api/fails/7").await;
    let named = format!(
        "request{{request_id=given-1 trace_id={TRACE} method=GET path=/api/fails/7}}: \
         platform::http::problem: request failed error=\"the reason\""
    );
    assert!(text.contains(&named), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[tokio::test]
async fn the_access_log_is_for_whoever_wants_it() {
    for (filter, count) in [("info", 0), ("debug", 1)] {
        let text = logged(LogFormat::Text, filter, "/api/nothing?q=private").await;
        let lines = text
            .lines()
            .filter(|line| line.contains("path=/api/nothing"));
        assert_eq!(lines.count(), count, "{filter}: {text}");
        assert!(!text.contains("private"), "{text}");
        assert_eq!(text.contains("status=404"), count == 1, "{text}");
    }
}
