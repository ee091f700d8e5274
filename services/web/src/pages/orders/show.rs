//! An order: the countdown and the card form, then the receipt, or why it ended without a sale.

use askama::Template;
use axum::extract::{Path, State};
use contracts::api::orders::{OrderStatusView, OrderView};
use contracts::api::payments::PaymentView;
use contracts::events::payments::PaymentStatus;
use contracts::ids::OrderId;
use http::StatusCode;
use uuid::Uuid;

use crate::answer::{Answer, Failure, Reply};
use crate::ask::{Ask, Person};
use crate::cards::{CARDS, Card, FIRST};
use crate::fields::Errors;
use crate::frame::{Frame, Section, page, refresh, see_other};
use crate::pages::orders::state;
use crate::web::Web;
use crate::{local, times, words};

/// How often a page without scripts looks again while something is under way, in seconds.
const LOOK_AGAIN: u64 = 1;
/// The same once that has gone on for `SLOW_AFTER` seconds.
const LOOK_AGAIN_SLOWLY: u64 = 5;
const SLOW_AFTER: u64 = 20;

/// How far the order is.
enum Stage {
    /// The ticket is being locked for it.
    Confirming,
    /// It can be paid.
    Pay,
    /// It can be paid, or is being paid: payments does not answer.
    PaymentsAway,
    /// A payment is under way; perhaps the bank wants to be answered at that address.
    Checking(Option<String>),
    /// The time is over; the hold is about to end.
    Lapsed,
    /// The money is being taken.
    Paying,
    /// It is paid.
    Paid,
    /// It is paid, and the money is on its way back.
    Refunding,
    /// The money was given back.
    Refunded,
    /// It ended without a sale.
    Cancelled(&'static str),
}

/// Who asked for the page, the order, and what is known of its payments: one round of calls.
struct Known {
    person: Person,
    order: OrderView,
    /// None where payments does not answer.
    payments: Option<Vec<PaymentView>>,
}

#[derive(Template)]
#[template(path = "orders/show.html")]
struct Page {
    frame: Frame,
    id: String,
    number: String,
    ticket_id: String,
    title: String,
    price: String,
    code: String,
    seller: String,
    placed: String,
    placed_machine: String,
    until: String,
    until_machine: String,
    left: u64,
    left_words: String,
    left_digits: String,
    paid_at: Option<(String, String)>,
    returned: Option<String>,
    declined: Option<String>,
    state: &'static str,
    tone: &'static str,
    version: i64,
    stage: Stage,
    cards: &'static [Card],
    token: String,
    errors: Errors,
    key: Uuid,
    cancel_key: Uuid,
}

/// `GET /orders/{id}`
pub async fn show(State(web): State<Web>, ask: Ask, Path(id): Path<String>) -> Reply {
    let id: OrderId = id.parse().map_err(|_| Failure::NotFound)?;
    let known = look_up(&ask, id).await?;
    let frame = Frame::new(&web, &ask, known.person.clone(), Section::Orders);
    let shown = Page::new(&web, frame, &known);
    answered(&web, StatusCode::OK, &known, &shown)
}

/// The order's page as it is now, with what is wrong with an act on it; `token` is the card that
/// was chosen.
pub async fn refused(
    web: &Web,
    ask: &Ask,
    id: OrderId,
    (status, errors): (StatusCode, Errors),
    token: &str,
) -> Reply {
    let known = look_up(ask, id).await?;
    let here = format!("/orders/{id}");
    let frame = Frame::refused(web, ask, known.person.clone(), Section::Orders, &here);
    let mut shown = Page::new(web, frame, &known);
    shown.errors = errors;
    shown.declined = None;
    if CARDS.iter().any(|card| card.token == token) {
        token.clone_into(&mut shown.token);
    }
    answered(web, status, &known, &shown)
}

/// `GET` of what is only posted to: back to the order.
pub async fn back(Path(id): Path<String>) -> Reply {
    let id: OrderId = id.parse().map_err(|_| Failure::NotFound)?;
    see_other(&format!("/orders/{id}"))
}

async fn look_up(ask: &Ask, id: OrderId) -> Result<Known, Failure> {
    let order_path = format!("/api/orders/{id}");
    let payments_path = format!("/api/payments?orderId={id}");
    let (person, order, payments) =
        futures::join!(ask.person(), ask.get(&order_path), ask.get(&payments_path));
    let order = match order {
        Err(Failure::SignIn(_)) => return Err(Failure::SignIn(format!("/orders/{id}"))),
        order => order?.read()?,
    };
    // The order stands for itself when payments does not answer.
    let payments = payments.and_then(|answer: Answer| answer.read()).ok();
    Ok(Known {
        person,
        order,
        payments,
    })
}

fn answered(web: &Web, status: StatusCode, known: &Known, shown: &Page) -> Reply {
    let answer = page(status, shown)?;
    let age = times::seconds_left(web.now(), known.order.created_at);
    let soon = if age > SLOW_AFTER {
        LOOK_AGAIN_SLOWLY
    } else {
        LOOK_AGAIN
    };
    let seconds = match &shown.stage {
        Stage::Confirming | Stage::Paying => soon,
        Stage::Lapsed => LOOK_AGAIN,
        Stage::Checking(_) | Stage::PaymentsAway | Stage::Refunding => LOOK_AGAIN_SLOWLY,
        Stage::Pay => shown.left + 1,
        Stage::Paid | Stage::Refunded | Stage::Cancelled(_) => return Ok(answer),
    };
    Ok(refresh(answer, seconds, &format!("/orders/{}", shown.id)))
}

impl Page {
    fn new(web: &Web, frame: Frame, known: &Known) -> Self {
        let order = &known.order;
        let left = times::seconds_left(order.expires_at, web.now());
        let (state, tone) = state(order);
        let currency = &order.ticket.currency;
        let price = words::money(&order.ticket.price, currency);
        let returned = (!words::is_zero(&order.refunded)).then_some(&order.refunded);
        Self {
            frame,
            id: order.id.to_string(),
            number: words::order_number(&order.id.to_string()),
            ticket_id: order.ticket.id.to_string(),
            title: order.ticket.title.clone(),
            code: words::code(&price, currency),
            price,
            seller: words::seller(order.seller_id),
            placed: times::moment(order.created_at),
            placed_machine: times::machine(order.created_at),
            until: times::moment(order.expires_at),
            until_machine: times::machine(order.expires_at),
            left,
            left_words: times::span(left),
            left_digits: times::digits(left),
            paid_at: paid_at(known),
            returned: returned.map(|amount| words::money(amount, currency)),
            declined: known.payments.as_deref().and_then(declined),
            state,
            tone,
            version: order.version,
            stage: Stage::new(order, known.payments.as_deref(), left),
            cards: &CARDS,
            token: FIRST.to_owned(),
            errors: Errors::default(),
            key: web.new_id(),
            cancel_key: web.new_id(),
        }
    }
}

impl Stage {
    fn new(order: &OrderView, payments: Option<&[PaymentView]>, left: u64) -> Self {
        let is_away = payments.is_none();
        let live = payments.unwrap_or_default().iter().find(|payment| {
            matches!(
                payment.status,
                PaymentStatus::Started | PaymentStatus::Authorized
            )
        });
        match (order.status, live) {
            (OrderStatusView::Created, _) => Self::Confirming,
            (OrderStatusView::AwaitingPayment, Some(payment)) => Self::Checking(action(payment)),
            (OrderStatusView::AwaitingPayment, None) if left == 0 => Self::Lapsed,
            (OrderStatusView::AwaitingPayment, None) if is_away => Self::PaymentsAway,
            (OrderStatusView::AwaitingPayment, None) => Self::Pay,
            (OrderStatusView::Paying, _) => Self::Paying,
            (OrderStatusView::Complete, _) if order.refunding => Self::Refunding,
            (OrderStatusView::Complete, _) => Self::Paid,
            (OrderStatusView::Refunded, _) => Self::Refunded,
            (OrderStatusView::Cancelled, _) => {
                Self::Cancelled(words::cancelled_because(order.cancel_reason))
            }
        }
    }
}

/// Where the bank wants to be answered, if that is an address that a link may have.
fn action(payment: &PaymentView) -> Option<String> {
    let url = payment.action_url.as_deref()?;
    let is_link = url.starts_with("https://")
        || url.starts_with("http://")
        || local::local_path(url).is_some();
    is_link.then(|| url.to_owned())
}

/// When the payment that the order chose was made, for a person and for a machine.
fn paid_at(known: &Known) -> Option<(String, String)> {
    let chosen = known.order.payment_id?;
    let mut payments = known.payments.iter().flatten();
    let payment = payments.find(|payment| payment.id == chosen)?;
    Some((
        times::moment(payment.created_at),
        times::machine(payment.created_at),
    ))
}

/// Why the last payment failed, if it did.
fn declined(payments: &[PaymentView]) -> Option<String> {
    let last = payments.iter().max_by_key(|payment| payment.created_at)?;
    if last.status != PaymentStatus::Failed {
        return None;
    }
    let why = last
        .failure_code
        .as_deref()
        .and_then(words::declined_because);
    Some(
        why.unwrap_or("The last payment did not go through. Try again.")
            .to_owned(),
    )
}
