//! The sandbox's page where a customer confirms a payment, in place of the bank's (3-D Secure).

use std::sync::Arc;

use axum::Form;
use axum::extract::{Path, State};
use contracts::ids::OrderId;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, LOCATION, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, StatusCode};
use platform::http::answer::Answer;
use platform::{Context, Failure, Refused, Result, Tx};
use serde::Deserialize;

use crate::domain::charge::{Charge, Standing};
use crate::domain::payment::Payment;
use crate::jobs::settle::Settlement;
use crate::provider::ProviderError;
use crate::provider::sandbox::{ACTIONS, Sandbox};
use crate::store::payments;

/// Nothing but text and two buttons, whose form goes back here.
const POLICY: &str = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

/// Where customers come back to, without the charge's id.
pub(super) const RETURNS: &str = "/sandbox/returns";

/// Where its style is.
pub(super) const STYLE_PATH: &str = "/sandbox/bank.css";

/// How the page looks.
const STYLE: &str = include_str!("../../assets/sandbox.css");

/// What the page is given.
#[derive(Clone)]
pub(super) struct Confirming {
    pub(super) ctx: Context,
    pub(super) sandbox: Arc<Sandbox>,
    pub(super) settlement: Arc<Settlement>,
}

/// The customer's answer.
#[derive(Debug, Deserialize)]
pub(super) struct Reply {
    answer: String,
}

/// How the page looks.
pub(super) async fn style() -> Answer {
    let media_type = HeaderValue::from_static("text/css; charset=utf-8");
    let style = Answer::typed(StatusCode::OK, media_type, STYLE.to_owned());
    style
        .header(X_CONTENT_TYPE_OPTIONS, "nosniff")
        .header(CACHE_CONTROL, "max-age=3600")
}

/// Asks the customer.
pub(super) async fn ask(
    State(confirming): State<Confirming>,
    Path(reference): Path<String>,
) -> Result<Answer> {
    let charge = confirming
        .sandbox
        .charge(&reference)
        .await
        .map_err(unavailable)?;
    let charge = charge.ok_or_else(Refused::not_found)?;
    let payment = payment_of(&confirming.ctx, &charge)
        .await?
        .ok_or_else(Refused::not_found)?;
    Ok(page(&charge, payment.order_id))
}

/// Takes the answer, and sends the customer back to this site.
pub(super) async fn answer(
    State(confirming): State<Confirming>,
    Path(reference): Path<String>,
    Form(reply): Form<Reply>,
) -> Result<Answer> {
    let approved = match reply.answer.as_str() {
        "approve" => true,
        "decline" => false,
        _ => return Err(Refused::invalid("invalid_answer", "approve or decline").into()),
    };
    let charge = confirming
        .sandbox
        .confirm(&reference, approved)
        .await
        .map_err(unavailable)?;
    let back = format!("{RETURNS}/{}", charge.reference);
    Ok(guarded(
        Answer::empty(StatusCode::SEE_OTHER).header(LOCATION, back),
    ))
}

/// The customer comes back: payments looks what the provider now shows, so that the order is up to date
/// when it is seen. Of whoever never gets here, the provider tells.
pub(super) async fn back(
    State(confirming): State<Confirming>,
    Path(reference): Path<String>,
) -> Result<Answer> {
    let Confirming {
        ctx,
        sandbox,
        settlement,
    } = confirming;
    let charge = sandbox.charge(&reference).await.map_err(unavailable)?;
    let charge = charge.ok_or_else(Refused::not_found)?;
    let payment = payment_of(&ctx, &charge)
        .await?
        .ok_or_else(Refused::not_found)?;
    let order_id = payment.order_id;
    settlement.compare(&ctx, payment).await?;
    let order = format!("/orders/{order_id}");
    Ok(guarded(
        Answer::empty(StatusCode::SEE_OTHER).header(LOCATION, order),
    ))
}

async fn payment_of(ctx: &Context, charge: &Charge) -> Result<Option<Payment>> {
    let key = charge.key.clone();
    let read = async move |tx: &mut Tx| payments::with_provider_key(tx, &key).await;
    let stored = ctx.db.read(read).await?;
    Ok(stored.map(|stored| stored.payment))
}

fn page(charge: &Charge, order_id: OrderId) -> Answer {
    let amount = charge.amount;
    let reference = &charge.reference;
    let body = if matches!(charge.standing, Standing::ActionRequired { .. }) {
        format!(
            "<p>Do you want to pay this?</p>\n<p class=\"amount\">{amount}</p>\n\
             <form method=\"post\" action=\"{ACTIONS}/{reference}\">\n\
             <button name=\"answer\" value=\"approve\">Approve</button>\n\
             <button class=\"other\" name=\"answer\" value=\"decline\">Decline</button>\n</form>"
        )
    } else {
        format!(
            "<p>There is nothing to confirm any more for this payment of {amount}.</p>\n\
             <p><a href=\"/orders/{order_id}\">Back to the order</a></p>"
        )
    };
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Confirm your payment</title>\n\
         <link rel=\"stylesheet\" href=\"{STYLE_PATH}\">\n</head>\n<body>\n<main>\n\
         <h1>Confirm your payment</h1>\n\
         {body}\n\
         <p class=\"note\">This is the sandbox’s page in place of your bank’s. No money moves.</p>\n</main>\n</body>\n</html>\n"
    );
    let media_type = HeaderValue::from_static("text/html; charset=utf-8");
    guarded(Answer::typed(StatusCode::OK, media_type, html))
}

fn guarded(answer: Answer) -> Answer {
    answer
        .header(CONTENT_SECURITY_POLICY, POLICY)
        .header(X_CONTENT_TYPE_OPTIONS, "nosniff")
        .header(CACHE_CONTROL, "private, no-store")
}

fn unavailable(error: ProviderError) -> Failure {
    match error {
        ProviderError::Invalid { .. } => Refused::not_found().into(),
        other => Failure::Unavailable(other.to_string()),
    }
}
