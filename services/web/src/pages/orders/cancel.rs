//! Giving a held ticket back before it is paid.

use axum::extract::{Path, State};
use contracts::ids::OrderId;
use http::Method;

use crate::answer::{Failure, Reply};
use crate::ask::{Act, Ask};
use crate::cards;
use crate::fields::Errors;
use crate::frame::see_other;
use crate::pages::orders::show;
use crate::web::Web;

/// `POST /orders/{id}/cancellation`
pub async fn cancel(State(web): State<Web>, ask: Ask, Path(id): Path<String>) -> Reply {
    let id: OrderId = id.parse().map_err(|_| Failure::NotFound)?;
    let path = format!("/api/orders/{id}");
    let page = format!("/orders/{id}");
    match ask.act(Act::new(Method::DELETE, &path, &page)).await? {
        Ok(_) => see_other(&page),
        Err(refusal) => {
            let errors = Errors::new(&refusal, &[]);
            show::refused(&web, &ask, id, (refusal.status, errors), cards::FIRST).await
        }
    }
}
