//! Where one is signed in, and signing out there.

use std::time::Duration;

use anyhow::{Context as _, Result};
use http::header;
use platform::clock::later;
use platform::session::SignedIn;
use serde_json::{Value, json};

use crate::site::{PASSWORD, Site, cookie};

async fn sessions(site: &Site, cookie: &str, query: &str) -> Result<Vec<Value>> {
    let path = format!("/api/users/sessions{query}");
    let answer = site.world.call("GET", &path, Some(cookie), None).await?;
    assert_eq!(answer.status, 200, "{}", answer.body);
    Ok(answer.json().as_array().cloned().unwrap_or_default())
}

#[tokio::test]
async fn one_sees_where_one_is_signed_in_and_ends_it_there() -> Result<()> {
    let site = Site::open().await?;
    let here = site.sign_up("ada@example.org").await?;
    let there = cookie(&site.sign_in("ada@example.org", PASSWORD).await?)?;
    let stranger = site.sign_up("eve@example.org").await?;
    let listed = sessions(&site, &here, "").await?;
    let current: Vec<_> = listed
        .iter()
        .map(|session| session["current"].as_bool())
        .collect();
    assert_eq!(current, [Some(false), Some(true)], "newest first");
    assert!(
        listed
            .iter()
            .all(|session| session["createdAt"].is_string() && session["expiresAt"].is_string())
    );

    let path = format!(
        "/api/users/sessions/{}",
        listed[0]["id"].as_str().context("an id")?
    );
    let refused = site
        .world
        .call("DELETE", &path, Some(&stranger), None)
        .await?;
    assert_eq!(refused.status, 404, "somebody else's");
    assert_eq!(
        site.current(&there).await?.as_deref(),
        Some("ada@example.org")
    );
    for _ in 0..2 {
        let ended = site.world.call("DELETE", &path, Some(&here), None).await?;
        assert_eq!(ended.status, 204);
        assert!(ended.headers.get(header::SET_COOKIE).is_none());
    }
    assert_eq!(site.current(&there).await?, None);
    site.heard_elsewhere(&there).await?;
    assert_eq!(sessions(&site, &here, "").await?.len(), 1);
    site.end().await
}

#[tokio::test]
async fn ending_ones_own_session_clears_the_cookie() -> Result<()> {
    let site = Site::open().await?;
    let here = site.sign_up("ada@example.org").await?;
    let listed = sessions(&site, &here, "").await?;
    let path = format!(
        "/api/users/sessions/{}",
        listed[0]["id"].as_str().context("an id")?
    );
    let ended = site.world.call("DELETE", &path, Some(&here), None).await?;
    assert_eq!(ended.status, 204);
    assert!(
        ended.headers[header::SET_COOKIE]
            .to_str()?
            .contains("Max-Age=0")
    );
    assert_eq!(site.current(&here).await?, None);
    site.end().await
}

#[tokio::test]
async fn ids_that_are_none_are_not_there() -> Result<()> {
    let site = Site::open().await?;
    let here = site.sign_up("ada@example.org").await?;
    for id in ["nonsense", "0192aaaa-bbbb-7ccc-8ddd-eeeeffff0000", "1"] {
        let path = format!("/api/users/sessions/{id}");
        let answer = site.world.call("DELETE", &path, Some(&here), None).await?;
        assert_eq!(answer.status, 404, "{id}");
    }
    let answer = site
        .world
        .call("DELETE", "/api/users/sessions/nonsense", None, None)
        .await?;
    assert_eq!(answer.status, 401);
    site.end().await
}

#[tokio::test]
async fn the_list_has_pages() -> Result<()> {
    let site = Site::open().await?;
    let here = site.sign_up("ada@example.org").await?;
    for _ in 0..4 {
        site.sign_in("ada@example.org", PASSWORD).await?;
    }
    let all = sessions(&site, &here, "").await?;
    assert_eq!(all.len(), 5);
    let (mut paged, mut path) = (Vec::new(), "/api/users/sessions?limit=2".to_owned());
    loop {
        let answer = site.world.call("GET", &path, Some(&here), None).await?;
        let page = answer.json().as_array().cloned().unwrap_or_default();
        assert!(page.len() <= 2);
        paged.extend(page);
        let Some(link) = answer.headers.get(header::LINK) else {
            break;
        };
        let link = link.to_str()?;
        path = link
            .trim_start_matches('<')
            .split('>')
            .next()
            .unwrap_or_default()
            .to_owned();
    }
    assert_eq!(paged, all);
    let bad = site
        .world
        .call(
            "GET",
            "/api/users/sessions?cursor=bm9uc2Vuc2U",
            Some(&here),
            None,
        )
        .await?;
    assert_eq!(
        (bad.status.as_u16(), bad.code().as_str()),
        (400, "invalid_cursor")
    );
    site.end().await
}

#[tokio::test]
async fn of_too_many_sessions_the_oldest_end() -> Result<()> {
    let site = Site::open_with(|settings| auth::Settings {
        sessions_max: 2,
        ..settings
    })
    .await?;
    let first = site.sign_up("ada@example.org").await?;
    let second = cookie(&site.sign_in("ada@example.org", PASSWORD).await?)?;
    let third = cookie(&site.sign_in("ada@example.org", PASSWORD).await?)?;
    assert_eq!(site.current(&first).await?, None);
    for live in [second, third] {
        assert!(site.current(&live).await?.is_some());
    }
    site.end().await
}

#[tokio::test]
async fn a_session_from_a_clock_that_was_ahead_ends_like_any_other() -> Result<()> {
    let site = Site::open().await?;
    site.sign_up("ada@example.org").await?;
    let ahead = later(site.world.now(), Duration::from_secs(120));
    let email = "ada@example.org".to_owned();
    let claims = SignedIn::begin(site.world.new_id(), site.world.new_id(), email, ahead);
    let young = format!("session={}", site.world.signing_key.sign(&claims)?);
    assert_eq!(site.current(&young).await?, None);
    let out = site.post("signout", Some(&young), json!({})).await?;
    assert_eq!(out.status, 200, "{}", out.body);
    site.world.clock.advance(Duration::from_secs(180));
    assert_eq!(
        site.current(&young).await?,
        None,
        "it would be old enough now"
    );
    site.end().await
}
