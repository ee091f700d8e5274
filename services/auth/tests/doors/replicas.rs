//! Several replicas on one database.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use auth::Settings;
use axum::body::Body;
use futures::future::join_all;
use http::Request;
use platform::mail::{MailError, Mailer, Message};
use serde_json::json;

use crate::resets::{RENEWED, ask, confirm, token};
use crate::site::{PASSWORD, Site, cookie, credentials};

/// Keeps what it is given, and takes it once it is told to.
#[derive(Default)]
struct Keeping {
    open: AtomicBool,
    tried: Mutex<Vec<Message>>,
    taken: Mutex<HashMap<String, usize>>,
}

#[async_trait]
impl Mailer for Keeping {
    async fn send(&self, message: &Message) -> Result<(), MailError> {
        locked(&self.tried).push(message.clone());
        if !self.open.load(Ordering::SeqCst) {
            return Err(MailError {
                temporary: true,
                message: "not yet".to_owned(),
            });
        }
        let mut taken = locked(&self.taken);
        *taken.entry(message.message_id.clone()).or_default() += 1;
        Ok(())
    }
}

impl Keeping {
    fn tried(&self, to: &str) -> Option<Message> {
        let tried = locked(&self.tried);
        tried.iter().find(|message| message.to == to).cloned()
    }
}

async fn with_mailer() -> Result<(Site, Arc<Keeping>)> {
    let mailer = Arc::new(Keeping::default());
    let given: Arc<dyn Mailer> = mailer.clone();
    let site = Site::open_shared(|settings| Settings {
        mailer: given,
        ..settings
    });
    Ok((site.await?, mailer))
}

/// Waits until the mailer was asked to take a mail to this address.
async fn tried(site: &Site, mailer: &Keeping, to: &str) -> Result<Message> {
    site.world.until(async || Ok(mailer.tried(to))).await
}

