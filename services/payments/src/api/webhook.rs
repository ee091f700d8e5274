//! `POST /api/payments/webhooks`: the payment provider tells that something has become of a charge.
//!
//! Whoever reaches the site may knock here, so nothing is read before the signature is found good; and
//! what is then read is only a reason to look.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Request, State};
use contracts::api::problem::Problem;
use http::StatusCode;
use metrics::counter;
use platform::http::answer::Answer;
use platform::http::body;
use platform::{Context, Refused, Result, Tx};

use super::Doors;
use crate::commands::heed::{heed, of_interest};
use crate::domain::charge::Charge;
use crate::flaws;
use crate::provider::notice::Notice;
use crate::provider::signature::{Forged, SIGNATURE, verify};

/// Counts notices by what came of them.
const NOTICES: &str = "ticketing_payment_notices_total";

/// How often it is logged at most that notices are refused: anybody can send some.
const LOGGED_EVERY: Duration = Duration::from_secs(60);

/// Hears a notice of the payment provider, in the form and with the signature of its own: `t=…` in
/// seconds, and `v1=…`, the HMAC-SHA256 of `t.body` in hexadecimal under a secret that both know. What
/// it says is looked up at the provider; it may come late, twice, and in any order.
#[utoipa::path(
    post,
    path = "/api/payments/webhooks",
    tag = "payments",
    request_body = Notice,
    params(("provider-signature" = String, Header, description = "`t=1700000000,v1=5257…`; several `v1` while a secret is replaced")),
    responses(
        (status = 200, description = "Nothing new here, or about something else"),
        (status = 202, description = "Will be looked up"),
        (status = 400, description = "Not signed by the provider, or more than five minutes off", body = Problem),
        (status = 503, description = "It could not be kept: send it again", body = Problem),
    ),
)]
pub(super) async fn hear(State(doors): State<Doors>, request: Request) -> Result<Answer> {
    let header = request.headers().get(SIGNATURE).cloned();
    let body = body::read(request).await?;
    let ctx = &doors.ctx;
    let secrets = &doors.settlement.settings.webhook_secrets;
    let header = header.as_ref().and_then(|header| header.to_str().ok());
    let verdict = verify(secrets, header, &body, ctx.now());
    if let Err(forged) = verdict
        && !flaws::SIGNATURE_IGNORED.is_there()
    {
        counter!(NOTICES, "outcome" => "refused").increment(1);
        doors.refused.note(forged, ctx.clock.elapsed());
        return Err(refusal(forged).into());
    }
    let is_news = match said(&body)? {
        Some(charge) => keep(ctx, charge).await?,
        None => false,
    };
    let (outcome, status) = match is_news {
        true => ("news", StatusCode::ACCEPTED),
        false => ("known", StatusCode::OK),
    };
    counter!(NOTICES, "outcome" => outcome).increment(1);
    Ok(Answer::empty(status))
}

/// What a notice says of a charge, if that is what it is about.
fn said(body: &[u8]) -> Result<Option<Charge>> {
    let notice: serde_json::Result<Notice> = serde_json::from_slice(body);
    let charge = notice.and_then(|notice| notice.charge());
    charge.map_err(|error| {
        Refused::invalid("invalid_notice", format!("is no notice: {error}")).into()
    })
}

/// Keeps durably that the charge is to be looked up, if something is said of it that is not known; a
/// charge of nobody's is passed over.
async fn keep(ctx: &Context, charge: Charge) -> Result<bool> {
    let look = charge.clone();
    let interest = async move |tx: &mut Tx| of_interest(tx, &look).await;
    let Some(payment) = ctx.db.read(interest).await? else {
        return Ok(false);
    };
    let write = async move |tx: &mut Tx| heed(tx, &payment, &charge).await;
    ctx.db.write(write).await?;
    Ok(true)
}

fn refusal(forged: Forged) -> Refused {
    let (code, message) = match forged {
        Forged::Unsigned => (
            "unsigned_notice",
            "the header provider-signature is missing or can't be read",
        ),
        Forged::WrongSignature => (
            "wrong_signature",
            "no secret of this service has signed this body at this time",
        ),
        Forged::Untimely => (
            "untimely_notice",
            "the signature is more than five minutes off; sign the notice anew when sending it again",
        ),
    };
    Refused::invalid(code, message)
}

/// Notices that were refused, for the log.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    unlogged: AtomicU64,
    logged_at: Mutex<Option<Duration>>,
}

impl Refusals {
    /// One more was refused; `now` is the time since the process began.
    fn note(&self, why: Forged, now: Duration) {
        let refused = self.unlogged.fetch_add(1, Ordering::Relaxed) + 1;
        let mut logged_at = self
            .logged_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if logged_at.is_some_and(|at| now.saturating_sub(at) < LOGGED_EVERY) {
            return;
        }
        *logged_at = Some(now);
        self.unlogged.store(0, Ordering::Relaxed);
        tracing::warn!(?why, refused, "notices of the payment provider are refused");
    }
}
