//! `POST /api/payments`: pays an order.

use axum::extract::State;
use contracts::api::payments::{PaymentRequest, PaymentView};
use contracts::api::problem::Problem;
use contracts::events::payments::PaymentStatus;
use contracts::ids::PaymentId;
use http::StatusCode;
use http::header::LOCATION;
use platform::http::answer::Answer;
use platform::http::fields::Fields;
use platform::http::idempotency::{Begun, Idempotency};
use platform::session::SignedIn;
use platform::trace::Origin;
use platform::{Db, Failure, Result, Tx};
use tokio::sync::oneshot;

use super::declined::declined;
use super::view::view;
use super::{Doors, known};
use crate::commands::start::{Started, Wish, start};
use crate::domain::token::Token;
use crate::store::payments::{self, Stored};

/// Pays an order with a card. The answer waits for the payment provider, for ten seconds at most:
/// after that the order's state tells the outcome.
#[utoipa::path(
    post,
    path = "/api/payments",
    tag = "payments",
    request_body = PaymentRequest,
    responses(
        (status = 201, description = "Begun; authorised unless the status says otherwise", body = PaymentView),
        (status = 200, description = "The payment of this order that is under way", body = PaymentView),
        (status = 400, description = "Bad input", body = Problem),
        (status = 401, description = "Not signed in", body = Problem),
        (status = 402, description = "The card was declined", body = Problem),
        (status = 403, description = "Somebody else's order", body = Problem),
        (status = 404, description = "No such order", body = Problem),
        (status = 409, description = "The order can't be paid now", body = Problem),
    ),
)]
pub(super) async fn pay(
    State(doors): State<Doors>,
    who: SignedIn,
    idempotency: Idempotency,
    mut fields: Fields,
) -> Result<Answer> {
    let order_id = fields.text("orderId", |text| text.parse());
    let token = fields.text("token", Token::parse);
    let (order_id, token) = fields.take((order_id, token))?;
    let ctx = &doors.ctx;
    let scope = who.user_id.to_string();
    let guard = match idempotency
        .begin(ctx, &scope, &fields.fingerprint())
        .await?
    {
        Begun::Replay(answer) => return Ok(answer),
        Begun::New(guard) => guard,
    };
    let wish = Wish {
        order_id,
        token,
        idempotency_key: idempotency.key().map(str::to_owned),
        taker: doors.settlement.taker(ctx),
    };
    let outcome = match known::order_to_pay(ctx, order_id, who.user_id).await {
        Ok(_) => pay_order(&doors, wish).await,
        Err(failure) => Err(failure),
    };
    match outcome {
        Ok(answer) => {
            // Without it a repeat would find the same payment by its key: it is not worth a failure.
            if let Err(failure) = guard.store(ctx, &answer).await {
                tracing::warn!(%failure, "an answer was not stored for its idempotency key");
            }
            Ok(answer)
        }
        Err(Failure::Refused(refused)) => guard.refuse(ctx, *refused).await,
        Err(failure) => Err(failure),
    }
}

/// What became of a wish to pay; a new payment's first attempt is under way.
enum Payment {
    New(PaymentId, oneshot::Receiver<()>),
    Again(Box<Stored>),
    UnderWay(Box<Stored>),
}

async fn pay_order(doors: &Doors, wish: Wish) -> Result<Answer> {
    match begin(doors, wish).await? {
        Payment::New(id, end) => {
            tokio::select! {
                biased;
                _ = end => {}
                () = doors.ctx.clock.sleep(doors.settlement.settings.answer_within) => {}
            }
            answer(&find(&doors.ctx.db, id).await?)
        }
        Payment::Again(stored) => answer(&decided(doors, *stored).await?),
        Payment::UnderWay(stored) => shown(StatusCode::OK, &stored),
    }
}

/// Records the payment and makes the first attempt, in a task of its own: a client that goes away
/// between the two must not leave a payment that nobody attempts until its lease ends.
async fn begin(doors: &Doors, wish: Wish) -> Result<Payment> {
    let (tell, told) = oneshot::channel();
    let (ctx, settlement) = (doors.ctx.clone(), doors.settlement.clone());
    let work = async move {
        let started = ctx
            .db
            .write(async move |tx: &mut Tx| start(tx, &wish).await)
            .await;
        let payment = started.map(|started| match started {
            Started::New(task) => Payment::New(task.payment.id, settlement.begin(&ctx, *task)),
            Started::Again(stored) => Payment::Again(stored),
            Started::UnderWay(stored) => Payment::UnderWay(stored),
        });
        tell.send(payment).ok();
    };
    doors.ctx.tasks.spawn(Origin::current().resume(work));
    let stopped = |_| Failure::Unavailable("the service is stopping".to_owned());
    told.await.map_err(stopped)?
}

/// The payment of an earlier request, as soon as its outcome is known.
async fn decided(doors: &Doors, stored: Stored) -> Result<Stored> {
    let (db, id) = (doors.ctx.db.clone(), stored.payment.id);
    let look = async move || {
        let stored = find(&db, id).await?;
        Ok((!is_unknown(&stored)).then_some(stored))
    };
    let known = doors
        .ctx
        .wait_for(doors.settlement.settings.answer_within, look)
        .await?;
    Ok(known.unwrap_or(stored))
}

fn is_unknown(stored: &Stored) -> bool {
    stored.payment.status() == PaymentStatus::Started && view(stored).action_url.is_none()
}

async fn find(db: &Db, id: PaymentId) -> Result<Stored> {
    let stored = db
        .read(async move |tx: &mut Tx| payments::find(tx, id).await)
        .await?;
    stored.ok_or_else(|| Failure::Broken(anyhow::anyhow!("payment {id} is gone")))
}

fn answer(stored: &Stored) -> Result<Answer> {
    match stored.payment.failure_code() {
        Some(code) => Err(declined(code).into()),
        None => shown(StatusCode::CREATED, stored),
    }
}

fn shown(status: StatusCode, stored: &Stored) -> Result<Answer> {
    let path = format!("/api/payments/{}", stored.payment.id);
    Ok(Answer::json(status, &view(stored))?
        .etag(stored.version)
        .header(LOCATION, path))
}
