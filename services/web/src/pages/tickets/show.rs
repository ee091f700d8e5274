//! A ticket: what it is, what it costs, and whether this visitor may buy, change or return it.

use askama::Template;
use axum::extract::{Path, State};
use contracts::api::tickets::{TicketStatusView, TicketView};
use contracts::ids::{OrderId, TicketId};
use http::{Method, StatusCode};
use uuid::Uuid;

use crate::answer::{Failure, Refusal, Reply};
use crate::ask::{Act, Ask, Person};
use crate::fields::Errors;
use crate::frame::{Frame, Section, page, refused_page, see_other};
use crate::pages::tickets::Card;
use crate::web::Web;
use crate::words;

/// What this visitor may do with the ticket.
enum Stance {
    /// Somebody else's, on sale.
    Buy,
    /// On sale, to nobody who has signed in.
    SignIn,
    /// Somebody else's, held by a buyer, perhaps by this one.
    Held,
    /// Somebody else's, sold.
    Sold,
    /// Taken off the market.
    Withdrawn,
    /// One's own, on sale.
    OwnListed,
    /// One's own, held by a buyer.
    OwnHeld,
    /// One's own, sold with that order.
    OwnSold(Option<OrderId>),
}

impl Stance {
    fn new(ticket: &TicketView, person: &Person) -> Self {
        let is_own = matches!(person, Person::Known(user) if user.id == ticket.user_id);
        match (ticket.status, is_own) {
            (TicketStatusView::Listed, false) if *person == Person::Nobody => Self::SignIn,
            (TicketStatusView::Listed, false) => Self::Buy,
            (TicketStatusView::Listed, true) => Self::OwnListed,
            (TicketStatusView::Held, false) => Self::Held,
            (TicketStatusView::Held, true) => Self::OwnHeld,
            (TicketStatusView::Sold, false) => Self::Sold,
            (TicketStatusView::Sold, true) => Self::OwnSold(ticket.order_id),
            (TicketStatusView::Withdrawn, _) => Self::Withdrawn,
        }
    }
}

#[derive(Template)]
#[template(path = "tickets/show.html")]
struct Page {
    frame: Frame,
    ticket: Card,
    /// The price as the API writes it: what the buyer has seen.
    price: String,
    version: i64,
    seller: String,
    stance: Stance,
    errors: Errors,
    key: Uuid,
}

impl Page {
    fn new(web: &Web, frame: Frame, ticket: &TicketView, errors: Errors) -> Self {
        Self {
            stance: Stance::new(ticket, &frame.person),
            ticket: Card::new(ticket),
            price: ticket.price.to_string(),
            version: ticket.version,
            seller: words::seller(ticket.user_id),
            errors,
            key: web.new_id(),
            frame,
        }
    }
}

/// `GET /tickets/{id}`
pub async fn show(State(web): State<Web>, ask: Ask, Path(id): Path<String>) -> Reply {
    let id: TicketId = id.parse().map_err(|_| Failure::NotFound)?;
    let path = format!("/api/tickets/{id}");
    let (person, answer) = futures::join!(ask.person(), ask.get(&path));
    let ticket: TicketView = answer?.read()?;
    let frame = Frame::new(&web, &ask, person, Section::Browse);
    page(
        StatusCode::OK,
        &Page::new(&web, frame, &ticket, Errors::default()),
    )
}

/// The ticket's page as it is now, with what the API said to an act on it.
pub async fn refused(web: &Web, ask: &Ask, id: TicketId, refusal: &Refusal) -> Reply {
    let path = format!("/api/tickets/{id}");
    let (person, answer) = futures::join!(ask.person(), ask.get(&path));
    let ticket: TicketView = answer?.read()?;
    let here = format!("/tickets/{id}");
    let frame = Frame::refused(web, ask, person, Section::Browse, &here);
    refused_page(
        refusal,
        &Page::new(web, frame, &ticket, Errors::new(refusal, &[])),
    )
}

/// `GET` of what is only posted to: back to the ticket.
pub async fn back(Path(id): Path<String>) -> Reply {
    let id: TicketId = id.parse().map_err(|_| Failure::NotFound)?;
    see_other(&format!("/tickets/{id}"))
}

/// `POST /tickets/{id}/withdrawal`
pub async fn withdraw(State(web): State<Web>, ask: Ask, Path(id): Path<String>) -> Reply {
    let id: TicketId = id.parse().map_err(|_| Failure::NotFound)?;
    let path = format!("/api/tickets/{id}");
    let here = format!("/tickets/{id}");
    match ask.act(Act::new(Method::DELETE, &path, &here)).await? {
        Ok(_) => see_other("/tickets/mine?done=withdrawn"),
        Err(refusal) => refused(&web, &ask, id, &refusal).await,
    }
}
