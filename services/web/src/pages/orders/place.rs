//! Reserving a ticket, at the price that the buyer has seen.

use axum::extract::State;
use contracts::api::orders::OrderView;
use contracts::ids::TicketId;
use http::Method;
use serde::Deserialize;
use serde_json::json;

use crate::answer::{Failure, Reply};
use crate::ask::{Act, Ask};
use crate::fields::Fields;
use crate::frame::see_other;
use crate::pages::tickets;
use crate::web::Web;

/// What the page's form says.
#[derive(Debug, Deserialize)]
pub struct Form {
    #[serde(default)]
    ticket_id: String,
    #[serde(default)]
    price: String,
    #[serde(default)]
    version: i64,
    #[serde(default)]
    idempotency_key: String,
}

/// `POST /orders`
pub async fn place(State(web): State<Web>, ask: Ask, Fields(form): Fields<Form>) -> Reply {
    let ticket: TicketId = form.ticket_id.parse().map_err(|_| Failure::NotFound)?;
    let page = format!("/tickets/{ticket}");
    let mut body = json!({"ticketId": ticket});
    if let Some(body) = body.as_object_mut() {
        if !form.price.is_empty() {
            body.insert("price".to_owned(), json!(form.price));
        }
        if form.version > 0 {
            body.insert("version".to_owned(), json!(form.version));
        }
    }
    let act = Act::new(Method::POST, "/api/orders", &page);
    match ask
        .act(act.key(web.key_of(&form.idempotency_key)).body(&body))
        .await?
    {
        Ok(answer) => {
            let order: OrderView = answer.read()?;
            see_other(&format!("/orders/{}", order.id))
        }
        Err(refusal) => tickets::show::refused(&web, &ask, ticket, &refusal).await,
    }
}
