//! The HTTP API under `/api/tickets`.

mod draft;
mod first_pages;
mod item;
mod lists;

use std::sync::Arc;

use axum::extract::FromRef;
use contracts::api::tickets::{TicketStatusView, TicketView};
use contracts::events::tickets::TicketStatus;
use platform::Context;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Settings;
use crate::domain::Ticket;
use first_pages::FirstPages;

/// What the handlers share.
#[derive(Clone)]
struct Api {
    ctx: Context,
    settings: Settings,
    first_pages: Arc<FirstPages>,
}

impl FromRef<Api> for Context {
    fn from_ref(api: &Api) -> Self {
        api.ctx.clone()
    }
}

/// Every route.
pub fn routes(ctx: &Context, settings: Settings) -> OpenApiRouter {
    let api = Api {
        ctx: ctx.clone(),
        settings,
        first_pages: Arc::default(),
    };
    OpenApiRouter::new()
        .routes(routes!(lists::on_sale, item::list))
        .routes(routes!(lists::mine))
        .routes(routes!(item::show, item::edit, item::withdraw))
        .with_state(api)
}

/// A ticket as everybody may see it.
fn view(ticket: &Ticket) -> TicketView {
    let (status, order_id) = match ticket.status {
        TicketStatus::Listed => (TicketStatusView::Listed, None),
        TicketStatus::Locked { order_id } => (TicketStatusView::Held, Some(order_id)),
        TicketStatus::Sold { order_id } => (TicketStatusView::Sold, Some(order_id)),
        TicketStatus::Withdrawn => (TicketStatusView::Withdrawn, None),
    };
    TicketView {
        id: ticket.id,
        title: ticket.offer.title.as_str().to_owned(),
        price: ticket.offer.price.major(),
        currency: ticket.offer.price.currency.to_string(),
        user_id: ticket.seller_id,
        version: ticket.version,
        offer_version: ticket.offer_version,
        status,
        order_id,
        created_at: ticket.created_at,
    }
}
