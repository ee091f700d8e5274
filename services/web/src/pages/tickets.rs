//! The pages about tickets.

pub mod edit;
pub mod index;
pub mod mine;
pub mod new;
pub mod show;

use contracts::api::tickets::{TicketStatusView, TicketView};

use crate::fields::Label;
use crate::{times, words};

/// The fields of a listing's form.
pub const LABELS: [Label; 3] = [
    ("title", "Title"),
    ("price", "Price"),
    ("currency", "Currency"),
];

/// The currencies that the form offers; the API takes any of ISO 4217.
pub const CURRENCIES: [(&str, &str); 12] = [
    ("usd", "USD · US dollar"),
    ("eur", "EUR · euro"),
    ("gbp", "GBP · pound sterling"),
    ("chf", "CHF · Swiss franc"),
    ("cad", "CAD · Canadian dollar"),
    ("aud", "AUD · Australian dollar"),
    ("sek", "SEK · Swedish krona"),
    ("nok", "NOK · Norwegian krone"),
    ("dkk", "DKK · Danish krone"),
    ("pln", "PLN · Polish złoty"),
    ("jpy", "JPY · Japanese yen"),
    ("kwd", "KWD · Kuwaiti dinar"),
];

/// A ticket as the pages show it.
pub struct Card {
    /// Its id.
    pub id: String,
    /// What its seller calls it.
    pub title: String,
    /// What it costs, `$120.00`.
    pub price: String,
    /// The currency's code, `USD`, if the price does not say it.
    pub code: String,
    /// The day it was first listed.
    pub day: String,
    /// The same for a machine.
    pub machine: String,
    /// Whether it can be bought.
    pub status: TicketStatusView,
}

impl Card {
    /// The ticket in words.
    pub fn new(ticket: &TicketView) -> Self {
        let price = words::money(&ticket.price, &ticket.currency);
        Self {
            id: ticket.id.to_string(),
            title: ticket.title.clone(),
            code: words::code(&price, &ticket.currency),
            price,
            day: times::day(ticket.created_at),
            machine: times::machine(ticket.created_at),
            status: ticket.status,
        }
    }

    /// Whether it can be bought.
    pub fn is_listed(&self) -> bool {
        self.status == TicketStatusView::Listed
    }

    /// Its state in a word.
    pub fn state(&self) -> &'static str {
        match self.status {
            TicketStatusView::Listed => "On sale",
            TicketStatusView::Held => "Held",
            TicketStatusView::Sold => "Sold",
            TicketStatusView::Withdrawn => "Withdrawn",
        }
    }

    /// The style of that word.
    pub fn tone(&self) -> &'static str {
        match self.status {
            TicketStatusView::Listed => "good",
            TicketStatusView::Held => "wait",
            TicketStatusView::Sold => "done",
            TicketStatusView::Withdrawn => "off",
        }
    }
}
