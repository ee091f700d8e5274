//! The tables of tickets.

pub mod listings;
pub mod search;
pub mod tickets;
pub mod title_words;