/// A test that failed elsewhere leaves it usable.
fn locked<T>(kept: &Mutex<T>) -> MutexGuard<'_, T> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_link_used_many_times_at_once_works_once() -> Result<()> {
    let site = Site::open_shared(|settings| settings).await?;
    site.sign_up("ada@example.org").await?;
    ask(&site, "ada@example.org").await?;
    let token = token(&site.mails(1).await?[0].text)?;
    let passwords: Vec<_> = (0..6)
        .map(|number| format!("a new password {number}"))
        .collect();
    let uses = passwords.iter().map(|new| confirm(&site, &token, new));
    let answers: Vec<_> = join_all(uses).await.into_iter().collect::<Result<_>>()?;
    let worked: Vec<_> = passwords
        .iter()
        .zip(&answers)
        .filter(|(_, answer)| answer.status == 204)
        .collect();
    assert_eq!(worked.len(), 1, "{answers:?}");
    let (password, _) = worked[0];
    assert_eq!(site.sign_in("ada@example.org", password).await?.status, 200);
    site.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_is_used_while_its_mail_is_sent_again_stays_used() -> Result<()> {
    let (site, mailer) = with_mailer().await?;
    site.sign_up("ada@example.org").await?;
    site.sign_up("bob@example.org").await?;
    ask(&site, "ada@example.org").await?;
    let mail = tried(&site, &mailer, "ada@example.org").await?;
    let token = token(&mail.text)?;
    let put_off = async || {
        let read = async |tx: &mut platform::Tx| {
            let sql = "select next_try_at - requested_at from password_resets";
            tx.query_one(sql, &[]).await?.get::<i64>(0)
        };
        Ok((site.db()?.read(read).await? < 50_000_000).then_some(()))
    };
    site.world.until(put_off).await?;
    let row = "select 1 from password_resets for update".to_owned();
    let held = site.world.hold(site.db()?, row).await?;
    let used = confirm(&site, &token, RENEWED);
    let meanwhile = async {
        // The link is being used; now its mail is due again, and another one with it.
        site.world.until_waiting(site.db()?, 1).await?;
        site.world.clock.advance(Duration::from_secs(10));
        ask(&site, "bob@example.org").await?;
        tried(&site, &mailer, "bob@example.org").await?;
        held.release().await
    };
    let (used, meanwhile) = tokio::join!(used, meanwhile);
    meanwhile?;
    assert_eq!(used?.status, 204);
    let again = confirm(&site, &token, "yet another one").await?;
    assert_eq!(again.code(), "reset_link_invalid");
    site.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_send_each_link_once() -> Result<()> {
    let (site, mailer) = with_mailer().await?;
    let given: Arc<dyn Mailer> = mailer.clone();
    let _other = site
        .replica(|settings| Settings {
            mailer: given,
            ..settings
        })
        .await?;
    for number in 0..12 {
        let email = format!("person{number}@example.org");
        site.sign_up(&email).await?;
        ask(&site, &email).await?;
        tried(&site, &mailer, &email).await?;
    }
    let put_off = async || {
        let read = async |tx: &mut platform::Tx| {
            let sql = "select count(*) from password_resets \
                       where tries > 0 and next_try_at - requested_at < 50000000";
            tx.query_one(sql, &[]).await?.get::<i64>(0)
        };
        Ok((site.db()?.read(read).await? == 12).then_some(()))
    };
    site.world.until(put_off).await?;
    let lock = "lock table password_resets in exclusive mode".to_owned();
    let held = site.world.hold(site.db()?, lock).await?;
    mailer.open.store(true, Ordering::SeqCst);
    site.world.clock.advance(Duration::from_secs(600));
    // Both are about to take the same.
    site.world.until_waiting(site.db()?, 2).await?;
    held.release().await?;
    let all = async || Ok((mailer.taken.lock().unwrap().len() == 12).then_some(()));
    site.world.until(all).await?;
    site.world.settle().await?;
    let taken = mailer.taken.lock().unwrap().clone();
    assert!(taken.values().all(|times| *times == 1), "{taken:?}");
    site.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_password_ends_a_session_that_is_just_being_opened() -> Result<()> {
    let site = Site::open_shared(|settings| settings).await?;
    let here = site.sign_up("ada@example.org").await?;
    let lock = "lock table sessions in share mode".to_owned();
    let held = site.world.hold(site.db()?, lock).await?;
    let sign_in = site.sign_in("ada@example.org", PASSWORD);
    let change = async {
        // The old password was compared, and its session waits to be written.
        site.world.until_waiting(site.db()?, 1).await?;
        let change = json!({"current": PASSWORD, "new": RENEWED});
        let changed = site.post("password", Some(&here), change);
        let release = async {
            site.world.until_waiting(site.db()?, 2).await?;
            held.release().await
        };
        let (changed, released) = tokio::join!(changed, release);
        released?;
        changed
    };
    let (signed_in, changed) = tokio::join!(sign_in, change);
    assert_eq!(changed?.status, 204);
    let there = cookie(&signed_in?)?;
    assert_eq!(site.current(&there).await?, None);
    assert!(site.current(&here).await?.is_some());
    site.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_send_no_more_links_than_one() -> Result<()> {
    let limit = |settings: Settings| Settings {
        resets_per_hour: 3,
        ..settings
    };
    let site = Site::open_shared(limit).await?;
    let _other = site.replica(limit).await?;
    site.sign_up("ada@example.org").await?;
    let asked = (0..40).map(|_| ask(&site, "ada@example.org"));
    for answer in join_all(asked).await {
        assert_eq!(answer?.status, 202);
    }
    let judged = async || {
        let read = async |tx: &mut platform::Tx| {
            let sql = "select count(*) from password_resets where state <> 'sent'";
            tx.query_one(sql, &[]).await?.get::<i64>(0)
        };
        Ok((site.db()?.read(read).await? == 0).then_some(()))
    };
    site.world.until(judged).await?;
    assert_eq!(site.mailer.list(100).await?.len(), 3);
    site.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_signs_up_twice_at_once_is_one_person_with_two_sessions() -> Result<()> {
    let site = Site::open_shared(|settings| settings).await?;
    let replica = site.replica(|settings| settings).await?;
    let lock = "lock table users in share mode".to_owned();
    let held = site.world.hold(site.db()?, lock).await?;
    let ada = credentials("ada@example.org", PASSWORD);
    let here = site.post_with_key("signup", "key", ada.clone());
    let there = Request::post("/api/users/signup")
        .header("content-type", "application/json")
        .header("idempotency-key", "\"key\"")
        .body(Body::from(ada.to_string()))?;
    let release = async {
        // Both have found nobody of that address; one waits for the table, one for the other.
        site.world.until_waiting(site.db()?, 2).await?;
        held.release().await
    };
    let (here, there, released) = tokio::join!(here, replica.send(there), release);
    released?;
    let (here, there) = (here?, there?);
    assert_eq!((here.status.as_u16(), there.status.as_u16()), (201, 201));
    assert_eq!(here.body, there.body);
    for answer in [&here, &there] {
        let request = Request::get("/api/users/currentuser").header("cookie", cookie(answer)?);
        let current = site.world.send(request.body(Body::empty())?).await?.json();
        assert_eq!(current["currentUser"]["id"], answer.json()["id"]);
    }
    let there = cookie(&there)?;
    let sessions = site
        .world
        .call("GET", "/api/users/sessions", Some(&there), None);
    assert_eq!(sessions.await?.json().as_array().map(Vec::len), Some(2));
    site.end().await
}
