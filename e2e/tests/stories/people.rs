//! What the people of the stories do again and again.

use std::time::Duration;

use e2e::{Client, Marketplace};
use http::StatusCode;
use serde_json::{Value, json};

/// Signs somebody up.
pub async fn person(marketplace: &Marketplace, name: &str) -> Client {
    Client::sign_up(marketplace.address, name).await.unwrap()
}

/// Reserves a ticket; answers the order's id.
pub async fn reserve(buyer: &mut Client, ticket: &str) -> String {
    let answer = buyer
        .post("/api/orders", &json!({"ticketId": ticket}))
        .await
        .unwrap();
    assert_eq!(answer.status, StatusCode::CREATED, "{:?}", answer.body);
    answer.text("id").unwrap()
}

/// Pays with a card; answers the status code.
pub async fn pay(buyer: &mut Client, order: &str, token: &str) -> StatusCode {
    let body = json!({"orderId": order, "token": token});
    buyer.post("/api/payments", &body).await.unwrap().status
}

/// The JSON of a resource.
pub async fn see(person: &mut Client, path: &str) -> Value {
    person.get(path).await.unwrap().json()
}

/// Waits until a field of a resource has this value.
pub async fn until(person: &mut Client, path: &str, field: &str, value: &str) {
    let mut seen = Value::Null;
    for _ in 0..200 {
        seen = see(person, path).await;
        if seen[field] == value {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{path} never showed {field} {value}, but {seen}");
}

/// Waits for the message with this subject at `/dev/mail`; answers its page.
pub async fn mailed(person: &mut Client, subject: &str) -> String {
    for _ in 0..200 {
        let list = person.get("/dev/mail").await.unwrap().body;
        let list = String::from_utf8(list.to_vec()).unwrap();
        let line = list.lines().find(|line| line.contains(subject));
        let path = line.and_then(|line| line.split('"').find(|part| part.starts_with("/dev/")));
        if let Some(path) = path {
            let message = person.get(path).await.unwrap().body;
            return String::from_utf8(message.to_vec()).unwrap();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no mail says {subject}");
}
