//! Giving money back.

use axum::extract::State;
use axum::http::StatusCode;
use contracts::api::orders::{OrderView, RefundRequest};
use contracts::api::problem::Problem;
use contracts::events::orders::TicketFate;
use contracts::ids::OrderId;
use platform::http::answer::Answer;
use platform::http::fields::Fields;
use platform::http::idempotency::Idempotency;
use platform::http::path::Id;
use platform::session::SignedIn;
use platform::{Context, Result, Tx};

use super::read::known;
use super::view::view;
use crate::commands::refund::{self as command, Ask};

/// Gives money back to the buyer: the whole rest, or a part of it.
#[utoipa::path(
    post, path = "/api/orders/{id}/refund", tag = "orders", request_body = RefundRequest,
    params(
        ("id" = OrderId, Path, description = "the order"),
    ),
    responses(
        (status = 202, description = "the order; the money is on its way", body = OrderView),
        (status = 400, description = "an amount that can't be given back", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "not signed in", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "not the seller", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "unknown", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`order_not_complete`, `order_refunding`, `order_refunded`", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn refund(
    State(ctx): State<Context>,
    user: SignedIn,
    Id(id): Id<OrderId>,
    idempotency: Idempotency,
    fields: Option<Fields>,
) -> Result<Answer> {
    // Every field may be left out, and so may the body.
    let mut fields = fields.unwrap_or_default();
    let fingerprint = fields.fingerprint();
    let amount = fields.optional_amount("amount");
    let relist = fields.optional_bool("relist");
    let (amount, relist) = fields.take((amount, relist))?;
    let fate = if relist.unwrap_or(false) {
        TicketFate::Relist
    } else {
        TicketFate::Withdraw
    };
    let ask = Ask { amount, fate };
    let seller_id = user.user_id;
    known(&ctx, id).await?;
    let write = async move |tx: &mut Tx| {
        let saved = command::refund(tx, id, seller_id, &ask).await?;
        Ok(Answer::json(StatusCode::ACCEPTED, &view(&saved))?.etag(saved.version))
    };
    idempotency
        .run(&ctx, &seller_id.to_string(), &fingerprint, write)
        .await
}
