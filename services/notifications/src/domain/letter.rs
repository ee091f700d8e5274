//! What a message says, before it becomes text and HTML. The same event gives the same letter.

use contracts::Timestamp;
use contracts::events::orders::{CancelReason, OrderFact, OrderState, OrderStatus, TicketFate};
use contracts::ids::{OrderId, TicketId};
use contracts::money::Money;

use super::occasion::Occasion;
use super::plain_text;

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// The mail's subject.
    pub subject: String,
    /// What it is about, in a few words.
    pub heading: &'static str,
    /// What happened and what to do.
    pub paragraphs: Vec<String>,
    /// Names and values.
    pub facts: Vec<(&'static str, String)>,
    /// Where to look or to act: words and an address.
    pub action: (&'static str, String),
}

/// The letter about what happened to an order; none where the fact has no such letter. `site` is
/// the site's address without a slash at the end.
#[must_use]
pub fn about_order(
    occasion: Occasion,
    fact: &OrderFact,
    order: &OrderState,
    site: &str,
) -> Option<Letter> {
    match (occasion, fact) {
        (Occasion::OrderPlaced, _) => Some(placed(order, site)),
        (Occasion::OrderPaid, _) => Some(paid(order, site)),
        (Occasion::OrderCancelled, OrderFact::Cancelled { reason }) => {
            Some(cancelled(*reason, order, site))
        }
        (Occasion::PaymentReturned, _) => Some(payment_returned(order, site)),
        (Occasion::MoneyReturned, OrderFact::Refunded { amount_minor, .. }) => {
            Some(money_returned(*amount_minor, order, site))
        }
        (
            Occasion::SaleRefunded,
            OrderFact::Refunded {
                amount_minor, fate, ..
            },
        ) => Some(sale_refunded((*amount_minor, *fate), order, site)),
        _ => None,
    }
}

fn placed(order: &OrderState, site: &str) -> Letter {
    let title = plain_text::title(&order.title);
    Letter {
        subject: format!("Held for you: {title}"),
        heading: "The ticket is held for you",
        paragraphs: vec![
            format!(
                "Nobody else can buy it until {}. Pay before then to make it yours.",
                moment(order.expires_at)
            ),
            "If you do not want it any more, cancel the order or just let the time pass."
                .to_owned(),
        ],
        facts: vec![
            ("Ticket", title),
            ("Price", order.price().to_string()),
            ("Order", number(order.id)),
        ],
        action: ("Pay for the ticket", order_page(order.id, site)),
    }
}

fn paid(order: &OrderState, site: &str) -> Letter {
    let title = plain_text::title(&order.title);
    Letter {
        subject: format!("Your receipt: {title}"),
        heading: "The ticket is yours",
        paragraphs: vec![
            "Your payment has arrived. The seller has been told and hands the ticket over to you."
                .to_owned(),
            "If the seller can’t deliver, the whole price goes back to you.".to_owned(),
        ],
        facts: vec![
            ("Ticket", title),
            ("Paid", with_code(order.price())),
            ("Order", number(order.id)),
        ],
        action: ("See the receipt", order_page(order.id, site)),
    }
}

fn cancelled(reason: CancelReason, order: &OrderState, site: &str) -> Letter {
    let title = plain_text::title(&order.title);
    let (why, action) = match reason {
        CancelReason::Buyer => (
            "You cancelled it. You have not been charged.",
            ("See the order", order_page(order.id, site)),
        ),
        CancelReason::Expired => (
            "It was not paid in time, so others can buy the ticket again. You have not been charged; should a \
             payment still arrive, all of it goes back to you.",
            (
                "See whether the ticket can still be bought",
                ticket_page(order.ticket_id, site),
            ),
        ),
        CancelReason::PaymentFailed => (
            "The payment could not be taken, so others can buy the ticket again. You have not been charged.",
            (
                "See whether the ticket can still be bought",
                ticket_page(order.ticket_id, site),
            ),
        ),
        CancelReason::TicketWithdrawn => (
            "The seller had taken the ticket back. You have not been charged.",
            ("Find another ticket", format!("{site}/")),
        ),
        CancelReason::TicketSold => (
            "Somebody else had bought the ticket already. You have not been charged.",
            ("Find another ticket", format!("{site}/")),
        ),
        CancelReason::OfferChanged => (
            "The seller had changed the offer. You have not been charged; have a look at the new offer.",
            ("See the new offer", ticket_page(order.ticket_id, site)),
        ),
    };
    Letter {
        subject: format!("Order cancelled: {title}"),
        heading: "Your order was cancelled",
        paragraphs: vec![why.to_owned()],
        facts: vec![("Ticket", title), ("Order", number(order.id))],
        action,
    }
}

fn payment_returned(order: &OrderState, site: &str) -> Letter {
    let title = plain_text::title(&order.title);
    Letter {
        subject: format!("Your payment goes back: {title}"),
        heading: "We return a payment to you",
        paragraphs: vec![
            "A payment for this order came too late or was not the one that was needed, so we do not keep it.".to_owned(),
            "If your bank shows it as reserved, it disappears by itself; if it was charged, all of it goes back to \
             you. You need not do anything.".to_owned(),
        ],
        facts: vec![("Ticket", title), ("Order", number(order.id))],
        action: ("See the order", order_page(order.id, site)),
    }
}

fn money_returned(amount_minor: i64, order: &OrderState, site: &str) -> Letter {
    let title = plain_text::title(&order.title);
    let money = Money {
        minor: amount_minor,
        currency: order.currency,
    };
    let whole = order.status == OrderStatus::Refunded;
    let what = if whole {
        format!(
            "We have returned {money} to you: with that the whole price is back, and the ticket is not yours any more."
        )
    } else {
        format!("We have returned {money} of the price to you. The ticket stays yours.")
    };
    Letter {
        subject: format!("Money returned: {title}"),
        heading: "Your money was returned",
        paragraphs: vec![
            what,
            "Until your bank shows it, some days can pass.".to_owned(),
        ],
        facts: vec![
            ("Ticket", title),
            ("Returned", with_code(money)),
            ("Order", number(order.id)),
        ],
        action: ("See the order", order_page(order.id, site)),
    }
}

fn sale_refunded(
    (amount_minor, fate): (i64, TicketFate),
    order: &OrderState,
    site: &str,
) -> Letter {
    let title = plain_text::title(&order.title);
    let money = Money {
        minor: amount_minor,
        currency: order.currency,
    };
    let now = match (order.status, fate) {
        (OrderStatus::Refunded, TicketFate::Relist) => "Your ticket is offered again.",
        (OrderStatus::Refunded, TicketFate::Withdraw) => "Your ticket is off the market.",
        _ => "The ticket stays sold.",
    };
    Letter {
        subject: format!("Sale refunded: {title}"),
        heading: "Your buyer got money back",
        paragraphs: vec![format!(
            "{money} of the price went back to the buyer. {now}"
        )],
        facts: vec![
            ("Ticket", title),
            ("Returned", with_code(money)),
            ("Order", number(order.id)),
        ],
        action: ("See your listings", format!("{site}/tickets/mine")),
    }
}

/// A ticket that was sold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sale {
    /// The ticket.
    pub ticket_id: TicketId,
    /// The order that paid for it.
    pub order_id: OrderId,
    /// What its seller calls it.
    pub title: String,
    /// The price that the buyer accepted.
    pub price: Money,
}

