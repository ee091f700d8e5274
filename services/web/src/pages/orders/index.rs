//! One's own orders, with dates and states.

use askama::Template;
use axum::extract::State;
use contracts::api::orders::{OrderStatusView, OrderView};
use http::StatusCode;
use serde::Deserialize;

use crate::answer::Reply;
use crate::ask::Ask;
use crate::fields::Asked;
use crate::frame::{Frame, Section, page};
use crate::pages::orders::state;
use crate::web::Web;
use crate::{local, times, words};

/// Where in the list the page begins.
#[derive(Debug, Default, Deserialize)]
pub struct Query {
    #[serde(default)]
    cursor: String,
}

struct Row {
    id: String,
    title: String,
    price: String,
    placed: String,
    machine: String,
    state: &'static str,
    tone: &'static str,
    /// How long it can still be paid.
    left: Option<String>,
}

#[derive(Template)]
#[template(path = "orders/index.html")]
struct Page {
    frame: Frame,
    orders: Vec<Row>,
    is_first: bool,
    next: Option<String>,
}

/// `GET /orders`
pub async fn show(State(web): State<Web>, ask: Ask, Asked(query): Asked<Query>) -> Reply {
    let mut path = "/api/orders?limit=50".to_owned();
    if !query.cursor.is_empty() {
        path.push_str(&format!("&cursor={}", local::in_query(&query.cursor)));
    }
    let (person, answer) = futures::join!(ask.person(), ask.get(&path));
    let answer = answer?;
    let orders: Vec<OrderView> = answer.read()?;
    let next = answer.next_cursor();
    let shown = Page {
        frame: Frame::new(&web, &ask, person, Section::Orders),
        orders: orders.iter().map(|order| row(&web, order)).collect(),
        is_first: query.cursor.is_empty(),
        next: next.map(|cursor| format!("/orders?cursor={}", local::in_query(&cursor))),
    };
    page(StatusCode::OK, &shown)
}

fn row(web: &Web, order: &OrderView) -> Row {
    let (state, tone) = state(order);
    let left = times::seconds_left(order.expires_at, web.now());
    let is_payable = order.status == OrderStatusView::AwaitingPayment && left > 0;
    Row {
        id: order.id.to_string(),
        title: order.ticket.title.clone(),
        price: words::money(&order.ticket.price, &order.ticket.currency),
        placed: times::moment(order.created_at),
        machine: times::machine(order.created_at),
        state,
        tone,
        left: is_payable.then(|| times::span(left)),
    }
}
