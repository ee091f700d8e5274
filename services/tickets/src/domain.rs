//! The rules of a listing: what it may be called and cost, and who may do what to it.

pub mod draft;
pub mod price;
pub mod ticket;
pub mod title;
pub mod words;

pub use draft::Draft;
pub use ticket::{Change, Claim, Offer, Outcome, Refusal, Ticket};
pub use title::Title;
