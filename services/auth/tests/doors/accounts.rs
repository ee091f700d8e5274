//! Signing up, in and out.

use anyhow::Result;
use contracts::events::auth::{Session, User, UserFact};
use http::header;
use serde_json::{Value, json};

use crate::site::{PASSWORD, Site, cookie, credentials, fields};

#[tokio::test]
async fn who_signs_up_is_signed_in() -> Result<()> {
    let site = Site::open().await?;
    let answer = site
        .post("signup", None, credentials(" Ada@Example.ORG ", PASSWORD))
        .await?;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.json()["email"], "ada@example.org");
    let id = answer.json()["id"].clone();
    assert_eq!(
        answer.json().as_object().map(serde_json::Map::len),
        Some(2),
        "id and email only"
    );
    let set = answer.headers[header::SET_COOKIE].to_str()?;
    for part in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=1209600"] {
        assert!(set.contains(part), "{part} in {set}");
    }
    let cookie = cookie(&answer)?;
    let current = site
        .world
        .call("GET", "/api/users/currentuser", Some(&cookie), None)
        .await?;
    let current = current.json()["currentUser"].clone();
    assert_eq!(
        (&current["id"], &current["email"]),
        (&id, &json!("ada@example.org"))
    );
    assert!(
        current["iat"]
            .as_i64()
            .is_some_and(|iat| iat > 1_700_000_000),
        "{current}"
    );
    let registered = site.world.wait_for_event::<User>(|user, fact| {
        fact == Some(&UserFact::Registered) && user.email == "ada@example.org"
    });
    let event = registered.await?;
    assert_eq!((event.aggregateversion, json!(event.subject)), (1, id));
    assert!(
        !event.data.get().contains("argon2"),
        "no secret in an event"
    );
    site.end().await
}

#[tokio::test]
async fn every_bad_field_is_named() -> Result<()> {
    let site = Site::open().await?;
    for (body, bad) in [
        (credentials("ada", "short"), vec!["email", "password"]),
        (credentials("ada@example.org", "short"), vec!["password"]),
        (
            credentials("ada@example.org", &"x".repeat(129)),
            vec!["password"],
        ),
        (credentials("ada @example.org", PASSWORD), vec!["email"]),
        (json!({}), vec!["email", "password"]),
        (
            json!({"email": 7, "password": null}),
            vec!["email", "password"],
        ),
    ] {
        let answer = site.post("signup", None, body.clone()).await?;
        assert_eq!(answer.status, 400, "{body}");
        assert_eq!(fields(&answer), bad, "{body}");
        assert!(answer.headers.get(header::SET_COOKIE).is_none());
    }
    let answer = site.post("signin", None, credentials("ada", "")).await?;
    assert_eq!(
        (answer.status.as_u16(), fields(&answer)),
        (400, vec!["email".to_owned(), "password".to_owned()])
    );
    site.end().await
}

#[tokio::test]
async fn an_address_is_taken_once() -> Result<()> {
    let site = Site::open().await?;
    let rush = (0..8).map(|_| site.post("signup", None, credentials("Ada@example.org", PASSWORD)));
    let answers = futures::future::try_join_all(rush).await?;
    let created = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(created, 1);
    for refused in answers.iter().filter(|answer| answer.status != 201) {
        assert_eq!(
            (refused.status.as_u16(), refused.code().as_str()),
            (409, "email_in_use")
        );
        assert_eq!(fields(refused), ["email"]);
    }
    let again = site
        .post("signup", None, credentials("ADA@EXAMPLE.ORG", PASSWORD))
        .await?;
    assert_eq!(again.code(), "email_in_use");
    site.end().await
}

#[tokio::test]
async fn an_unknown_address_and_a_wrong_password_are_told_the_same() -> Result<()> {
    let site = Site::open().await?;
    site.sign_up("ada@example.org").await?;
    let unknown = site.sign_in("eve@example.org", PASSWORD).await?;
    let wrong = site.sign_in("ada@example.org", "wrong").await?;
    assert_eq!(
        (unknown.status.as_u16(), unknown.code().as_str()),
        (400, "wrong_credentials")
    );
    assert_eq!((unknown.status, &unknown.body), (wrong.status, &wrong.body));
    assert_eq!(unknown.headers, wrong.headers);
    let right = site.sign_in("ADA@example.org", PASSWORD).await?;
    assert_eq!(right.status, 200, "{}", right.body);
    assert_eq!(right.json()["email"], "ada@example.org");
    assert_eq!(
        site.current(&cookie(&right)?).await?.as_deref(),
        Some("ada@example.org")
    );
    site.end().await
}

#[tokio::test]
async fn signing_out_is_heard_everywhere() -> Result<()> {
    let site = Site::open().await?;
    let cookie = site.sign_up("ada@example.org").await?;
    let elsewhere = site
        .world
        .call("GET", "/elsewhere", Some(&cookie), None)
        .await?;
    assert_eq!(elsewhere.body, "ada@example.org");
    let out = site.post("signout", Some(&cookie), json!({})).await?;
    assert_eq!((out.status.as_u16(), out.json()), (200, json!({})));
    let cleared = out.headers[header::SET_COOKIE].to_str()?;
    assert!(
        cleared.starts_with("session=;") && cleared.contains("Max-Age=0"),
        "{cleared}"
    );
    assert_eq!(site.current(&cookie).await?, None, "here at once");
    let event = site.world.wait_for_event::<Session>(|_, _| true).await?;
    assert_eq!(event.aggregateversion, 1);
    site.heard_elsewhere(&cookie).await?;
    site.end().await
}

