//! One's own listings, in every state.

use askama::Template;
use axum::extract::State;
use contracts::api::tickets::TicketView;
use http::StatusCode;
use serde::Deserialize;

use crate::answer::Reply;
use crate::ask::Ask;
use crate::fields::Asked;
use crate::frame::{Frame, Section, page};
use crate::local;
use crate::pages::tickets::Card;
use crate::web::Web;

/// Where in the list the page begins.
#[derive(Debug, Default, Deserialize)]
pub struct Query {
    #[serde(default)]
    cursor: String,
}

#[derive(Template)]
#[template(path = "tickets/mine.html")]
struct Page {
    frame: Frame,
    tickets: Vec<Card>,
    is_first: bool,
    next: Option<String>,
}

/// `GET /tickets/mine`
pub async fn show(State(web): State<Web>, ask: Ask, Asked(query): Asked<Query>) -> Reply {
    let mut path = "/api/tickets/mine?limit=50".to_owned();
    if !query.cursor.is_empty() {
        path.push_str(&format!("&cursor={}", local::in_query(&query.cursor)));
    }
    let (person, answer) = futures::join!(ask.person(), ask.get(&path));
    let answer = answer?;
    let tickets: Vec<TicketView> = answer.read()?;
    let next = answer.next_cursor();
    let shown = Page {
        frame: Frame::new(&web, &ask, person, Section::Mine),
        tickets: tickets.iter().map(Card::new).collect(),
        is_first: query.cursor.is_empty(),
        next: next.map(|cursor| format!("/tickets/mine?cursor={}", local::in_query(&cursor))),
    };
    page(StatusCode::OK, &shown)
}
