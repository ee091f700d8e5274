//! Bad input gets a clear answer that names what is wrong, and loses nothing.

use std::time::Duration;

use e2e::{Client, Composition, Marketplace};
use http::StatusCode;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::people::{person, see};

async fn start() -> (Marketplace, Client) {
    let marketplace = Marketplace::start(Composition::Embedded, &[])
        .await
        .unwrap();
    let seller = person(&marketplace, "seller").await;
    (marketplace, seller)
}

fn fields(problem: &Value) -> Vec<&str> {
    let errors = problem["errors"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    errors
        .iter()
        .filter_map(|error| error["field"].as_str())
        .collect()
}

#[tokio::test]
async fn bad_prices_and_titles_are_named() {
    let (marketplace, mut seller) = start().await;
    for price in [
        "-1",
        "0",
        "0.001",
        "1e400",
        "\"NaN\"",
        "\"1,99\"",
        "99999999999999",
        "null",
        "[]",
        "{}",
        "true",
    ] {
        let body = format!("{{\"title\":\"A concert\",\"price\":{price}}}");
        let answer = seller
            .raw("/api/tickets", "application/json", body.into())
            .await
            .unwrap();
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{price}");
        assert_eq!(
            fields(&answer.json()),
            ["price"],
            "{price}: {:?}",
            answer.body
        );
    }
    let long = "x".repeat(10_000);
    for title in [
        json!(""),
        json!("  \t "),
        json!(long),
        json!(7),
        json!("a\u{0}b"),
        json!("a\u{202e}b"),
        Value::Null,
    ] {
        let body = json!({"title": title, "price": 5});
        let answer = seller.post("/api/tickets", &body).await.unwrap();
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{title}");
        assert_eq!(fields(&answer.json()), ["title"], "{title}");
    }
    let both = seller
        .post("/api/tickets", &json!({"title": "", "price": -1}))
        .await
        .unwrap();
    assert_eq!(fields(&both.json()), ["title", "price"]);
    let kept = json!({"title": "🎸 حفلة in the park", "price": "19.99"});
    let answer = seller.post("/api/tickets", &kept).await.unwrap();
    assert_eq!(answer.status, StatusCode::CREATED);
    assert_eq!(answer.json()["price"].to_string(), "19.99");
    assert_eq!(
        see(&mut seller, "/api/tickets/mine")
            .await
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    marketplace.audit_and_stop().await.unwrap();
}

#[tokio::test]
async fn bad_bodies_are_refused() {
    let (marketplace, seller) = start().await;
    let deep = format!("{{\"title\":{}1{}}}", "[".repeat(5000), "]".repeat(5000));
    let cases: [(&str, Vec<u8>, StatusCode); 6] = [
        (
            "application/json",
            b"not json".to_vec(),
            StatusCode::BAD_REQUEST,
        ),
        ("application/json", b"[]".to_vec(), StatusCode::BAD_REQUEST),
        (
            "application/json",
            deep.into_bytes(),
            StatusCode::BAD_REQUEST,
        ),
        (
            "application/json",
            vec![b'{', b'"', 0xff, 0xfe, b'"', b'}'],
            StatusCode::BAD_REQUEST,
        ),
        (
            "text/plain",
            b"{}".to_vec(),
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ),
        (
            "application/json",
            vec![b' '; 10_000_000],
            StatusCode::PAYLOAD_TOO_LARGE,
        ),
    ];
    for (kind, body, expected) in cases {
        let mut client = seller.again().await.unwrap();
        let answer = client.raw("/api/tickets", kind, body).await.unwrap();
        assert_eq!(answer.status, expected, "{:?}", answer.body);
        let kind = answer
            .headers
            .get("content-type")
            .unwrap()
            .to_str()
            .unwrap();
        assert_eq!(kind, "application/problem+json");
        assert!(!answer.code().is_empty() && answer.json()["errors"].is_array());
    }
    marketplace.audit_and_stop().await.unwrap();
}

#[tokio::test]
async fn ids_that_are_none_and_paths_that_lead_nowhere() {
    let (marketplace, mut seller) = start().await;
    let unknown = "0192aaaa-bbbb-7ccc-8ddd-eeeeffff0000";
    for path in [
        "/api/tickets/nonsense".to_owned(),
        "/api/orders/%00".to_owned(),
        format!("/api/tickets/{unknown}"),
        format!("/api/orders/{unknown}"),
        "/api/nothing/here".to_owned(),
    ] {
        let answer = seller.get(&path).await.unwrap();
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(answer.code(), "not_found", "{path}");
    }
    let page = seller.get("/no/such/page").await.unwrap();
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert!(
        page.headers
            .get("content-type")
            .unwrap()
            .to_str()
            .unwrap()
            .starts_with("text/html")
    );
    marketplace.audit_and_stop().await.unwrap();
}

#[tokio::test]
async fn sessions_that_are_none() {
    let (marketplace, seller) = start().await;
    let good = seller.cookie.clone().unwrap();
    let cut = good[..good.len() - 4].to_owned();
    let none = "session=eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.".to_owned();
    let swapped = good.replace("v4.public.", "v4.local.");
    for cookie in [
        cut,
        none,
        swapped,
        "session=".to_owned(),
        format!("{good}x"),
    ] {
        let mut client = Client::connect(marketplace.address).await.unwrap();
        client.cookie = Some(cookie.clone());
        let mine = client.get("/api/tickets/mine").await.unwrap();
        assert_eq!(mine.status, StatusCode::UNAUTHORIZED, "{cookie}");
        let current = client.get("/api/users/currentuser").await.unwrap();
        assert_eq!(current.json(), json!({"currentUser": null}));
    }
    marketplace.audit_and_stop().await.unwrap();
}

#[tokio::test]
async fn another_site_can_change_nothing() {
    let (marketplace, mut seller) = start().await;
    let body = json!({"title": "From elsewhere", "price": 1});
    for headers in [
        [("sec-fetch-site", "cross-site")],
        [("origin", "https://evil.example")],
    ] {
        let answer = seller
            .call("POST", "/api/tickets", Some(&body), &headers)
            .await
            .unwrap();
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{headers:?}");
    }
    assert_eq!(see(&mut seller, "/api/tickets/mine").await, json!([]));
    marketplace.audit_and_stop().await.unwrap();
}

/// Writes to a socket without reading first; answers what came back.
async fn typed(marketplace: &Marketplace, head: &str, piece: &[u8], pieces: usize) -> String {
    let (read, mut write) = TcpStream::connect(marketplace.address)
        .await
        .unwrap()
        .into_split();
    let writing = async {
        write.write_all(head.as_bytes()).await?;
        for _ in 0..pieces {
            write.write_all(piece).await?;
        }
        std::io::Result::Ok(())
    };
    let mut reading = BufReader::new(read);
    let answer = async {
        let mut status = String::new();
        reading.read_line(&mut status).await.map(|_| status)
    };
    let both = async { tokio::join!(writing, answer) };
    let (_, status) = tokio::time::timeout(Duration::from_secs(10), both)
        .await
        .unwrap();
    status.unwrap()
}

#[tokio::test]
async fn a_body_that_is_too_large_is_answered_while_it_is_sent() {
    let (marketplace, seller) = start().await;
    let head = |more: &str| {
        let cookie = seller.cookie.clone().unwrap();
        format!(
            "POST /api/tickets HTTP/1.1\r\nhost: {}\r\ncookie: {cookie}\r\n\
             content-type: application/json\r\n{more}\r\n",
            marketplace.address
        )
    };
    let piece = [b' '; 65_536];
    let announced = head("content-length: 10000000\r\n");
    let waiting = head("content-length: 10000000\r\nexpect: 100-continue\r\n");
    let chunk = [b"10000\r\n".as_slice(), &piece, b"\r\n"].concat();
    let chunked = head("transfer-encoding: chunked\r\n");
    for (head, piece, pieces) in [
        (&announced, piece.as_slice(), 0),
        (&announced, &piece, 152),
        (&waiting, &piece, 0),
        (&chunked, &chunk, 2),
        (&chunked, &chunk, 152),
    ] {
        let status = typed(&marketplace, head, piece, pieces).await;
        assert!(
            status.starts_with("HTTP/1.1 413 "),
            "{pieces} pieces: {status}"
        );
    }
    marketplace.audit_and_stop().await.unwrap();
}

#[tokio::test]
async fn each_refusal_has_its_code() {
    let (marketplace, mut seller) = start().await;
    let ticket = seller.list_ticket("A concert").await.unwrap();
    let mut buyer = person(&marketplace, "buyer").await;
    let mut nobody = Client::connect(marketplace.address).await.unwrap();
    let path = format!("/api/tickets/{ticket}");
    let draft = json!({"title": "Mine now", "price": 1});
    let wish = json!({"ticketId": ticket});
    let cases = [
        (
            nobody.call("POST", "/api/orders", Some(&wish), &[]).await,
            401,
            "not_signed_in",
            None,
        ),
        (
            buyer.call("PUT", &path, Some(&draft), &[]).await,
            403,
            "not_your_ticket",
            None,
        ),
        (
            buyer.call("DELETE", &path, None, &[]).await,
            403,
            "not_your_ticket",
            None,
        ),
        (
            buyer.call("PATCH", &path, None, &[]).await,
            405,
            "method_not_allowed",
            None,
        ),
        (
            seller
                .call("PUT", &path, Some(&draft), &[("if-match", "\"9\"")])
                .await,
            412,
            "version_mismatch",
            None,
        ),
        (
            seller.post("/api/orders", &wish).await,
            409,
            "own_ticket",
            None,
        ),
        (
            buyer
                .post("/api/orders", &json!({"ticketId": ticket, "price": 1}))
                .await,
            409,
            "price_changed",
            Some("price"),
        ),
        (
            buyer
                .post("/api/orders", &json!({"ticketId": ticket, "version": 0}))
                .await,
            409,
            "offer_changed",
            None,
        ),
        (
            buyer
                .post("/api/orders", &json!({"ticketId": "nonsense"}))
                .await,
            400,
            "invalid_input",
            Some("ticketId"),
        ),
        (
            buyer.post("/api/orders", &json!({"ticketId": 7})).await,
            400,
            "invalid_input",
            Some("ticketId"),
        ),
        (
            buyer.post("/api/orders", &json!({})).await,
            400,
            "invalid_input",
            Some("ticketId"),
        ),
        (
            buyer
                .post("/api/payments", &json!({"orderId": "x", "token": ""}))
                .await,
            400,
            "invalid_input",
            Some("orderId"),
        ),
        (
            nobody
                .post(
                    "/api/users/signup",
                    &json!({"email": "x", "password": "correct horse"}),
                )
                .await,
            400,
            "invalid_input",
            Some("email"),
        ),
        (
            nobody
                .post(
                    "/api/users/signup",
                    &json!({"email": "a@b.example", "password": "short"}),
                )
                .await,
            400,
            "invalid_input",
            Some("password"),
        ),
        (
            nobody
                .post(
                    "/api/users/signup",
                    &json!({"email": "BUYER@bench.example", "password": "correct horse"}),
                )
                .await,
            409,
            "email_in_use",
            Some("email"),
        ),
        (
            nobody
                .post(
                    "/api/users/signin",
                    &json!({"email": "buyer@bench.example", "password": "wrong horse"}),
                )
                .await,
            400,
            "wrong_credentials",
            None,
        ),
        (
            nobody
                .post(
                    "/api/users/signin",
                    &json!({"email": "none@bench.example", "password": "wrong horse"}),
                )
                .await,
            400,
            "wrong_credentials",
            None,
        ),
    ];
    for (answer, status, code, field) in cases {
        let answer = answer.unwrap();
        let said = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (status, code),
            "{said}"
        );
        assert_eq!(fields(&answer.json()).first().copied(), field, "{said}");
    }
    marketplace.audit_and_stop().await.unwrap();
}
