//! What payments answers over HTTP.

mod declined;
mod known;
mod pay;
mod sandbox;
mod show;
mod view;

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
}

impl Doors {
    /// The doors of a running service.
    #[must_use]
    pub(crate) fn new(ctx: &Context, settlement: Arc<Settlement>) -> Self {
        settlement.begin_at(ctx.now());
        Self {
            ctx: ctx.clone(),
            settlement,
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
        .with_state(doors.clone());
    let Some(sandbox) = sandbox else {
        return router;
    };
    let confirming = sandbox::Confirming {
        ctx: doors.ctx,
        sandbox,
    };
    let page = OpenApiRouter::new()
        .route(
            &format!("{ACTIONS}/{{reference}}"),
            get(sandbox::ask).post(sandbox::answer),
        )
        .route(sandbox::STYLE_PATH, get(sandbox::style))
        .with_state(confirming);
    router.merge(page)
}
