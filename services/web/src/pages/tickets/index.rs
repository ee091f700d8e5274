//! The home page: what can be bought now, with search and paging.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use contracts::api::tickets::TicketView;
use http::StatusCode;
use serde::Deserialize;

use crate::answer::{Answer, Failure, Reply};
use crate::ask::Ask;
use crate::fields::Asked;
use crate::frame::{Frame, Section, page};
use crate::local;
use crate::pages::tickets::Card;
use crate::web::Web;

/// How many tickets one page shows.
const SHOWN_MAX: u8 = 24;

/// What the visitor looks for.
#[derive(Debug, Default, Deserialize)]
pub struct Query {
    #[serde(default)]
    q: String,
    #[serde(default)]
    cursor: String,
}

impl Query {
    fn api_path(&self) -> String {
        let mut path = format!("/api/tickets?limit={SHOWN_MAX}");
        for (name, value) in [("q", self.q.trim()), ("cursor", &self.cursor)] {
            if !value.is_empty() {
                path.push_str(&format!("&{name}={}", local::in_query(value)));
            }
        }
        path
    }

    fn page_path(&self, cursor: &str) -> String {
        let q = self.q.trim();
        let search = if q.is_empty() {
            String::new()
        } else {
            format!("q={}&", local::in_query(q))
        };
        format!("/?{search}cursor={}", local::in_query(cursor))
    }
}

#[derive(Template)]
#[template(path = "tickets/index.html")]
struct Page<'a> {
    frame: Frame,
    q: &'a str,
    list: Arc<str>,
}

#[derive(Template)]
#[template(path = "tickets/list.html")]
struct List<'a> {
    q: &'a str,
    tickets: Vec<Card>,
    is_first: bool,
    next: Option<String>,
}

/// `GET /`
pub async fn show(State(web): State<Web>, ask: Ask, Asked(query): Asked<Query>) -> Reply {
    let path = query.api_path();
    let (person, answer) = futures::join!(ask.person(), ask.get(&path));
    let answer = answer?;
    let list = web
        .listings()
        .html(&path, &answer, || rendered(&query, &answer))?;
    let frame = Frame::new(&web, &ask, person, Section::Browse);
    page(
        StatusCode::OK,
        &Page {
            frame,
            q: query.q.trim(),
            list,
        },
    )
}

fn rendered(query: &Query, answer: &Answer) -> Result<String, Failure> {
    let tickets: Vec<TicketView> = answer.read()?;
    let list = List {
        q: query.q.trim(),
        tickets: tickets.iter().map(Card::new).collect(),
        is_first: query.cursor.is_empty(),
        next: answer.next_cursor().map(|cursor| query.page_path(&cursor)),
    };
    Ok(list.render()?)
}
