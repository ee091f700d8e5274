//! Refusals as their clients meet them: while they still send, and each with its code.

use std::time::Duration;

use e2e::{Client, Marketplace};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::input::{fields, start};
use crate::people::person;

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
    // Who says nothing more is waited for: by the service, and apart by the load balancer too.
    let (_, status) = tokio::time::timeout(Duration::from_secs(25), both)
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
            None,
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
