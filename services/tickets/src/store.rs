//! The tables of tickets.

pub mod listings;
pub mod tickets;
pub mod title_words;