/// The letter to the seller of a ticket that was sold.
#[must_use]
pub fn about_sale(sale: &Sale, site: &str) -> Letter {
    let title = plain_text::title(&sale.title);
    Letter {
        subject: format!("Sold: {title}"),
        heading: "Your ticket is sold",
        paragraphs: vec![
            "A buyer has paid for it. Hand the ticket over now.".to_owned(),
            "If you can’t deliver it, return the money: the buyer gets the whole price back."
                .to_owned(),
        ],
        facts: vec![
            ("Ticket", title),
            ("Price", with_code(sale.price)),
            ("Order", number(sale.order_id)),
        ],
        action: ("See the ticket", ticket_page(sale.ticket_id, site)),
    }
}

fn order_page(id: OrderId, site: &str) -> String {
    format!("{site}/orders/{id}")
}

fn ticket_page(id: TicketId, site: &str) -> String {
    format!("{site}/tickets/{id}")
}

/// The short number by which people speak of an order: the end of its id.
fn number(id: OrderId) -> String {
    let text = id.to_string();
    let tail: String = text.chars().skip(text.len().saturating_sub(8)).collect();
    tail.to_uppercase()
}

/// `$19.99 USD`: a receipt names the currency, because several share a sign.
fn with_code(money: Money) -> String {
    format!("{money} {}", money.currency.code())
}

/// `12 May 2026, 14:05 UTC`.
fn moment(at: Timestamp) -> String {
    at.strftime("%-d %B %Y, %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests;
