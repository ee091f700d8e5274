//! Giving the money back: the seller can't deliver.

use axum::extract::{Path, State};
use contracts::api::orders::OrderView;
use contracts::ids::{OrderId, TicketId};
use http::Method;
use serde::Deserialize;
use serde_json::json;

use crate::answer::{Failure, Reply};
use crate::ask::{Act, Ask};
use crate::fields::Fields;
use crate::frame::see_other;
use crate::pages::tickets;
use crate::web::Web;

/// What becomes of the ticket, and on whose page the form stood.
#[derive(Debug, Deserialize)]
pub struct Form {
    #[serde(default)]
    relist: String,
    #[serde(default)]
    ticket_id: String,
    #[serde(default)]
    idempotency_key: String,
}

/// `POST /orders/{id}/refund`
pub async fn refund(
    State(web): State<Web>,
    ask: Ask,
    Path(id): Path<String>,
    Fields(form): Fields<Form>,
) -> Reply {
    let id: OrderId = id.parse().map_err(|_| Failure::NotFound)?;
    let ticket: TicketId = form.ticket_id.parse().map_err(|_| Failure::NotFound)?;
    let path = format!("/api/orders/{id}/refund");
    let page = format!("/tickets/{ticket}");
    let body = json!({"relist": form.relist == "yes"});
    let act = Act::new(Method::POST, &path, &page);
    match ask
        .act(act.key(web.key_of(&form.idempotency_key)).body(&body))
        .await?
    {
        Ok(answer) => {
            let order: OrderView = answer.read()?;
            see_other(&format!("/tickets/{}?done=refund", order.ticket.id))
        }
        Err(refusal) => tickets::show::refused(&web, &ask, ticket, &refusal).await,
    }
}
