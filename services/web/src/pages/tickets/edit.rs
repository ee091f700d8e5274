//! Changing one's listing.

use askama::Template;
use axum::extract::{Path, State};
use contracts::api::tickets::{TicketStatusView, TicketView};
use contracts::ids::TicketId;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;

use crate::answer::{Failure, Refusal, Reply};
use crate::ask::{Act, Ask, Person};
use crate::fields::{Errors, Fields};
use crate::frame::{Frame, Section, page, refused_page, see_other};
use crate::pages::tickets::{CURRENCIES, LABELS};
use crate::web::Web;

/// What the seller typed, and the version that was seen.
#[derive(Debug, Default, Deserialize)]
pub struct Draft {
    #[serde(default)]
    title: String,
    #[serde(default)]
    price: String,
    #[serde(default)]
    currency: String,
    #[serde(default)]
    version: i64,
}

#[derive(Template)]
#[template(path = "tickets/edit.html")]
struct Page {
    frame: Frame,
    id: TicketId,
    draft: Draft,
    errors: Errors,
    /// The ticket's currency when the form offers no such.
    other: Option<String>,
    currencies: &'static [(&'static str, &'static str)],
}

impl Page {
    fn new(frame: Frame, id: TicketId, draft: Draft, errors: Errors) -> Self {
        let is_offered = CURRENCIES.iter().any(|(code, _)| *code == draft.currency);
        let other = (!is_offered && !draft.currency.is_empty()).then(|| draft.currency.clone());
        Self {
            frame,
            id,
            draft,
            errors,
            other,
            currencies: &CURRENCIES,
        }
    }
}

/// `GET /tickets/{id}/edit`
pub async fn show(State(web): State<Web>, ask: Ask, Path(id): Path<String>) -> Reply {
    let id: TicketId = id.parse().map_err(|_| Failure::NotFound)?;
    let path = format!("/api/tickets/{id}");
    let (person, answer) = futures::join!(ask.person(), ask.get(&path));
    let ticket: TicketView = answer?.read()?;
    match &person {
        Person::Nobody => return Err(Failure::SignIn(ask.here().to_owned())),
        Person::Known(user) if user.id != ticket.user_id => return Err(Failure::NotAllowed),
        Person::Known(_) | Person::Unknown => {}
    }
    if ticket.status != TicketStatusView::Listed {
        return see_other(&format!("/tickets/{id}"));
    }
    let draft = Draft {
        title: ticket.title,
        price: ticket.price.to_string(),
        currency: ticket.currency,
        version: ticket.version,
    };
    let frame = Frame::new(&web, &ask, person, Section::Mine);
    page(
        StatusCode::OK,
        &Page::new(frame, id, draft, Errors::default()),
    )
}

/// `POST /tickets/{id}/edit`
pub async fn change(
    State(web): State<Web>,
    ask: Ask,
    Path(id): Path<String>,
    Fields(draft): Fields<Draft>,
) -> Reply {
    let id: TicketId = id.parse().map_err(|_| Failure::NotFound)?;
    let path = format!("/api/tickets/{id}");
    let here = format!("/tickets/{id}/edit");
    let mut body = json!({"title": draft.title, "price": draft.price.trim()});
    if let (Some(body), false) = (body.as_object_mut(), draft.currency.is_empty()) {
        body.insert("currency".to_owned(), json!(draft.currency));
    }
    let act = Act::new(Method::PUT, &path, &here);
    match ask.act(act.version(draft.version).body(&body)).await? {
        Ok(_) => see_other(&format!("/tickets/{id}?done=changed")),
        Err(refusal) => refused(&web, &ask, id, draft, &refusal).await,
    }
}

/// The form again with what was typed, and with the version that it would replace.
async fn refused(web: &Web, ask: &Ask, id: TicketId, draft: Draft, refusal: &Refusal) -> Reply {
    let path = format!("/api/tickets/{id}");
    let (person, answer) = futures::join!(ask.person(), ask.get(&path));
    let ticket: TicketView = answer?.read()?;
    let errors = if ticket.version != draft.version && ticket.status == TicketStatusView::Listed {
        Errors::one(
            "This listing changed while you were editing it. Below is what you typed; send it \
             again to have it replace what is there now.",
        )
    } else {
        Errors::new(refusal, &LABELS)
    };
    let draft = Draft {
        version: ticket.version,
        ..draft
    };
    let here = format!("/tickets/{id}/edit");
    let frame = Frame::refused(web, ask, person, Section::Mine, &here);
    refused_page(refusal, &Page::new(frame, id, draft, errors))
}
