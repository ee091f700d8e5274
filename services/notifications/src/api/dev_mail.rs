//! `/dev/mail`: shows the messages that were written into files because no mail server is set.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use contracts::Timestamp;
use http::{HeaderName, HeaderValue, StatusCode, header};
use platform::mail::{FileMailer, KeptMessage};
use platform::{Failure, Refused, Result};
use utoipa_axum::router::OpenApiRouter;

use super::linked::{Piece, pieces};

/// How many messages the list shows.
const LIMIT: usize = 200;

const STYLE: &str = include_str!("../../templates/dev_mail.css");

/// Nothing but the page and its style sheet; what a message says can't do anything.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

/// The pages. They are no part of the API, and so of its description neither.
pub fn routes(files: Arc<FileMailer>) -> OpenApiRouter {
    OpenApiRouter::new()
        .route("/dev/mail", get(list))
        .route("/dev/mail/style.css", get(style))
        .route("/dev/mail/{id}", get(show))
        .with_state(files)
}

struct Line {
    id: String,
    subject: String,
    to: String,
    sent_at: String,
    sent: String,
}

#[derive(Template)]
#[template(path = "dev_mail_list.html")]
struct ListPage {
    messages: Vec<Line>,
    limit: usize,
}

#[derive(Template)]
#[template(path = "dev_mail_show.html")]
struct MessagePage<'a> {
    subject: &'a str,
    to: &'a str,
    sent_at: String,
    sent: String,
    pieces: Vec<Piece<'a>>,
}

async fn list(State(files): State<Arc<FileMailer>>) -> Result<Response> {
    let messages = files.list(LIMIT).await.map_err(unreadable)?;
    page(&ListPage {
        messages: messages.into_iter().map(line).collect(),
        limit: LIMIT,
    })
}

async fn show(State(files): State<Arc<FileMailer>>, Path(id): Path<String>) -> Result<Response> {
    let kept = files
        .read(&id)
        .await
        .map_err(unreadable)?
        .ok_or_else(Refused::not_found)?;
    page(&MessagePage {
        subject: &kept.subject,
        to: &kept.to,
        sent_at: machine(kept.sent_at),
        sent: moment(kept.sent_at),
        pieces: pieces(&kept.text),
    })
}

async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE).into_response()
}

fn line(kept: KeptMessage) -> Line {
    Line {
        sent_at: machine(kept.sent_at),
        sent: moment(kept.sent_at),
        id: kept.id,
        subject: kept.subject,
        to: kept.to,
    }
}

fn page(page: &impl Template) -> Result<Response> {
    let html = page.render().map_err(anyhow::Error::from)?;
    let headers: [(HeaderName, HeaderValue); 6] = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        ),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(POLICY),
        ),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
        // The links in messages carry secrets.
        (
            header::REFERRER_POLICY,
            HeaderValue::from_static("no-referrer"),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (
            HeaderName::from_static("x-robots-tag"),
            HeaderValue::from_static("noindex"),
        ),
    ];
    Ok((StatusCode::OK, headers, html).into_response())
}

fn unreadable(error: std::io::Error) -> Failure {
    Failure::Broken(anyhow::Error::new(error).context("reading the mail files"))
}

/// `12 May 2026, 14:05 UTC`.
fn moment(at: Timestamp) -> String {
    at.strftime("%-d %B %Y, %H:%M UTC").to_string()
}

fn machine(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
