//! What payments answers over HTTP.

mod declined;
mod known;
mod pay;
mod sandbox;
mod show;
mod view;
mod webhook;

use std::sync::Arc;

use axum::extract::FromRef;
use axum::routing::get;
use platform::Context;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::jobs::settle::Settlement;
use crate::provider::sandbox::{ACTIONS, Sandbox};

/// What handlers are given.
#[derive(Clone)]
pub struct Doors {
    ctx: Context,
    settlement: Arc<Settlement>,
    refused: Arc<webhook::Refusals>,
}

impl Doors {
    /// The doors of a running service.
    #[must_use]
    pub(crate) fn new(ctx: &Context, settlement: Arc<Settlement>) -> Self {
        settlement.begin_at(ctx.now());
        Self {
            ctx: ctx.clone(),
            settlement,
            refused: Arc::default(),
        }
    }
}

impl FromRef<Doors> for Context {
    fn from_ref(doors: &Doors) -> Self {
        doors.ctx.clone()
    }
}

/// The routes; with the sandbox, also its page where customers confirm.
pub(crate) fn routes(doors: Doors, sandbox: Option<Arc<Sandbox>>) -> OpenApiRouter {
    let router = OpenApiRouter::new()
        .routes(routes!(pay::pay, show::list))
        .routes(routes!(show::show))
        .routes(routes!(webhook::hear))
        .with_state(doors.clone());
    let Some(sandbox) = sandbox else {
        return router;
    };
    let confirming = sandbox::Confirming {
        ctx: doors.ctx,
        sandbox,
        settlement: doors.settlement,
    };
    let page = OpenApiRouter::new()
        .route(
            &format!("{ACTIONS}/{{reference}}"),
            get(sandbox::ask).post(sandbox::answer),
        )
        .route(
            &format!("{}/{{reference}}", sandbox::RETURNS),
            get(sandbox::back),
        )
        .route(sandbox::STYLE_PATH, get(sandbox::style))
        .with_state(confirming);
    router.merge(page)
}
