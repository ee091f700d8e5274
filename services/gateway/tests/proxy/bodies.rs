//! Bodies on their way through: streamed both ways, bounded, and ended where either side leaves.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::IntoResponse as _;
use axum::routing::{get, post};
use futures::StreamExt as _;
use http_body_util::BodyExt as _;

use crate::live::Live;
use crate::world::{Client, Edge, SOON, Seen, Server, noting, ready};

const FOLLOW: &str = "GET /live/orders/1 HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\n\r\n";

#[tokio::test]
async fn events_pass_at_once_and_end_when_the_reader_leaves() {
    let live = Live::start().await;
    let edge = Edge::before(&[("web", &[live.server.address])]).await;
    let mut client = Client::connect(edge.server.address).await;
    client.send(FOLLOW).await;
    client.read_until("text/event-stream").await;
    for event in ["data: 1\n\n", "data: 2\n\n"] {
        live.say.send(event).await.unwrap();
        client.read_until(event).await;
    }
    assert!(!live.left.is_cancelled());
    drop(client);
    tokio::time::timeout(SOON, live.left.cancelled())
        .await
        .unwrap();
}

#[tokio::test]
async fn events_end_when_the_service_ends_them_or_the_gateway_stops() {
    let live = Live::start().await;
    let edge = Edge::before(&[("web", &[live.server.address])]).await;
    let mut client = Client::connect(edge.server.address).await;
    client.send(FOLLOW).await;
    live.say.send("data: 1\n\n").await.unwrap();
    client.read_until("data: 1").await;
    drop(live.say);
    client.read_until("0\r\n\r\n").await;

    let live = Live::start().await;
    let edge = Edge::before(&[("web", &[live.server.address])]).await;
    let mut client = Client::connect(edge.server.address).await;
    client.send(FOLLOW).await;
    live.say.send("data: 1\n\n").await.unwrap();
    client.read_until("data: 1").await;
    assert!(edge.tasks.stop(SOON).await);
    client.read_until("0\r\n\r\n").await;
    tokio::time::timeout(SOON, live.left.cancelled())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_large_body_is_not_held_back_in_either_direction() {
    let echo = Router::new().route(
        "/api/tickets",
        post(|request: Request| async move {
            Body::from_stream(request.into_body().into_data_stream())
        }),
    );
    let server = Server::start(ready(echo)).await;
    let edge = Edge::before(&[("tickets", &[server.address])]).await;
    let mut client = Client::connect(edge.server.address).await;
    client
        .send("POST /api/tickets HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n6\r\nfirst \r\n")
        .await;
    client.read_until("first ").await;
    let piece = "x".repeat(0x8000);
    for _ in 0..20 {
        client.send(&format!("8000\r\n{piece}\r\n")).await;
    }
    client.send("4\r\nlast\r\n0\r\n\r\n").await;
    let text = client.read_until("0\r\n\r\n").await;
    assert!(text.contains("last") && text.matches('x').count() >= 20 * 0x8000);
}

#[tokio::test]
async fn an_answer_of_many_bytes_arrives_whole() {
    let large = Router::new().route(
        "/api/tickets",
        get(|| async {
            let pieces = futures::stream::iter(0..256)
                .map(|_| Ok::<_, std::io::Error>(Bytes::from_static(&[b'y'; 16 * 1024])));
            Body::from_stream(pieces)
        }),
    );
    let server = Server::start(ready(large)).await;
    let edge = Edge::before(&[("tickets", &[server.address])]).await;
    let answer = edge.get("/api/tickets").await;
    assert!(answer.whole);
    assert_eq!(answer.body.matches('y').count(), 256 * 16 * 1024);
}

async fn limited(seen: &Seen) -> (Server, Edge) {
    let server = Server::start(noting("taken", seen)).await;
    let edge = Edge::with(&[("tickets", &[server.address])], |settings| {
        settings.body_max = 100_000;
        settings.patience.idle = Duration::from_millis(200);
    })
    .await;
    (server, edge)
}

#[tokio::test]
async fn a_body_above_the_limit_is_refused_while_it_is_still_sent() {
    let seen = Seen::default();
    let (_server, edge) = limited(&seen).await;
    let body = vec![b'z'; 3_000_000];
    for head in ["content-length: 3000000", "transfer-encoding: chunked"] {
        let mut client = Client::connect(edge.server.address).await;
        client
            .send(&format!(
                "POST /api/tickets HTTP/1.1\r\nhost: x\r\n{head}\r\n\r\n"
            ))
            .await;
        if head.starts_with("transfer") {
            client.send("2dc6c0\r\n").await;
        }
        assert!(client.try_send(&body).await, "nobody hangs up on it");
        client.try_send(b"\r\n0\r\n\r\n").await;
        let answer = client.answer().await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (413, "body_too_large"),
            "{head}"
        );
    }
}

#[tokio::test]
async fn a_services_own_limit_reaches_a_client_that_is_still_sending() {
    let strict = Router::new().route(
        "/api/tickets",
        post(|request: Request| async move {
            // As the services do: what is not wanted is read all the same.
            let mut body = request.into_body();
            while let Some(Ok(_)) = body.frame().await {}
            (axum::http::StatusCode::PAYLOAD_TOO_LARGE, "own limit").into_response()
        }),
    );
    let server = Server::start(ready(strict)).await;
    let edge = Edge::before(&[("tickets", &[server.address])]).await;
    let mut client = Client::connect(edge.server.address).await;
    client
        .send("POST /api/tickets HTTP/1.1\r\nhost: x\r\ncontent-length: 900000\r\n\r\n")
        .await;
    assert!(client.try_send(&vec![b'z'; 900_000]).await);
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.body.as_str()), (413, "own limit"));
}

#[tokio::test]
async fn a_client_that_stops_sending_is_not_waited_for() {
    let seen = Seen::default();
    let (_server, edge) = limited(&seen).await;
    let ask = async |key: &str| {
        edge.ask(&format!(
            "POST /api/tickets HTTP/1.1\r\nhost: x\r\n{key}content-length: 10\r\n\r\nhalf"
        ))
        .await
    };
    for answer in <[_; 2]>::from(futures::join!(ask(""), ask("idempotency-key: k\r\n"))) {
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (408, "body_timeout")
        );
    }
}
