//! Several replicas of a service: each has its share, the dead and the unready have none.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;

use crate::world::{Client, Edge, SOON, Seen, Server, nobody, noting, ready};

async fn shares(edge: &Edge, count: usize) -> BTreeMap<String, usize> {
    let mut shares = BTreeMap::new();
    for _ in 0..count {
        let answer = edge.get("/api/tickets").await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        *shares.entry(answer.body).or_default() += 1;
    }
    shares
}

fn by_name(shares: &[(&str, usize)]) -> BTreeMap<String, usize> {
    let named = shares
        .iter()
        .map(|(name, count)| ((*name).to_owned(), *count));
    named.collect()
}

#[tokio::test]
async fn replicas_take_turns() {
    let seen = Seen::default();
    let (a, b) = (
        Server::start(noting("a", &seen)).await,
        Server::start(noting("b", &seen)).await,
    );
    let edge = Edge::before(&[("tickets", &[a.address, b.address])]).await;
    let ready = || async { shares(&edge, 2).await == by_name(&[("a", 1), ("b", 1)]) };
    edge.until("both are ready", ready).await;
    assert_eq!(shares(&edge, 10).await, by_name(&[("a", 5), ("b", 5)]));
}

#[tokio::test]
async fn the_less_busy_one_is_asked() {
    let seen = Seen::default();
    let slow = Router::new().route(
        "/api/tickets/slow",
        get(|| async {
            (
                [("content-type", "text/event-stream")],
                axum::body::Body::from_stream(futures::stream::pending::<
                    Result<String, std::io::Error>,
                >()),
            )
        }),
    );
    let (a, b) = (
        Server::start(slow.clone().merge(noting("a", &seen))).await,
        Server::start(slow.merge(noting("b", &seen))).await,
    );
    let edge = Edge::before(&[("tickets", &[a.address, b.address])]).await;
    let mut held = Client::connect(edge.server.address).await;
    held.send("GET /api/tickets/slow HTTP/1.1\r\nhost: x\r\n\r\n")
        .await;
    held.read_until("\r\n\r\n").await;
    assert_eq!(
        shares(&edge, 6).await.len(),
        1,
        "the other one holds a stream"
    );
}

#[tokio::test]
async fn a_dead_replica_costs_no_request_and_comes_back() {
    let seen = Seen::default();
    let (a, b) = (
        Server::start(noting("a", &seen)).await,
        Server::start(noting("b", &seen)).await,
    );
    let edge = Edge::before(&[("tickets", &[a.address, b.address])]).await;
    shares(&edge, 4).await;
    let address = b.address;
    b.stop().await;
    drop(b);
    assert_eq!(shares(&edge, 10).await.get("a"), Some(&10));
    let _again = Server::at(address, noting("b again", &seen)).await;
    let is_back = || async { shares(&edge, 2).await.contains_key("b again") };
    edge.until("it is back", is_back).await;
}

#[tokio::test]
async fn a_request_that_could_not_be_sent_is_sent_to_another() {
    let seen = Seen::default();
    let a = Server::start(noting("a", &seen)).await;
    let edge = Edge::with(
        &[("tickets", &[nobody().await, a.address, nobody().await])],
        |settings| {
            // Nobody is asked again, so it is the requests that find out.
            settings.rhythm.probe = SOON * 100;
        },
    )
    .await;
    for _ in 0..4 {
        let answer = edge
            .ask("POST /api/tickets HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n")
            .await;
        assert_eq!(answer.body, "a");
        assert_eq!(seen.last().body, "body");
    }
    assert_eq!(seen.all().len(), 4, "each once");
}

#[tokio::test]
async fn the_unready_get_nothing_while_another_is_ready() {
    let seen = Seen::default();
    let is_ready = Arc::new(AtomicBool::new(true));
    let asked = Arc::clone(&is_ready);
    let wavering = Router::new()
        .route(
            "/readyz",
            get(move || {
                let is_ready = asked.load(Ordering::Relaxed);
                async move {
                    if is_ready {
                        StatusCode::OK
                    } else {
                        StatusCode::SERVICE_UNAVAILABLE
                    }
                }
            }),
        )
        .fallback(|| async { "wavering" });
    let (a, b) = (
        Server::start(noting("a", &seen)).await,
        Server::start(wavering).await,
    );
    let edge = Edge::before(&[("tickets", &[a.address, b.address])]).await;
    let both = || async { shares(&edge, 2).await.len() == 2 };
    edge.until("both are asked", both).await;
    is_ready.store(false, Ordering::Relaxed);
    let alone = || async { shares(&edge, 6).await == by_name(&[("a", 6)]) };
    edge.until("one is left alone", alone).await;
    a.stop().await;
    drop(a);
    let last = || async { edge.get("/api/tickets").await.body == "wavering" };
    edge.until("better than none", last).await;
    is_ready.store(true, Ordering::Relaxed);
    edge.until("it stays", last).await;
}

#[tokio::test]
async fn above_its_limit_a_service_is_busy() {
    let hanging = Router::new().fallback(std::future::pending::<()>);
    let server = Server::start(ready(hanging)).await;
    let edge = Edge::with(&[("orders", &[server.address])], |settings| {
        settings.in_flight_max = 1;
        settings.rhythm.probe = SOON * 100;
    })
    .await;
    let mut held = Client::connect(edge.server.address).await;
    held.send("GET /api/orders HTTP/1.1\r\nhost: x\r\n\r\n")
        .await;
    let mut probe = Client::connect(edge.server.address).await;
    let refused = || async {
        let mut second = Client::connect(edge.server.address).await;
        second
            .send("GET /api/orders HTTP/1.1\r\nhost: x\r\n\r\n")
            .await;
        let answer =
            tokio::time::timeout(std::time::Duration::from_millis(200), second.answer()).await;
        answer.is_ok_and(|answer| {
            (
                answer.status,
                answer.code().as_str(),
                answer.header("retry-after"),
            ) == (503, "service_busy", Some("1"))
        })
    };
    edge.until("the second is refused", refused).await;
    probe.send("GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(probe.answer().await.status, 200, "others go on");
}

#[tokio::test]
async fn names_are_resolved_and_one_that_is_unknown_harms_no_other_service() {
    let seen = Seen::default();
    let a = Server::start(noting("a", &seen)).await;
    let edge = Edge::with(&[], |settings| {
        let named = vec![format!("localhost:{}", a.address.port())];
        settings.upstreams.insert("tickets".to_owned(), named);
        let unknown = vec!["nowhere.invalid:80".to_owned()];
        settings.upstreams.insert("orders".to_owned(), unknown);
    })
    .await;
    assert_eq!(edge.get("/api/tickets").await.body, "a");
    let answer = edge.get("/api/orders").await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (503, "service_unreachable")
    );
}
