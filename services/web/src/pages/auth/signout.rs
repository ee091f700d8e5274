//! Signing out, from any page.

use axum::extract::State;
use http::Method;
use serde::Deserialize;
use serde_json::json;

use crate::answer::{Failure, Part, Reply};
use crate::ask::{Act, Ask};
use crate::fields::Fields;
use crate::frame::see_other;
use crate::web::Web;

/// The form of the page's head.
#[derive(Debug, Deserialize)]
pub struct Form {
    #[serde(default)]
    idempotency_key: String,
}

/// `POST /auth/signout`
pub async fn sign_out(State(web): State<Web>, ask: Ask, Fields(form): Fields<Form>) -> Reply {
    let act = Act::new(Method::POST, "/api/users/signout", "/");
    let key = web.key_of(&form.idempotency_key);
    match ask.act(act.key(key).body(&json!({}))).await {
        // Who is not signed in has what was asked for.
        Ok(Ok(_)) | Err(Failure::SignIn(_)) => see_other("/?done=signedout"),
        Ok(Err(_)) => Err(Failure::Unavailable(Part::Accounts)),
        Err(failure) => Err(failure),
    }
}
