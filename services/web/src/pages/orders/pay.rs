//! Paying an order with a card.

use axum::extract::{Path, State};
use contracts::ids::OrderId;
use http::Method;
use serde::Deserialize;
use serde_json::json;

use crate::answer::{Failure, Refusal, Reply};
use crate::ask::{Act, Ask};
use crate::fields::{Errors, Fields, Label};
use crate::frame::see_other;
use crate::pages::orders::show;
use crate::web::Web;
use crate::words;

const LABELS: [Label; 1] = [("token", "Card")];

/// The chosen card.
#[derive(Debug, Deserialize)]
pub struct Form {
    #[serde(default)]
    token: String,
    #[serde(default)]
    idempotency_key: String,
}

/// `POST /orders/{id}/payment`
pub async fn pay(
    State(web): State<Web>,
    ask: Ask,
    Path(id): Path<String>,
    Fields(form): Fields<Form>,
) -> Reply {
    let id: OrderId = id.parse().map_err(|_| Failure::NotFound)?;
    let page = format!("/orders/{id}");
    let body = json!({"orderId": id, "token": form.token});
    let act = Act::new(Method::POST, "/api/payments", &page);
    match ask
        .act(act.key(web.key_of(&form.idempotency_key)).body(&body))
        .await?
    {
        // Whether it is paid, is being paid or wants the bank's word: the order's page says it.
        Ok(_) => see_other(&page),
        Err(refusal) => {
            let errors = in_words(&refusal);
            show::refused(&web, &ask, id, (refusal.status, errors), &form.token).await
        }
    }
}

fn in_words(refusal: &Refusal) -> Errors {
    match words::declined_because(&refusal.code) {
        Some(reason) => Errors::one(reason),
        None => Errors::new(refusal, &LABELS),
    }
}
