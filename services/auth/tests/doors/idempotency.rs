//! Requests that are sent again.

use anyhow::Result;
use contracts::events::auth::User;
use serde_json::json;

use crate::site::{PASSWORD, Site, cookie, credentials};

#[tokio::test]
async fn a_repeated_sign_up_signs_in() -> Result<()> {
    let site = Site::open().await?;
    let ada = credentials("ada@example.org", PASSWORD);
    let first = site.post_with_key("signup", "key", ada.clone()).await?;
    let second = site.post_with_key("signup", "key", ada.clone()).await?;
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (201, 201));
    assert_eq!(first.body, second.body);
    assert_ne!(cookie(&first)?, cookie(&second)?, "a session of its own");
    for cookie in [cookie(&first)?, cookie(&second)?] {
        assert_eq!(
            site.current(&cookie).await?.as_deref(),
            Some("ada@example.org")
        );
    }
    let without = site.post("signup", None, ada).await?;
    assert_eq!(without.code(), "email_in_use");
    site.world.wait_for_event::<User>(|_, _| true).await?;
    site.world.settle().await?;
    assert_eq!(
        site.world
            .events
            .lock()
            .unwrap()
            .iter()
            .filter(|e| e.aggregate == "user")
            .count(),
        1
    );
    site.end().await
}

#[tokio::test]
async fn a_key_gives_no_session_without_the_password() -> Result<()> {
    let site = Site::open().await?;
    site.post_with_key("signup", "key", credentials("ada@example.org", PASSWORD))
        .await?;
    for (email, password) in [
        ("ada@example.org", "another password"),
        ("eve@example.org", PASSWORD),
    ] {
        let answer = site
            .post_with_key("signup", "key", credentials(email, password))
            .await?;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (422, "idempotency_key_reused")
        );
        assert!(cookie(&answer).is_err());
    }
    site.post_with_key("signin", "key", credentials("ada@example.org", PASSWORD))
        .await?;
    let guess = site
        .post_with_key("signin", "key", credentials("ada@example.org", "guess"))
        .await?;
    assert_eq!(
        (guess.status.as_u16(), guess.code().as_str()),
        (400, "wrong_credentials")
    );
    assert!(cookie(&guess).is_err());
    site.end().await
}

#[tokio::test]
async fn neither_cookie_nor_password_is_stored() -> Result<()> {
    let site = Site::open().await?;
    site.post_with_key("signup", "up", credentials("ada@example.org", PASSWORD))
        .await?;
    site.post_with_key("signin", "in", credentials("ada@example.org", PASSWORD))
        .await?;
    let read = async |tx: &mut platform::Tx| {
        tx.query(
            "select fingerprint, headers, body from idempotency_keys",
            &[],
        )
        .await
    };
    let rows = site.db()?.read(read).await?;
    assert_eq!(rows.len(), 2);
    let email = platform::http::fields::fingerprint(b"ada@example.org");
    for row in rows {
        assert_eq!(row.get::<String>(0)?, email);
        assert!(!row.get::<String>(1)?.contains("session="));
    }
    site.end().await
}

#[tokio::test]
async fn a_refused_sign_up_is_refused_again() -> Result<()> {
    let site = Site::open().await?;
    site.sign_up("ada@example.org").await?;
    for _ in 0..2 {
        let answer = site
            .post_with_key("signup", "key", credentials("ada@example.org", PASSWORD))
            .await?;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (409, "email_in_use")
        );
        assert!(cookie(&answer).is_err());
    }
    site.end().await
}

#[tokio::test]
async fn a_repeated_sign_in_opens_another_session() -> Result<()> {
    let site = Site::open().await?;
    site.sign_up("ada@example.org").await?;
    let ada = credentials("ada@example.org", PASSWORD);
    let first = site.post_with_key("signin", "key", ada.clone()).await?;
    let second = site.post_with_key("signin", "key", ada).await?;
    assert_eq!(
        (first.status.as_u16(), &first.body),
        (second.status.as_u16(), &second.body)
    );
    assert_ne!(cookie(&first)?, cookie(&second)?);
    assert!(site.current(&cookie(&second)?).await?.is_some());
    site.end().await
}

#[tokio::test]
async fn a_repeated_change_changes_once() -> Result<()> {
    let site = Site::open().await?;
    let here = site.sign_up("ada@example.org").await?;
    let change = async |new: &str| {
        let request = http::Request::post("/api/users/password")
            .header("content-type", "application/json")
            .header("idempotency-key", "\"key\"")
            .header("cookie", &here)
            .body(axum::body::Body::from(
                json!({"current": PASSWORD, "new": new}).to_string(),
            ))?;
        site.world.send(request).await
    };
    assert_eq!(change("a new password").await?.status, 204);
    assert_eq!(change("a new password").await?.status, 204);
    let other = change("yet another one").await?;
    assert_eq!(
        (other.status.as_u16(), other.code().as_str()),
        (422, "idempotency_key_reused")
    );
    assert_eq!(
        site.sign_in("ada@example.org", "a new password")
            .await?
            .status,
        200
    );
    site.end().await
}
