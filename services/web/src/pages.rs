//! Every page by its path: a page struct holds exactly what is shown, beside its handler.

pub mod account;
pub mod api_docs;
pub mod auth;
pub mod failures;
pub mod orders;
pub mod tickets;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::get;

use crate::answer::Failure;
use crate::frame::see_other;
use crate::web::Web;

/// The largest form of ours is a listing; a title has 2,000 characters at most, of up to 12 bytes each.
const FORM_BYTES_MAX: usize = 64 * 1024;

/// The pages' routes. What is only ever posted to leads to its page when it is loaded again.
pub fn routes() -> Router<Web> {
    Router::new()
        .route("/", get(tickets::index::show))
        .route("/tickets", get(async || see_other("/")))
        .route(
            "/tickets/new",
            get(tickets::new::show).post(tickets::new::list),
        )
        .route("/tickets/mine", get(tickets::mine::show))
        .route("/tickets/{id}", get(tickets::show::show))
        .route(
            "/tickets/{id}/edit",
            get(tickets::edit::show).post(tickets::edit::change),
        )
        .route(
            "/tickets/{id}/withdrawal",
            get(tickets::show::back).post(tickets::show::withdraw),
        )
        .route(
            "/orders",
            get(orders::index::show).post(orders::place::place),
        )
        .route("/orders/{id}", get(orders::show::show))
        .route(
            "/orders/{id}/payment",
            get(orders::show::back).post(orders::pay::pay),
        )
        .route(
            "/orders/{id}/cancellation",
            get(orders::show::back).post(orders::cancel::cancel),
        )
        .route(
            "/orders/{id}/refund",
            get(orders::show::back).post(orders::refund::refund),
        )
        .merge(people())
        .route("/api-docs", get(api_docs::show))
        .fallback(async || Failure::NotFound)
        .method_not_allowed_fallback(async || Failure::NoSuchAct)
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
}

fn people() -> Router<Web> {
    Router::new()
        .route(
            "/auth/signup",
            get(auth::signup::show).post(auth::signup::sign_up),
        )
        .route(
            "/auth/signin",
            get(auth::signin::show).post(auth::signin::sign_in),
        )
        .route(
            "/auth/signout",
            get(async || see_other("/")).post(auth::signout::sign_out),
        )
        .route(
            "/auth/reset",
            get(auth::reset::show).post(auth::reset::send),
        )
        .route(
            "/auth/reset/confirm",
            get(auth::reset::back).post(auth::reset::confirm),
        )
        .route("/auth/reset/{token}", get(auth::reset::show_confirm))
        .route("/account", get(account::show))
        .route(
            "/account/password",
            get(account::back).post(account::change_password),
        )
        .route(
            "/account/sessions/{id}/revocation",
            get(account::back).post(account::revoke_session),
        )
}
