//! The pages for what could not be shown or done: what happened, and what to do.

use askama::Template;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};

use crate::answer::{Failure, Part};
use crate::ask::{Ask, Person};
use crate::frame::{Frame, Section, page, see_other};
use crate::local;
use crate::web::{Settings, Web};

#[derive(Template)]
#[template(path = "failures/show.html")]
struct Page<'a> {
    frame: Frame,
    status: StatusCode,
    title: &'static str,
    what: &'static str,
    todo: &'static str,
    reference: Option<&'a str>,
    again: Option<&'a str>,
}

/// The page that says what happened; where a person is needed, the way to the sign-in page.
pub async fn page_of(web: &Web, ask: &Ask, failure: Failure) -> Response {
    let answer = match &failure {
        Failure::SignIn(next) => see_other(&format!("/auth/signin?next={}", local::in_query(next))),
        _ => {
            let person = if asks_who(&failure) {
                ask.person().await
            } else {
                Person::Unknown
            };
            let frame = Frame::refused(web, ask, person, Section::Elsewhere, "/");
            let (status, title, what, todo) = words(&failure);
            let reference = status.is_server_error().then(|| ask.request_id()).flatten();
            let again = retry_after(&failure).and_then(|_| ask.again());
            page(
                status,
                &Page {
                    frame,
                    status,
                    title,
                    what,
                    todo,
                    reference,
                    again,
                },
            )
        }
    };
    let mut response = answer.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response());
    if let Some(seconds) = retry_after(&failure) {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// The page for what was refused or failed before the pages were reached; nobody is asked for it.
pub fn page_alone(settings: &Settings, status: StatusCode) -> Response {
    let failure = match status.as_u16() {
        403 => Failure::CrossSite,
        404 => Failure::NotFound,
        405 => Failure::NoSuchAct,
        413 => Failure::TooLarge,
        429 => Failure::TooOften(None),
        408 | 502..=504 => Failure::Unavailable(Part::Some),
        400..=499 => Failure::Unreadable,
        _ => Failure::Broken,
    };
    let (_, title, what, todo) = words(&failure);
    let frame = Frame::alone(settings);
    let answer = page(
        status,
        &Page {
            frame,
            status,
            title,
            what,
            todo,
            reference: None,
            again: None,
        },
    );
    answer.unwrap_or_else(|_| status.into_response())
}

/// Who it is decides what stands around the page; a part that fails is not asked once more.
fn asks_who(failure: &Failure) -> bool {
    !matches!(
        failure,
        Failure::Unavailable(_) | Failure::Broken | Failure::CrossSite
    )
}

fn retry_after(failure: &Failure) -> Option<u64> {
    match failure {
        Failure::TooOften(seconds) => Some(seconds.unwrap_or(60)),
        Failure::Unavailable(_) => Some(5),
        _ => None,
    }
}

fn words(failure: &Failure) -> (StatusCode, &'static str, &'static str, &'static str) {
    match failure {
        Failure::NotFound => (
            StatusCode::NOT_FOUND,
            "There is no such page",
            "Nothing is at this address. It may have been mistyped, or what was here is gone.",
            "Check the address, or look for the ticket on the home page.",
        ),
        Failure::NotAllowed => (
            StatusCode::FORBIDDEN,
            "This is not yours to do",
            "You are signed in, but this belongs to somebody else.",
            "If it is yours, sign out and sign in with the account that you used then.",
        ),
        Failure::CrossSite => (
            StatusCode::FORBIDDEN,
            "That came from another site",
            "Another site tried to send this form in your name, so nothing was done.",
            "If you wanted to do it, open the page here and press the button yourself.",
        ),
        Failure::NoSuchAct => (
            StatusCode::METHOD_NOT_ALLOWED,
            "This page can't do that",
            "The address is right, but it takes no request of this kind.",
            "Go to the home page and start from there.",
        ),
        Failure::TooLarge => (
            StatusCode::PAYLOAD_TOO_LARGE,
            "That is too much text",
            "The form was larger than anything we can take, so nothing was done.",
            "Go back, shorten what you typed, and send it again.",
        ),
        Failure::Unreadable => (
            StatusCode::BAD_REQUEST,
            "That form could not be read",
            "What arrived was not a form of ours, so nothing was done.",
            "Go back, load the page again, and fill in the form once more.",
        ),
        Failure::TooOften(_) => (
            StatusCode::TOO_MANY_REQUESTS,
            "That was too often",
            "There were too many requests in a short time, so this one was not done.",
            "Wait a minute, then try again.",
        ),
        Failure::Unavailable(part) => {
            let (title, what) = away(*part);
            let todo = "Wait a few seconds, then try again. Pressing a button again never buys or \
                        pays twice.";
            (StatusCode::SERVICE_UNAVAILABLE, title, what, todo)
        }
        Failure::Broken | Failure::SignIn(_) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "Something went wrong here",
            "That is our fault, not yours. It has been written down.",
            "Try again in a moment. Your orders and listings show what was done.",
        ),
    }
}

/// What does not work while a part is away, and what does.
fn away(part: Part) -> (&'static str, &'static str) {
    match part {
        Part::Accounts => (
            "Accounts are not answering",
            "Signing in and your account are not available at the moment. You can look at the tickets \
             on sale meanwhile.",
        ),
        Part::Listings => (
            "Listings are not answering",
            "The tickets on sale can’t be shown or changed at the moment. Your orders are there \
             meanwhile, and nothing is lost.",
        ),
        Part::Orders => (
            "Orders are not answering",
            "Orders can’t be shown, made or changed at the moment. You can look at the tickets on sale \
             meanwhile, and nothing is lost.",
        ),
        Part::Payments => (
            "Payments are not answering",
            "Nothing can be paid at the moment. Your orders are there meanwhile, and nothing is lost.",
        ),
        Part::Some => (
            "This part is not answering",
            "The part of the site that knows this is not answering at the moment. Nothing is lost.",
        ),
    }
}
