//! Looking at orders.

use axum::extract::State;
use axum::http::StatusCode;
use contracts::Timestamp;
use contracts::api::orders::OrderView;
use contracts::api::problem::Problem;
use contracts::ids::OrderId;
use platform::http::answer::Answer;
use platform::http::pages::{PageRequest, invalid_cursor};
use platform::http::path::Id;
use platform::session::SignedIn;
use platform::{Context, Refused, Result, Tx};

use super::fresh::find;
use super::view::view;
use crate::store::orders::{self, Position, Saved};

/// One's own orders, newest first.
#[utoipa::path(
    get, path = "/api/orders", tag = "orders",
    params(
        ("limit" = Option<i64>, Query, description = "1 to 200; 100 when left out"),
        ("cursor" = Option<String>, Query, description = "from the link to the next page"),
    ),
    responses(
        (status = 200, description = "a page; `Link: rel=\"next\"` leads to the next", body = Vec<OrderView>),
        (status = 401, description = "not signed in", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn list(
    State(ctx): State<Context>,
    user: SignedIn,
    page: PageRequest,
) -> Result<Answer> {
    let position = page.cursor.as_deref().map(position).transpose()?;
    let (buyer_id, limit) = (user.user_id, page.limit);
    let read = async move |tx: &mut Tx| {
        // One more than is shown tells whether there is a next page.
        orders::of_buyer(tx, buyer_id, position, limit.saturating_add(1)).await
    };
    let mut found = ctx.db.read(read).await?;
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = found.len() > shown;
    found.truncate(shown);
    let next = if more { found.last().map(cursor) } else { None };
    let views: Vec<OrderView> = found.iter().map(view).collect();
    Ok(Answer::json(StatusCode::OK, &views)?.next_page(&page, next.as_deref()))
}

/// One order, to its buyer. (Its seller sees the ticket.)
#[utoipa::path(
    get, path = "/api/orders/{id}", tag = "orders",
    params(("id" = OrderId, Path, description = "the order")),
    responses(
        (status = 200, description = "the order", body = OrderView),
        (status = 401, description = "not signed in", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "somebody else's", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "unknown", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn show(
    State(ctx): State<Context>,
    user: SignedIn,
    Id(id): Id<OrderId>,
) -> Result<Answer> {
    let saved = known(&ctx, id).await?;
    if user.user_id != saved.order.terms.buyer_id {
        return Err(Refused::forbidden("not_yours", "this is somebody else's order").into());
    }
    Ok(Answer::json(StatusCode::OK, &view(&saved))?.etag(saved.version))
}

/// The order of this id.
///
/// # Errors
/// 404 when there is none, after a wait if the id is fresh.
pub async fn known(ctx: &Context, id: OrderId) -> Result<Saved> {
    let db = ctx.db.clone();
    let look = async move || {
        db.read(async move |tx: &mut Tx| orders::load(tx, id).await)
            .await
    };
    let found = find(ctx, id.uuid(), look).await?;
    Ok(found.ok_or_else(Refused::not_found)?)
}

fn cursor(last: &Saved) -> String {
    let terms = &last.order.terms;
    format!("{}.{}", terms.created_at.as_microsecond(), terms.id)
}

fn position(cursor: &str) -> Result<Position> {
    let read = || {
        let (micros, id) = cursor.split_once('.')?;
        let created_at = Timestamp::from_microsecond(micros.parse().ok()?).ok()?;
        Some(Position {
            created_at,
            id: id.parse().ok()?,
        })
    };
    Ok(read().ok_or_else(invalid_cursor)?)
}
