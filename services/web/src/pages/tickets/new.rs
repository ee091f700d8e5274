//! Listing a ticket.

use askama::Template;
use axum::extract::State;
use contracts::api::tickets::TicketView;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use crate::answer::{Failure, Reply};
use crate::ask::{Act, Ask, Person};
use crate::fields::{Errors, Fields};
use crate::frame::{Frame, Section, page, refused_page, see_other};
use crate::pages::tickets::{CURRENCIES, LABELS};
use crate::web::Web;

const PATH: &str = "/tickets/new";

/// What the seller typed.
#[derive(Debug, Default, Deserialize)]
pub struct Draft {
    #[serde(default)]
    title: String,
    #[serde(default)]
    price: String,
    #[serde(default)]
    currency: String,
    #[serde(default)]
    idempotency_key: String,
}

#[derive(Template)]
#[template(path = "tickets/new.html")]
struct Page {
    frame: Frame,
    key: Uuid,
    draft: Draft,
    errors: Errors,
    currencies: &'static [(&'static str, &'static str)],
}

impl Page {
    fn new(web: &Web, frame: Frame, draft: Draft, errors: Errors) -> Self {
        Self {
            frame,
            key: web.new_id(),
            draft,
            errors,
            currencies: &CURRENCIES,
        }
    }
}

/// `GET /tickets/new`
pub async fn show(State(web): State<Web>, ask: Ask) -> Reply {
    let person = ask.person().await;
    if person == Person::Nobody {
        return Err(Failure::SignIn(PATH.to_owned()));
    }
    let frame = Frame::new(&web, &ask, person, Section::Sell);
    page(
        StatusCode::OK,
        &Page::new(&web, frame, Draft::default(), Errors::default()),
    )
}

/// `POST /tickets/new`
pub async fn list(State(web): State<Web>, ask: Ask, Fields(draft): Fields<Draft>) -> Reply {
    // The price goes as it was typed: the API alone judges it.
    let mut body = json!({"title": draft.title, "price": draft.price.trim()});
    if let (Some(body), false) = (body.as_object_mut(), draft.currency.is_empty()) {
        body.insert("currency".to_owned(), json!(draft.currency));
    }
    let act = Act::new(Method::POST, "/api/tickets", PATH);
    match ask
        .act(act.key(web.key_of(&draft.idempotency_key)).body(&body))
        .await?
    {
        Ok(answer) => {
            let ticket: TicketView = answer.read()?;
            see_other(&format!("/tickets/{}?done=listed", ticket.id))
        }
        Err(refusal) => {
            let errors = Errors::new(&refusal, &LABELS);
            let person = ask.person().await;
            let frame = Frame::refused(&web, &ask, person, Section::Sell, PATH);
            refused_page(&refusal, &Page::new(&web, frame, draft, errors))
        }
    }
}
