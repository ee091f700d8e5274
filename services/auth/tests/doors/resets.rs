//! Forgotten passwords.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use auth::Settings;
use platform::mail::{MailError, Mailer, Message};
use serde_json::json;
use testing::Answered;

use crate::site::{PASSWORD, Site, cookie, fields};

pub const RENEWED: &str = "a whole new password";

pub fn token(text: &str) -> Result<String> {
    let link = text
        .split_whitespace()
        .find(|word| word.starts_with("https://tickets.example/"));
    let token =
        link.and_then(|link| link.strip_prefix("https://tickets.example/auth/reset?token="));
    token
        .map(str::to_owned)
        .with_context(|| format!("no link in {text}"))
}

pub async fn ask(site: &Site, email: &str) -> Result<Answered> {
    site.post("password-resets", None, json!({"email": email}))
        .await
}

pub async fn confirm(site: &Site, token: &str, password: &str) -> Result<Answered> {
    site.post(
        "password-resets/confirm",
        None,
        json!({"token": token, "password": password}),
    )
    .await
}

#[tokio::test]
async fn the_link_sets_a_new_password_once_and_ends_every_session() -> Result<()> {
    let site = Site::open().await?;
    let here = site.sign_up("ada@example.org").await?;
    let asked = ask(&site, " ADA@example.org").await?;
    assert_eq!((asked.status.as_u16(), asked.body.as_str()), (202, ""));
    let mail = site.mails(1).await?.remove(0);
    assert_eq!(
        (mail.to.as_str(), mail.subject.as_str()),
        ("ada@example.org", "Set a new password")
    );
    let token = token(&mail.text)?;
    assert!(
        mail.html.contains(&format!(
            "href=\"https://tickets.example/auth/reset?token={token}\""
        )),
        "{}",
        mail.html
    );

    assert_eq!(confirm(&site, &token, "short").await?.status, 400);
    assert_eq!(confirm(&site, &token, RENEWED).await?.status, 204);
    assert_eq!(site.current(&here).await?, None);
    site.heard_elsewhere(&here).await?;
    assert_eq!(site.sign_in("ada@example.org", PASSWORD).await?.status, 400);
    assert_eq!(site.sign_in("ada@example.org", RENEWED).await?.status, 200);

    let again = confirm(&site, &token, "yet another one").await?;
    assert_eq!(
        (again.status.as_u16(), again.code().as_str()),
        (400, "reset_link_invalid")
    );
    assert_eq!(site.sign_in("ada@example.org", RENEWED).await?.status, 200);
    site.end().await
}

#[tokio::test]
async fn an_address_that_nobody_has_is_told_the_same_and_gets_no_mail() -> Result<()> {
    let site = Site::open().await?;
    site.sign_up("ada@example.org").await?;
    let unknown = ask(&site, "nobody@example.org").await?;
    let known = ask(&site, "ada@example.org").await?;
    assert_eq!(
        (unknown.status, &unknown.body, &unknown.headers),
        (known.status, &known.body, &known.headers)
    );
    site.mails(1).await?;
    let rows = async |tx: &mut platform::Tx| {
        let sql = "select count(*) from password_resets where email = 'nobody@example.org'";
        tx.query_one(sql, &[]).await?.get::<i64>(0)
    };
    let gone = async || {
        let left = site.db()?.read(rows).await?;
        Ok((left == 0).then_some(()))
    };
    site.world.until(gone).await?;
    assert_eq!(site.mailer.list(10).await?.len(), 1);
    let malformed = ask(&site, "nobody").await?;
    assert_eq!(
        (malformed.status.as_u16(), fields(&malformed)),
        (400, vec!["email".to_owned()])
    );
    site.end().await
}

#[tokio::test]
async fn the_link_works_for_an_hour() -> Result<()> {
    let site = Site::open().await?;
    site.sign_up("ada@example.org").await?;
    ask(&site, "ada@example.org").await?;
    let token = token(&site.mails(1).await?[0].text)?;
    site.world.clock.advance(Duration::from_secs(3601));
    assert_eq!(
        confirm(&site, &token, RENEWED).await?.code(),
        "reset_link_invalid"
    );
    assert_eq!(site.sign_in("ada@example.org", PASSWORD).await?.status, 200);
    site.end().await
}

#[tokio::test]
async fn made_up_links_do_nothing() -> Result<()> {
    let site = Site::open().await?;
    site.sign_up("ada@example.org").await?;
    ask(&site, "ada@example.org").await?;
    let good = token(&site.mails(1).await?[0].text)?;
    let cut = &good[..good.len() - 1];
    let stored = async |tx: &mut platform::Tx| {
        let sql = "select id, token_hash from password_resets";
        let row = tx.query_one(sql, &[]).await?;
        Ok((row.get::<String>(0)?, row.get::<String>(1)?))
    };
    let (id, hash) = site.db()?.read(stored).await?;
    for made_up in ["x", cut, &id, &hash, "\u{0}", &"x".repeat(5000)] {
        assert_eq!(
            confirm(&site, made_up, RENEWED).await?.code(),
            "reset_link_invalid",
            "{made_up}"
        );
    }
    let empty = confirm(&site, "", "short").await?;
    assert_eq!(fields(&empty), ["token", "password"]);
    assert_eq!(confirm(&site, &good, RENEWED).await?.status, 204);
    site.end().await
}

