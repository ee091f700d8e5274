//! HTTP as every service speaks it: bodies in, answers and problems out, and what surrounds them.

pub mod answer;
pub mod body;
pub mod conditional;
mod cross_site;
pub mod fields;
pub mod forwarded;
pub mod health;
pub mod idempotency;
pub mod layers;
pub mod pages;
pub mod path;
pub mod problem;
pub mod query;
pub mod requests;
#[cfg(test)]
pub(crate) mod test_context;
