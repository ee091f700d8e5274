//! HTTP in: `/api/orders`.

mod cancel;
mod fresh;
mod line;
mod read;
mod refund;
mod reserve;
mod view;

use axum::extract::FromRef;
use platform::Context;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Settings;
use line::Line;

/// What the handlers share.
#[derive(Clone)]
struct Api {
    ctx: Context,
    settings: Settings,
    line: Line,
}

impl FromRef<Api> for Context {
    fn from_ref(api: &Api) -> Self {
        api.ctx.clone()
    }
}

/// The routes.
pub fn routes(ctx: &Context, settings: Settings) -> OpenApiRouter {
    let api = Api {
        ctx: ctx.clone(),
        settings,
        line: Line::default(),
    };
    OpenApiRouter::new()
        .routes(routes!(read::list, reserve::reserve))
        .routes(routes!(read::show, cancel::cancel))
        .routes(routes!(refund::refund))
        .with_state(api)
}
