//! `GET /api/payments`: what became of the payments of one's own orders.

use axum::extract::State;
use contracts::api::payments::PaymentView;
use contracts::api::problem::{FieldError, Problem};
use contracts::ids::{OrderId, PaymentId};
use http::StatusCode;
use platform::http::answer::Answer;
use platform::http::path::Id;
use platform::http::query::Query;
use platform::session::SignedIn;
use platform::{Refused, Result, Tx};
use serde::Deserialize;
use utoipa::IntoParams;

use super::view::view;
use super::{Doors, known};
use crate::store::payments;

/// How many attempts are shown at most: nobody has so many cards.
const SHOWN_MAX: i64 = 200;

/// Whose payments.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
pub(super) struct Which {
    /// The order.
    order_id: Option<String>,
}

/// The payments of an order, oldest first: there may be several, if cards were declined.
#[utoipa::path(
    get,
    path = "/api/payments",
    tag = "payments",
    params(Which),
    responses(
        (status = 200, description = "The attempts to pay the order, at most the newest 200", body = Vec<PaymentView>),
        (status = 400, description = "No order was named", body = Problem),
        (status = 401, description = "Not signed in", body = Problem),
        (status = 403, description = "Somebody else's order", body = Problem),
        (status = 404, description = "No such order", body = Problem),
    ),
)]
pub(super) async fn list(
    State(doors): State<Doors>,
    who: SignedIn,
    Query(which): Query<Which>,
) -> Result<Answer> {
    let text = which.order_id.ok_or_else(order_required)?;
    let order_id: OrderId = text.parse().map_err(|_| Refused::not_found())?;
    known::order_of(&doors.ctx, order_id, who.user_id).await?;
    let read = async move |tx: &mut Tx| payments::of_order(tx, order_id, SHOWN_MAX).await;
    let payments = doors.ctx.db.read(read).await?;
    let views: Vec<PaymentView> = payments.iter().map(view).collect();
    Answer::json(StatusCode::OK, &views)
}

/// One payment.
#[utoipa::path(
    get,
    path = "/api/payments/{id}",
    tag = "payments",
    params(("id" = String, Path, description = "The payment's id")),
    responses(
        (status = 200, description = "The payment; its version is the ETag", body = PaymentView),
        (status = 401, description = "Not signed in", body = Problem),
        (status = 403, description = "Somebody else's payment", body = Problem),
        (status = 404, description = "No such payment", body = Problem),
    ),
)]
pub(super) async fn show(
    State(doors): State<Doors>,
    who: SignedIn,
    Id(id): Id<PaymentId>,
) -> Result<Answer> {
    let read = async move |tx: &mut Tx| payments::find(tx, id).await;
    let stored = doors
        .ctx
        .db
        .read(read)
        .await?
        .ok_or_else(Refused::not_found)?;
    if stored.payment.buyer_id != who.user_id {
        return Err(known::not_yours().into());
    }
    Ok(Answer::json(StatusCode::OK, &view(&stored))?.etag(stored.version))
}

fn order_required() -> Refused {
    let message = "is required: name the order, as in ?orderId=…".to_owned();
    Refused::fields(vec![FieldError {
        message,
        field: Some("orderId".to_owned()),
    }])
}
