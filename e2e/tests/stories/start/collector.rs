//! A collector that the settings name hears of requests.

use std::process::Stdio;
use std::time::Duration;

use e2e::{Client, command, program};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;

/// Longer than spans are gathered (two seconds).
const HEARS_WITHIN: Duration = Duration::from_secs(20);

/// What the next request to the collector says, once it holds these words.
async fn hears(collector: &TcpListener, words: &str) -> String {
    let (mut connection, _) = collector.accept().await.unwrap();
    let mut said = String::new();
    let mut buffer = [0; 4096];
    while !said.contains(words) {
        let count = connection.read(&mut buffer).await.unwrap();
        assert!(count > 0, "it says no more than {said}");
        said += &String::from_utf8_lossy(&buffer[..count]);
    }
    let taken = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    connection.write_all(taken).await.unwrap();
    said
}

#[tokio::test]
async fn a_collector_hears_of_requests() {
    let collector = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", collector.local_addr().unwrap());
    let directory = tempfile::tempdir().unwrap();
    let mut up = command(&program().unwrap(), &["up", "--listen", "127.0.0.1:0"]);
    up.args(["--otlp-endpoint", &endpoint, "--log", "warn"]);
    up.current_dir(directory.path())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    let mut up = up.spawn().unwrap();
    let mut lines = BufReader::new(up.stdout.take().unwrap()).lines();
    let line = lines.next_line().await.unwrap().unwrap();
    let address = line
        .strip_prefix("listening on http://")
        .unwrap()
        .parse()
        .unwrap();
    let mut client = Client::connect(address).await.unwrap();
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let parent = format!("00-{trace}-b7ad6b7169203331-01");
    client
        .call("GET", "/api/tickets", None, &[("traceparent", &parent)])
        .await
        .unwrap();
    let said = tokio::time::timeout(HEARS_WITHIN, hears(&collector, trace))
        .await
        .unwrap();
    assert!(said.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{said}");
}