#[tokio::test]
async fn any_choice_of_a_password_ends_the_links() -> Result<()> {
    let site = Site::open().await?;
    let here = site.sign_up("ada@example.org").await?;
    for _ in 0..3 {
        ask(&site, "ada@example.org").await?;
    }
    let mails = site.mails(3).await?;
    let tokens = mails
        .iter()
        .map(|mail| token(&mail.text))
        .collect::<Result<Vec<_>>>()?;
    assert_eq!(confirm(&site, &tokens[0], RENEWED).await?.status, 204);
    assert_eq!(
        confirm(&site, &tokens[1], PASSWORD).await?.code(),
        "reset_link_invalid"
    );
    assert_eq!(site.current(&here).await?, None);

    let here = cookie(&site.sign_in("ada@example.org", RENEWED).await?)?;
    ask(&site, "ada@example.org").await?;
    let late = token(&site.mails(4).await?[0].text)?;
    site.post(
        "password",
        Some(&here),
        json!({"current": RENEWED, "new": PASSWORD}),
    )
    .await?;
    assert_eq!(
        confirm(&site, &late, RENEWED).await?.code(),
        "reset_link_invalid"
    );
    site.end().await
}

#[tokio::test]
async fn one_link_used_at_once_works_once() -> Result<()> {
    let site = Site::open().await?;
    site.sign_up("ada@example.org").await?;
    ask(&site, "ada@example.org").await?;
    let token = token(&site.mails(1).await?[0].text)?;
    let rush = (0..6).map(|number| {
        let password = format!("new password {number}");
        let (site, token) = (&site, &token);
        async move { confirm(site, token, &password).await }
    });
    let answers = futures::future::try_join_all(rush).await?;
    assert_eq!(
        answers.iter().filter(|answer| answer.status == 204).count(),
        1
    );
    site.end().await
}

#[tokio::test]
async fn mails_to_one_address_are_limited_and_the_answer_is_not() -> Result<()> {
    let site = Site::open_with(|settings| Settings {
        resets_per_hour: 2,
        ..settings
    })
    .await?;
    site.sign_up("ada@example.org").await?;
    for _ in 0..5 {
        assert_eq!(ask(&site, "ada@example.org").await?.status, 202);
    }
    site.mails(2).await?;
    // What was counted in memory is gone after a restart; what was sent is not.
    let site = site
        .restart_with(|settings| Settings {
            resets_per_hour: 2,
            ..settings
        })
        .await?;
    ask(&site, "ada@example.org").await?;
    let pending = async || {
        let sql = "select count(*) from password_resets where state in ('requested', 'sending')";
        let read = async move |tx: &mut platform::Tx| tx.query_one(sql, &[]).await?.get::<i64>(0);
        Ok((site.db()?.read(read).await? == 0).then_some(()))
    };
    site.world.until(pending).await?;
    assert_eq!(site.mailer.list(10).await?.len(), 2);
    site.world.clock.advance(Duration::from_secs(3601));
    ask(&site, "ada@example.org").await?;
    site.mails(3).await?;
    site.end().await
}

/// Fails so many times, then hands on; or hands on and fails all the same.
struct Unsteady {
    failures: AtomicUsize,
    sends_first: bool,
    to: Arc<dyn Mailer>,
}

#[async_trait]
impl Mailer for Unsteady {
    async fn send(&self, message: &Message) -> Result<(), MailError> {
        let fails = self
            .failures
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            })
            .is_ok();
        if !fails || self.sends_first {
            self.to.send(message).await?;
        }
        if fails {
            return Err(MailError {
                temporary: true,
                message: "not now".to_owned(),
            });
        }
        Ok(())
    }
}

async fn through_an_unsteady_server(sends_first: bool) -> Result<Site> {
    let unsteady = |settings: Settings| {
        let to = Arc::clone(&settings.mailer);
        let mailer = Arc::new(Unsteady {
            failures: AtomicUsize::new(2),
            sends_first,
            to,
        });
        Settings { mailer, ..settings }
    };
    let site = Site::open_with(unsteady).await?;
    site.sign_up("ada@example.org").await?;
    ask(&site, "ada@example.org").await?;
    let sent = async || {
        let sql = "select count(*) from password_resets where state = 'sent'";
        let read = async move |tx: &mut platform::Tx| tx.query_one(sql, &[]).await?.get::<i64>(0);
        site.world.clock.advance(Duration::from_secs(5));
        Ok((site.db()?.read(read).await? == 1).then_some(()))
    };
    site.world.until(sent).await?;
    Ok(site)
}

#[tokio::test]
async fn a_mail_that_fails_is_sent_again_with_the_same_link() -> Result<()> {
    for sends_first in [false, true] {
        let site = through_an_unsteady_server(sends_first).await?;
        let mails = site.mails(1).await?;
        assert_eq!(mails.len(), 1, "the same message, so the same file");
        assert_eq!(
            confirm(&site, &token(&mails[0].text)?, RENEWED)
                .await?
                .status,
            204
        );
        site.end().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_mail_survives_a_crash() -> Result<()> {
    let broken = |settings: Settings| {
        let to = Arc::clone(&settings.mailer);
        let mailer = Arc::new(Unsteady {
            failures: AtomicUsize::new(usize::MAX),
            sends_first: false,
            to,
        });
        Settings { mailer, ..settings }
    };
    let site = Site::open_with(broken).await?;
    site.sign_up("ada@example.org").await?;
    ask(&site, "ada@example.org").await?;
    let site = site.restart_with(|settings| settings).await?;
    site.world.clock.advance(Duration::from_secs(90));
    let mails = site.mails(1).await?;
    assert_eq!(
        confirm(&site, &token(&mails[0].text)?, RENEWED)
            .await?
            .status,
        204
    );
    site.end().await
}
