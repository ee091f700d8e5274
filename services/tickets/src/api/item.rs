//! A single ticket: listing it, looking at it, changing it, taking it back.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use contracts::api::problem::Problem;
use contracts::api::tickets::{TicketDraft, TicketView};
use contracts::ids::TicketId;
use contracts::money::Currency;
use platform::http::answer::Answer;
use platform::http::conditional::IfMatch;
use platform::http::fields::Fields;
use platform::http::idempotency::Idempotency;
use platform::http::path::Id;
use platform::session::SignedIn;
use platform::{Context, Refused, Result, Tx};

use super::draft::draft_in;
use super::{Api, view};
use crate::commands;
use crate::domain::{Refusal, Ticket};
use crate::store::tickets;

/// Lists a ticket.
#[utoipa::path(
    post,
    path = "/api/tickets",
    tag = "tickets",
    request_body = TicketDraft,
    responses(
        (status = 201, description = "Listed; `Location` and `ETag` are set", body = TicketView),
        (status = 400, description = "Every bad field", body = Problem),
        (status = 401, description = "Nobody is signed in", body = Problem),
    )
)]
pub async fn list(
    State(api): State<Api>,
    seller: SignedIn,
    idempotency: Idempotency,
    mut fields: Fields,
) -> Result<Answer> {
    let draft = draft_in(&mut fields, Currency::USD, api.settings)?;
    let offer = draft
        .offer(Currency::USD, api.settings.price_major_max)
        .map_err(|error| Refused::invalid("invalid_input", error.to_string()).on_field("price"))?;
    let seller = seller.user_id;
    let work = async move |tx: &mut Tx| {
        let ticket = commands::list::list(tx, seller, offer.clone()).await?;
        let place = format!("/api/tickets/{}", ticket.id);
        Ok(shown(StatusCode::CREATED, &ticket)?.header(LOCATION, place))
    };
    idempotency
        .run(&api.ctx, &seller.to_string(), &fields.fingerprint(), work)
        .await
}

/// A ticket.
#[utoipa::path(
    get,
    path = "/api/tickets/{id}",
    tag = "tickets",
    params(("id" = TicketId, Path)),
    responses(
        (status = 200, description = "The ticket; its `ETag` is its version", body = TicketView),
        (status = 404, description = "No such ticket", body = Problem),
    )
)]
pub async fn show(State(api): State<Api>, Id(id): Id<TicketId>) -> Result<Answer> {
    shown(StatusCode::OK, &find(&api.ctx, id).await?)
}

/// Changes the title, the price or the currency: a new offer.
#[utoipa::path(
    put,
    path = "/api/tickets/{id}",
    tag = "tickets",
    request_body = TicketDraft,
    params(
        ("id" = TicketId, Path),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that was looked at"),
    ),
    responses(
        (status = 200, description = "The ticket as it is now", body = TicketView),
        (status = 400, description = "Every bad field", body = Problem),
        (status = 401, description = "Nobody is signed in", body = Problem),
        (status = 403, description = "Somebody else sells it", body = Problem),
        (status = 404, description = "No such ticket", body = Problem),
        (status = 409, description = "`ticket_reserved`, `ticket_sold` or `ticket_withdrawn`", body = Problem),
        (status = 412, description = "It was changed since", body = Problem),
    )
)]
pub async fn edit(
    State(api): State<Api>,
    seller: SignedIn,
    Id(id): Id<TicketId>,
    if_match: IfMatch,
    mut fields: Fields,
) -> Result<Answer> {
    let before = find(&api.ctx, id).await?;
    if before.seller_id != seller.user_id {
        return Err(Refusal::NotYours.into());
    }
    let draft = draft_in(&mut fields, before.offer.price.currency, api.settings)?;
    let (by, highest) = (seller.user_id, api.settings.price_major_max);
    let work = async move |tx: &mut Tx| {
        let ticket = commands::edit::edit(tx, (id, by), &draft, highest, &if_match).await?;
        shown(StatusCode::OK, &ticket)
    };
    api.ctx.db.write(work).await
}

/// Takes a ticket off the market. Once more is fine.
#[utoipa::path(
    delete,
    path = "/api/tickets/{id}",
    tag = "tickets",
    params(
        ("id" = TicketId, Path),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that was looked at"),
    ),
    responses(
        (status = 204, description = "It is withdrawn"),
        (status = 401, description = "Nobody is signed in", body = Problem),
        (status = 403, description = "Somebody else sells it", body = Problem),
        (status = 404, description = "No such ticket", body = Problem),
        (status = 409, description = "`ticket_reserved` or `ticket_sold`", body = Problem),
        (status = 412, description = "It was changed since", body = Problem),
    )
)]
pub async fn withdraw(
    State(api): State<Api>,
    seller: SignedIn,
    Id(id): Id<TicketId>,
    if_match: IfMatch,
) -> Result<Answer> {
    let by = seller.user_id;
    let work = async move |tx: &mut Tx| commands::withdraw::withdraw(tx, id, by, &if_match).await;
    api.ctx.db.write(work).await?;
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

async fn find(ctx: &Context, id: TicketId) -> Result<Ticket> {
    let found = ctx
        .db
        .read(async move |tx: &mut Tx| tickets::find(tx, id).await)
        .await?;
    Ok(found.ok_or_else(Refused::not_found)?)
}

fn shown(status: StatusCode, ticket: &Ticket) -> Result<Answer> {
    Ok(Answer::json(status, &view(ticket))?.etag(ticket.version))
}
