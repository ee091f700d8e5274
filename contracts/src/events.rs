//! Every fact that the services publish, filed by its publisher.

pub mod auth;
pub mod expiration;
pub mod orders;
pub mod payments;
pub mod tickets;
