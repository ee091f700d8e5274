//! Writes the mails with reset links, each noted as begun before it goes out.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use contracts::Timestamp;
use platform::clock::until;
use platform::db::Tx;
use platform::mail::Message;
use platform::{Context, Failure, Job, Result};

use crate::commands::request_reset::RESET_MAILS;
use crate::commands::send_resets::{self, Link, take_due};
use crate::settings::Settings;
use crate::store::password_resets::next_due;

/// How often it looks when nobody wakes it.
const INTERVAL: Duration = Duration::from_secs(30);

/// The mail's subject.
const SUBJECT: &str = "Set a new password";

/// The job.
pub fn job(settings: Arc<Settings>) -> Job {
    Job::new(RESET_MAILS, INTERVAL, move |ctx: Context| {
        run(ctx, Arc::clone(&settings))
    })
    .for_all_replicas()
}

async fn run(ctx: Context, settings: Arc<Settings>) -> Result<Option<Duration>> {
    loop {
        let links = begin(&ctx, &settings).await?;
        if links.is_empty() {
            break;
        }
        for link in links {
            send(&ctx, &settings, link).await?;
        }
    }
    let next = ctx.db.read(async |tx: &mut Tx| next_due(tx).await).await?;
    // Not before a moment has passed: another replica may hold what is due.
    Ok(next.map(|at| until(ctx.now(), at).max(Duration::from_millis(50))))
}

async fn begin(ctx: &Context, settings: &Settings) -> Result<Vec<Link>> {
    let key = settings.signing_key.to_text();
    let per_hour = i64::from(settings.resets_per_hour);
    ctx.db
        .write(async move |tx: &mut Tx| take_due(tx, &key, per_hour).await)
        .await
}

async fn send(ctx: &Context, settings: &Settings, link: Link) -> Result<()> {
    let message = message(settings, &link)?;
    let outcome = settings.mailer.send(&message).await;
    if let Err(error) = &outcome {
        tracing::warn!(reset = link.id, %error, tries = link.tries, "a reset mail was not sent");
    }
    ctx.db
        .write(async move |tx: &mut Tx| match &outcome {
            Ok(()) => send_resets::sent(tx, &link).await,
            Err(error) if error.temporary => send_resets::retry(tx, &link).await,
            Err(_) => send_resets::fail(tx, link.attempt()).await,
        })
        .await
}

/// What a template shows.
#[derive(Template)]
#[template(path = "password_reset.txt")]
struct Text<'a> {
    email: &'a str,
    link: &'a str,
    until: &'a str,
}

#[derive(Template)]
#[template(path = "password_reset.html")]
struct Html<'a> {
    subject: &'a str,
    email: &'a str,
    link: &'a str,
    until: &'a str,
}

fn message(settings: &Settings, of: &Link) -> Result<Message> {
    let broken = |error: askama::Error| Failure::Broken(error.into());
    let site = settings.public_url.trim_end_matches('/');
    let link = format!("{site}/auth/reset?token={}", of.token);
    let (email, until) = (of.email.as_str(), moment(of.expires_at));
    let text = Text {
        email,
        link: &link,
        until: &until,
    };
    let html = Html {
        subject: SUBJECT,
        email,
        link: &link,
        until: &until,
    };
    Ok(Message {
        to: of.email.clone(),
        subject: SUBJECT.to_owned(),
        text: text.render().map_err(broken)?,
        html: html.render().map_err(broken)?,
        message_id: format!("password-reset/{}", of.id),
    })
}

/// `24 November 2026, 14:05 UTC`.
fn moment(time: Timestamp) -> String {
    time.strftime("%-d %B %Y, %H:%M UTC").to_string()
}
