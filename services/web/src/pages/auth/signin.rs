//! Signing in, and from there to where one wanted to go.

use askama::Template;
use axum::extract::State;
use http::{Method, StatusCode};
use serde_json::json;
use uuid::Uuid;

use crate::answer::Reply;
use crate::ask::{Act, Ask, Person};
use crate::fields::{Asked, Errors, Fields};
use crate::frame::{Frame, Section, page, refused_page, see_other};
use crate::local::{self, next_or_home};
use crate::pages::auth::{Credentials, LABELS, Wanted};
use crate::web::Web;

#[derive(Template)]
#[template(path = "auth/signin.html")]
struct Page<'a> {
    frame: Frame,
    key: Uuid,
    email: &'a str,
    next: &'a str,
    other: String,
    errors: Errors,
}

impl<'a> Page<'a> {
    fn new(web: &Web, frame: Frame, (email, next): (&'a str, &'a str), errors: Errors) -> Self {
        let other = format!("/auth/signup?next={}", local::in_query(next));
        Self {
            frame,
            key: web.new_id(),
            email,
            next,
            other,
            errors,
        }
    }
}

/// `GET /auth/signin`
pub async fn show(State(web): State<Web>, ask: Ask, Asked(wanted): Asked<Wanted>) -> Reply {
    let next = next_or_home(&wanted.next);
    let person = ask.person().await;
    if matches!(person, Person::Known(_)) {
        return see_other(next);
    }
    let frame = Frame::new(&web, &ask, person, Section::Auth);
    page(
        StatusCode::OK,
        &Page::new(&web, frame, ("", next), Errors::default()),
    )
}

/// `POST /auth/signin`
pub async fn sign_in(State(web): State<Web>, ask: Ask, Fields(form): Fields<Credentials>) -> Reply {
    let next = next_or_home(&form.next);
    let body = json!({"email": form.email, "password": form.password});
    let act = Act::new(Method::POST, "/api/users/signin", "/auth/signin");
    let refusal = match ask
        .act(act.key(web.key_of(&form.idempotency_key)).body(&body))
        .await?
    {
        Ok(_) => return see_other(next),
        Err(refusal) => refusal,
    };
    let errors = Errors::new(&refusal, &LABELS);
    let frame = Frame::refused(&web, &ask, Person::Nobody, Section::Auth, next);
    refused_page(
        &refusal,
        &Page::new(&web, frame, (&form.email, next), errors),
    )
}
