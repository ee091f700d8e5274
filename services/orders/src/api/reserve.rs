//! Reserving a ticket.

use axum::extract::State;
use axum::http::StatusCode;
use contracts::api::orders::{OrderRequest, OrderView};
use contracts::api::problem::Problem;
use contracts::ids::{TicketId, UserId};
use platform::http::answer::Answer;
use platform::http::fields::Fields;
use platform::http::idempotency::{Begun, Idempotency};
use platform::session::SignedIn;
use platform::{Context, Refused, Result, Tx};

use super::Api;
use super::fresh::{PATIENCE, is_fresh};
use super::line::Turn;
use super::view::view;
use crate::commands;
use crate::domain::reservation::{Denied, Holds, Offer, Wish, is_behind, judge};
use crate::store::ticket_copies;

/// Holds a ticket for its buyer.
#[utoipa::path(
    post, path = "/api/orders", tag = "orders", request_body = OrderRequest,
    responses(
        (status = 201, description = "the order", body = OrderView),
        (status = 400, description = "bad fields", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "not signed in", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "no such ticket", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`ticket_reserved`, `ticket_sold`, `ticket_withdrawn`, `own_ticket`, `offer_changed`, `price_changed`, `too_many_holds`, `not_ready`", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "`ticket_crowded`", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn reserve(
    State(api): State<Api>,
    user: SignedIn,
    idempotency: Idempotency,
    fields: Fields,
) -> Result<Answer> {
    let ctx = &api.ctx;
    let scope = user.user_id.to_string();
    let guard = match idempotency
        .begin(ctx, &scope, &fields.fingerprint())
        .await?
    {
        Begun::Replay(answer) => return Ok(answer),
        Begun::New(guard) => guard,
    };
    let wish = wish(fields, user.user_id)?;
    let (turn, offer, holds) = take_turn(&api, &wish).await?;
    if let Err(denied) = judge(&wish, &offer, holds) {
        // Storing a refusal for its key takes a commit: nobody in line has to wait for it.
        drop(turn);
        return match denied {
            Denied::Refused(refusal) => guard.refuse(ctx, refusal.into()).await,
            Denied::BadPrice(error) => {
                let refused = Refused::invalid("invalid_input", error.to_string());
                Err(refused.on_field("price").into())
            }
        };
    }
    let settings = api.settings.clone();
    let write = async move |tx: &mut Tx| {
        let saved = commands::reserve::reserve(tx, &offer, wish.buyer_id, &settings).await?;
        let location = format!("/api/orders/{}", saved.order.terms.id);
        let answer = Answer::json(StatusCode::CREATED, &view(&saved))?;
        Ok(answer.etag(saved.version).header("location", location))
    };
    let answer = guard.write(ctx, write).await;
    drop(turn);
    answer
}

fn wish(mut fields: Fields, buyer_id: UserId) -> Result<Wish> {
    let ticket_id = fields.text("ticketId", str::parse::<TicketId>);
    let price = fields.optional_amount("price");
    let version = fields.optional_int("version");
    let (ticket_id, price, version) = fields.take((ticket_id, price, version))?;
    Ok(Wish {
        ticket_id,
        buyer_id,
        price,
        version,
    })
}

/// Stands in line for the ticket; at the head, what is known of it. Who has to wait for the ticket's
/// events to arrive does so outside of the line.
async fn take_turn(api: &Api, wish: &Wish) -> Result<(Turn, Offer, Holds)> {
    let turn = api.line.join(wish.ticket_id).await?;
    match look(api, wish).await? {
        Some((offer, holds)) if !is_behind(wish.version, &offer) => {
            return Ok((turn, offer, holds));
        }
        Some(_) => {}
        None if is_fresh(&api.ctx, wish.ticket_id.uuid()) => {}
        None => return Err(Refused::not_found().into()),
    }
    drop(turn);
    arrival(&api.ctx, wish.ticket_id, wish.version).await?;
    let turn = api.line.join(wish.ticket_id).await?;
    match look(api, wish).await? {
        Some((offer, _)) if is_behind(wish.version, &offer) => Err(Refused::not_ready().into()),
        Some((offer, holds)) => Ok((turn, offer, holds)),
        None => Err(Refused::not_found().into()),
    }
}

async fn look(api: &Api, wish: &Wish) -> Result<Option<(Offer, Holds)>> {
    let (ticket_id, buyer_id) = (wish.ticket_id, wish.buyer_id);
    let read = async move |tx: &mut Tx| ticket_copies::look(tx, ticket_id, buyer_id).await;
    let found = api.ctx.db.read(read).await?;
    Ok(found.map(|(offer, on_ticket, of_buyer)| {
        let of_buyer_max = api.settings.unpaid_holds_max;
        (
            offer,
            Holds {
                on_ticket,
                of_buyer,
                of_buyer_max,
            },
        )
    }))
}

/// Waits, not for ever, until the copy of the ticket is as new as what the buyer has seen.
async fn arrival(ctx: &Context, ticket_id: TicketId, seen: Option<i64>) -> Result<()> {
    let db = ctx.db.clone();
    let arrived = async move || {
        let read = async move |tx: &mut Tx| ticket_copies::version(tx, ticket_id).await;
        let version = db.read(read).await?;
        Ok(version.filter(|version| seen.is_none_or(|seen| seen <= *version)))
    };
    ctx.wait_for(PATIENCE, arrived).await.map(drop)
}
