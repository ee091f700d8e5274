//! When there is no answer: what is asked again, what is not, and what the client is told.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::response::IntoResponse as _;
use axum::routing::get;

use crate::fickle::Fickle;
use crate::world::{Answer, Client, Edge, SOON, Server, nobody, ready};

async fn quiet(upstreams: &[(&str, &[std::net::SocketAddr])]) -> Edge {
    Edge::with(upstreams, |settings| settings.rhythm.probe = SOON * 100).await
}

async fn act(edge: &Edge, method: &str, headers: &str) -> Answer {
    edge.ask(&format!(
        "{method} /api/orders HTTP/1.1\r\nhost: x\r\n{headers}content-length: 2\r\n\r\n{{}}"
    ))
    .await
}

#[tokio::test]
async fn reading_is_tried_again() {
    let server = Fickle::start(&[0, 0, 9]).await;
    let edge = quiet(&[("orders", &[server.address])]).await;
    assert_eq!(edge.get("/api/orders").await.body, "ok");
    assert_eq!(server.asked(), 3);
    let broken = Fickle::start(&[0]).await;
    let edge = quiet(&[("orders", &[broken.address])]).await;
    let answer = edge.get("/api/orders").await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (502, "service_broke_off")
    );
    assert_eq!(broken.asked(), 3, "not for ever");
}

#[tokio::test]
async fn an_act_is_not_done_twice() {
    let server = Fickle::start(&[0, 9]).await;
    let edge = quiet(&[("orders", &[server.address])]).await;
    let answer = act(&edge, "POST", "").await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (502, "service_broke_off")
    );
    assert_eq!(server.asked(), 1);
}

#[tokio::test]
async fn an_act_is_not_done_twice_on_a_used_connection_either() {
    let server = Fickle::start(&[1, 9]).await;
    let edge = quiet(&[("orders", &[server.address])]).await;
    assert_eq!(edge.get("/api/orders").await.body, "ok");
    let answer = act(&edge, "POST", "").await;
    assert_eq!(answer.status, 502);
    assert_eq!(server.asked(), 2);
}

#[tokio::test]
async fn an_act_with_a_key_may_be_tried_again() {
    let server = Fickle::start(&[0, 9]).await;
    let edge = quiet(&[("orders", &[server.address])]).await;
    let answer = act(&edge, "POST", "idempotency-key: \"k\"\r\n").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "ok"));
    assert_eq!(server.asked(), 2);
}

#[tokio::test]
async fn a_change_is_tried_again_only_where_an_old_connection_was_closed() {
    let fresh = Fickle::start(&[0, 9]).await;
    let edge = quiet(&[("orders", &[fresh.address])]).await;
    assert_eq!(act(&edge, "PUT", "").await.status, 502);
    assert_eq!(fresh.asked(), 1);
    let used = Fickle::start(&[1, 9]).await;
    let edge = quiet(&[("orders", &[used.address])]).await;
    assert_eq!(edge.get("/api/orders").await.body, "ok");
    assert_eq!(act(&edge, "PUT", "").await.body, "ok");
    assert_eq!(used.asked(), 3);
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_not_taken_for_a_whole_one() {
    let (send, pieces) = tokio::sync::mpsc::channel::<Result<&'static str, std::io::Error>>(4);
    let pieces = Arc::new(std::sync::Mutex::new(Some(pieces)));
    let dying = Router::new().route(
        "/api/orders",
        get(|| async move {
            let pieces = pieces.lock().unwrap().take();
            let pieces = futures::stream::unfold(pieces, |pieces| async {
                let mut pieces = pieces?;
                Some((pieces.recv().await?, Some(pieces)))
            });
            axum::body::Body::from_stream(pieces)
        }),
    );
    let server = Server::start(ready(dying)).await;
    let edge = Edge::before(&[("orders", &[server.address])]).await;
    let mut client = Client::connect(edge.server.address).await;
    client
        .send("GET /api/orders HTTP/1.1\r\nhost: x\r\n\r\n")
        .await;
    send.send(Ok("one, ")).await.unwrap();
    client.read_until("one, ").await;
    send.send(Err(std::io::Error::other("dies"))).await.unwrap();
    let text = client.read_to_end().await;
    assert!(
        text.contains("200 OK") && !text.ends_with("0\r\n\r\n"),
        "{text}"
    );
}

#[tokio::test]
async fn a_slow_service_is_not_waited_for_for_ever() {
    let slow = Router::new().fallback(std::future::pending::<()>);
    let server = Server::start(ready(slow)).await;
    let edge = Edge::with(&[("payments", &[server.address])], |settings| {
        settings.patience.head = Duration::from_millis(200);
    })
    .await;
    let answer = edge.get("/api/payments").await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (504, "service_timeout")
    );
}

#[tokio::test]
async fn people_get_a_page_and_programs_a_problem() {
    let edge = Edge::with(
        &[("web", &[nobody().await]), ("orders", &[nobody().await])],
        |settings| {
            settings.show = Some(Arc::new(|refused| {
                (refused.status, axum::response::Html("<h1>a page</h1>")).into_response()
            }));
        },
    )
    .await;
    let browser = "accept: text/html,*/*;q=0.8\r\n";
    let ask = async |path: &str, headers: &str| {
        edge.ask(&format!("GET {path} HTTP/1.1\r\nhost: x\r\n{headers}\r\n"))
            .await
    };
    let page = ask("/", browser).await;
    assert_eq!((page.status, page.body.as_str()), (503, "<h1>a page</h1>"));
    for (path, headers) in [
        ("/", ""),
        ("/", "accept: */*\r\n"),
        ("/api/orders", browser),
    ] {
        let answer = ask(path, headers).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (503, "service_unreachable")
        );
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
}

#[tokio::test]
async fn one_service_that_is_down_stops_no_other() {
    let seen = crate::world::Seen::default();
    let tickets = Server::start(crate::world::noting("tickets", &seen)).await;
    let edge = Edge::before(&[
        ("tickets", &[tickets.address]),
        ("orders", &[nobody().await]),
    ])
    .await;
    assert_eq!(edge.get("/api/orders").await.status, 503);
    assert_eq!(
        edge.get("/api/users/currentuser").await.status,
        503,
        "nobody was named"
    );
    assert_eq!(edge.get("/api/tickets").await.body, "tickets");
}
