//! Limits on guessing, and on how many are served at once.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use auth::{Cost, Settings};
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::{Request, header};
use testing::Answered;

use crate::site::{PASSWORD, Site, cookie, credentials};

async fn sign_in_from(site: &Site, peer: &str, email: &str, password: &str) -> Result<Answered> {
    let request = Request::post("/api/users/signin")
        .header(header::CONTENT_TYPE, "application/json")
        .extension(ConnectInfo(peer.parse::<SocketAddr>()?))
        .body(Body::from(credentials(email, password).to_string()))?;
    site.world.send(request).await
}

#[tokio::test]
async fn ten_wrong_passwords_a_minute_are_heard() -> Result<()> {
    let site = Site::open().await?;
    for email in ["ada@example.org", "eve@example.org"] {
        site.sign_up(email).await?;
    }
    for _ in 0..10 {
        assert_eq!(site.sign_in("ada@example.org", "wrong").await?.status, 400);
    }
    let refused = site.sign_in("ADA@example.org", PASSWORD).await?;
    assert_eq!(
        (refused.status.as_u16(), refused.code().as_str()),
        (429, "too_many_failures")
    );
    let wait: u64 = refused.headers[header::RETRY_AFTER].to_str()?.parse()?;
    assert!((1..=61).contains(&wait), "{wait}");
    assert_eq!(
        site.sign_in("eve@example.org", PASSWORD).await?.status,
        200,
        "others are not concerned"
    );
    site.world.clock.advance(Duration::from_secs(wait));
    assert_eq!(site.sign_in("ada@example.org", PASSWORD).await?.status, 200);
    site.end().await
}

#[tokio::test]
async fn an_unknown_address_has_the_same_limit() -> Result<()> {
    let site = Site::open().await?;
    for _ in 0..10 {
        assert_eq!(
            site.sign_in("nobody@example.org", "wrong").await?.status,
            400
        );
    }
    assert_eq!(
        site.sign_in("nobody@example.org", "wrong").await?.status,
        429
    );
    site.end().await
}

#[tokio::test]
async fn who_guesses_for_many_accounts_is_stopped_by_the_network_address() -> Result<()> {
    let site = Site::open().await?;
    site.sign_up("ada@example.org").await?;
    for number in 0..10 {
        let email = format!("guess-{number}@example.org");
        let answer = sign_in_from(&site, "192.0.2.7:1000", &email, "wrong").await?;
        assert_eq!(answer.status, 400);
    }
    let refused = sign_in_from(&site, "192.0.2.7:2000", "ada@example.org", PASSWORD).await?;
    assert_eq!(refused.status, 429);
    let other = sign_in_from(&site, "192.0.2.8:1000", "ada@example.org", PASSWORD).await?;
    assert_eq!(other.status, 200);
    site.end().await
}

#[tokio::test]
async fn right_passwords_are_never_too_many() -> Result<()> {
    let site = Site::open().await?;
    site.sign_up("ada@example.org").await?;
    for _ in 0..30 {
        assert_eq!(site.sign_in("ada@example.org", PASSWORD).await?.status, 200);
    }
    site.end().await
}

#[tokio::test]
async fn guesses_sent_at_once_are_counted_too() -> Result<()> {
    let site = Site::open_with(|settings| Settings {
        hash_concurrency: 1,
        ..settings
    })
    .await?;
    site.sign_up("ada@example.org").await?;
    let rush = (0..50).map(|_| site.sign_in("ada@example.org", "wrong"));
    let answers = futures::future::try_join_all(rush).await?;
    let heard = answers.iter().filter(|answer| answer.status == 400).count();
    assert_eq!(heard, 10);
    assert!(
        answers
            .iter()
            .all(|answer| answer.status == 400 || answer.status == 429)
    );
    site.end().await
}

#[tokio::test]
async fn who_finds_the_line_full_is_told_to_come_back() -> Result<()> {
    // A hash takes long enough that the others come meanwhile.
    let hash_cost = Cost::new(8 * 1024, 2)?;
    let narrow = |settings| Settings {
        hash_concurrency: 1,
        hash_waiting_max: 1,
        hash_cost,
        ..settings
    };
    let site = Site::open_with(narrow).await?;
    site.sign_up("ada@example.org").await?;
    let rush = (0..20).map(|_| site.sign_in("ada@example.org", PASSWORD));
    let answers = futures::future::try_join_all(rush).await?;
    assert!(answers.iter().any(|answer| answer.status == 200));
    let busy: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status != 200)
        .collect();
    assert!(!busy.is_empty());
    for answer in busy {
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (503, "busy")
        );
        assert!(answer.headers.contains_key(header::RETRY_AFTER));
    }
    assert_eq!(site.sign_in("ada@example.org", PASSWORD).await?.status, 200);
    site.end().await
}

#[tokio::test]
async fn changing_a_password_is_no_way_to_guess_it() -> Result<()> {
    let site = Site::open().await?;
    let here = site.sign_up("ada@example.org").await?;
    let guess = serde_json::json!({"current": "wrong", "new": "something else"});
    for _ in 0..10 {
        assert_eq!(
            site.post("password", Some(&here), guess.clone())
                .await?
                .status,
            400
        );
    }
    assert_eq!(site.post("password", Some(&here), guess).await?.status, 429);
    site.world.clock.advance(Duration::from_secs(61));
    assert!(cookie(&site.sign_in("ada@example.org", PASSWORD).await?).is_ok());
    site.end().await
}
