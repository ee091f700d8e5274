//! Giving a ticket back before paying.

use axum::extract::State;
use axum::http::StatusCode;
use contracts::api::problem::Problem;
use contracts::ids::OrderId;
use platform::http::answer::Answer;
use platform::http::conditional::IfMatch;
use platform::http::path::Id;
use platform::session::SignedIn;
use platform::{Context, Result, Tx};

use super::read::known;
use crate::commands;

/// Cancels an order that is not paid. Again 204 when it was cancelled before.
#[utoipa::path(
    delete, path = "/api/orders/{id}", tag = "orders",
    params(
        ("id" = OrderId, Path, description = "the order"),
        ("if-match" = Option<String>, Header, description = "the `ETag` that was seen"),
    ),
    responses(
        (status = 204, description = "cancelled"),
        (status = 401, description = "not signed in", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "somebody else's", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "unknown", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`order_paying`, `order_paid`", body = Problem, content_type = "application/problem+json"),
        (status = 412, description = "it has changed", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn cancel(
    State(ctx): State<Context>,
    user: SignedIn,
    Id(id): Id<OrderId>,
    if_match: IfMatch,
) -> Result<Answer> {
    known(&ctx, id).await?;
    let write =
        async move |tx: &mut Tx| commands::cancel::cancel(tx, id, user.user_id, &if_match).await;
    ctx.db.write(write).await?;
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}