#[tokio::test]
async fn a_revocation_survives_a_crash() -> Result<()> {
    let site = Site::open().await?;
    let cookie = site.sign_up("ada@example.org").await?;
    let other = super::site::cookie(&site.sign_in("ada@example.org", PASSWORD).await?)?;
    site.post("signout", Some(&cookie), json!({})).await?;
    let site = site.restart_with(|settings| settings).await?;
    site.heard_elsewhere(&cookie).await?;
    let look = async || Ok(site.current(&cookie).await?.is_none().then_some(()));
    site.world.until(look).await?;
    assert_eq!(
        site.current(&other).await?.as_deref(),
        Some("ada@example.org")
    );
    site.end().await
}

#[tokio::test]
async fn a_malformed_key_is_refused_at_the_sign_out_too() -> Result<()> {
    let site = Site::open().await?;
    let here = site.sign_up("ada@example.org").await?;
    for (key, status) in [("", 400), ("\"one\"", 200)] {
        let request = http::Request::post("/api/users/signout")
            .header("cookie", &here)
            .header("idempotency-key", key)
            .body(axum::body::Body::empty())?;
        let answer = site.world.send(request).await?;
        assert_eq!(answer.status, status, "{}", answer.body);
    }
    assert_eq!(site.current(&here).await?, None);
    site.end().await
}

#[tokio::test]
async fn who_is_not_signed_in_can_sign_out() -> Result<()> {
    let site = Site::open().await?;
    for cookie in [None, Some("session=v4.public.forged"), Some("session=")] {
        let answer = site
            .world
            .call("POST", "/api/users/signout", cookie, None)
            .await?;
        assert_eq!(
            (answer.status.as_u16(), answer.json()),
            (200, json!({})),
            "{cookie:?}"
        );
        assert!(
            answer.headers[header::SET_COOKIE]
                .to_str()?
                .contains("Max-Age=0")
        );
    }
    let again = site.sign_up("ada@example.org").await?;
    for _ in 0..2 {
        assert_eq!(
            site.post("signout", Some(&again), json!({})).await?.status,
            200
        );
    }
    site.end().await
}

#[tokio::test]
async fn forged_expired_and_absent_sessions_are_nobody() -> Result<()> {
    let site = Site::open().await?;
    let cookie = site.sign_up("ada@example.org").await?;
    let mut forged = cookie.clone();
    forged.replace_range(20..21, if &cookie[20..21] == "A" { "B" } else { "A" });
    let cut = &cookie[..cookie.len() - 4];
    for bad in [
        forged.as_str(),
        cut,
        "session=eyJhbGciOiJub25lIn0.e30.",
        "other=1",
    ] {
        assert_eq!(site.current(bad).await?, None, "{bad}");
        let sessions = site
            .world
            .call("GET", "/api/users/sessions", Some(bad), None)
            .await?;
        assert_eq!(
            (sessions.status.as_u16(), sessions.code().as_str()),
            (401, "not_signed_in")
        );
    }
    let nobody = site
        .world
        .call("GET", "/api/users/currentuser", None, None)
        .await?;
    assert_eq!(nobody.json(), json!({"currentUser": Value::Null}));
    site.world
        .clock
        .advance(std::time::Duration::from_secs(14 * 24 * 3600 + 1));
    assert_eq!(site.current(&cookie).await?, None);
    site.end().await
}

#[tokio::test]
async fn the_language_and_the_browser_are_noted() -> Result<()> {
    let site = Site::open().await?;
    let request = http::Request::post("/api/users/signup")
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ACCEPT_LANGUAGE, "fr;q=0.5, de-CH")
        .header(header::USER_AGENT, "Browser/1 (of a test)")
        .body(axum::body::Body::from(
            credentials("ada@example.org", PASSWORD).to_string(),
        ))?;
    let answer = site.world.send(request).await?;
    let cookie = cookie(&answer)?;
    site.world
        .wait_for_event::<User>(|user, _| user.language == "de-CH")
        .await?;
    let sessions = site
        .world
        .call("GET", "/api/users/sessions", Some(&cookie), None)
        .await?;
    assert_eq!(sessions.json()[0]["userAgent"], "Browser/1 (of a test)");
    site.end().await
}

#[tokio::test]
async fn an_audit_finds_what_was_changed_without_an_event() -> Result<()> {
    let site = Site::open().await?;
    site.sign_up("ada@example.org").await?;
    let (change, undo) = (
        "update users set email = 'eve@example.org'",
        "update users set email = 'ada@example.org'",
    );
    let found = site.world.found_after("auth", change, undo).await?;
    let told = "the row is not what version 1, the last of its log, says";
    assert!(found.len() == 1 && found[0].ends_with(told), "{found:?}");
    let (change, undo) = (
        "update sessions set revoked_at = 1",
        "update sessions set revoked_at = null",
    );
    let found = site.world.found_after("auth", change, undo).await?;
    let told = "a row, and no event in its log";
    assert!(found.len() == 1 && found[0].ends_with(told), "{found:?}");
    site.end().await
}
