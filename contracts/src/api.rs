//! The documents of the HTTP API, filed by the service that answers.

pub mod orders;
pub mod payments;
pub mod problem;
pub mod tickets;
pub mod users;
