//! A forgotten password: asks for the mail with the link, and takes the new one.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderValue, Method, StatusCode, header};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use crate::answer::Reply;
use crate::ask::{Act, Ask};
use crate::fields::{Asked, Errors, Fields, Label};
use crate::frame::{Frame, Section, page, refused_page, see_other};
use crate::pages::auth::LABELS;
use crate::web::Web;

const CONFIRM_LABELS: [Label; 2] = [("token", "Link"), ("password", "New password")];
const PATH: &str = "/auth/reset";

/// What the link brought, or that the mail was asked for.
#[derive(Debug, Default, Deserialize)]
pub struct Query {
    #[serde(default)]
    token: String,
    #[serde(default)]
    sent: String,
}

/// Where the link is to be sent.
#[derive(Debug, Deserialize)]
pub struct Form {
    #[serde(default)]
    email: String,
    #[serde(default)]
    idempotency_key: String,
}

/// What the link carried, and the new password.
#[derive(Debug, Deserialize)]
pub struct Confirmation {
    #[serde(default)]
    token: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    idempotency_key: String,
}

#[derive(Template)]
#[template(path = "auth/reset.html")]
struct Page<'a> {
    frame: Frame,
    key: Uuid,
    email: &'a str,
    is_sent: bool,
    errors: Errors,
}

#[derive(Template)]
#[template(path = "auth/reset_confirm.html")]
struct ConfirmPage<'a> {
    frame: Frame,
    key: Uuid,
    token: &'a str,
    errors: Errors,
}

/// `GET /auth/reset`; the link in the mail carries `?token=`.
pub async fn show(State(web): State<Web>, ask: Ask, Asked(query): Asked<Query>) -> Reply {
    if !query.token.is_empty() {
        return confirm_page(&web, &ask, &query.token).await;
    }
    let frame = Frame::new(&web, &ask, ask.person().await, Section::Auth);
    let is_sent = query.sent == "yes";
    let errors = Errors::default();
    page(
        StatusCode::OK,
        &Page {
            frame,
            key: web.new_id(),
            email: "",
            is_sent,
            errors,
        },
    )
}

/// `GET /auth/reset/{token}`
pub async fn show_confirm(State(web): State<Web>, ask: Ask, Path(token): Path<String>) -> Reply {
    confirm_page(&web, &ask, &token).await
}

/// `GET` of what is only posted to: back to the beginning.
pub async fn back() -> Reply {
    see_other(PATH)
}

/// `POST /auth/reset`
pub async fn send(State(web): State<Web>, ask: Ask, Fields(form): Fields<Form>) -> Reply {
    let body = json!({"email": form.email});
    let act = Act::new(Method::POST, "/api/users/password-resets", PATH);
    match ask
        .act(act.key(web.key_of(&form.idempotency_key)).body(&body))
        .await?
    {
        Ok(_) => see_other("/auth/reset?sent=yes"),
        Err(refusal) => {
            let frame = Frame::refused(&web, &ask, ask.person().await, Section::Auth, PATH);
            let errors = Errors::new(&refusal, &LABELS);
            let (key, email) = (web.new_id(), form.email.as_str());
            refused_page(
                &refusal,
                &Page {
                    frame,
                    key,
                    email,
                    is_sent: false,
                    errors,
                },
            )
        }
    }
}

/// `POST /auth/reset/confirm`
pub async fn confirm(
    State(web): State<Web>,
    ask: Ask,
    Fields(form): Fields<Confirmation>,
) -> Reply {
    let body = json!({"token": form.token, "password": form.password});
    let act = Act::new(Method::POST, "/api/users/password-resets/confirm", PATH);
    match ask
        .act(act.key(web.key_of(&form.idempotency_key)).body(&body))
        .await?
    {
        Ok(_) => see_other("/auth/signin?done=reset"),
        Err(refusal) => {
            let frame = Frame::refused(&web, &ask, ask.person().await, Section::Auth, PATH);
            let errors = Errors::new(&refusal, &CONFIRM_LABELS);
            let shown = ConfirmPage {
                frame,
                key: web.new_id(),
                token: &form.token,
                errors,
            };
            Ok(unreferred(refused_page(&refusal, &shown)?))
        }
    }
}

async fn confirm_page(web: &Web, ask: &Ask, token: &str) -> Reply {
    let frame = Frame::new(web, ask, ask.person().await, Section::Auth);
    let shown = ConfirmPage {
        frame,
        key: web.new_id(),
        token,
        errors: Errors::default(),
    };
    Ok(unreferred(page(StatusCode::OK, &shown)?))
}

/// Keeps the page with the token out of search engines.
fn unreferred(mut response: Response) -> Response {
    let robots = http::HeaderName::from_static("x-robots-tag");
    response
        .headers_mut()
        .insert(robots, HeaderValue::from_static("noindex"));
    response
        .headers_mut()
        .insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}
