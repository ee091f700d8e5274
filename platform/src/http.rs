//! HTTP as every service speaks it: bodies in, answers and problems out, and what surrounds them.

pub mod answer;
pub mod body;
pub mod conditional;
pub mod fields;
pub mod health;
pub mod idempotency;
pub mod pages;
pub mod path;
pub mod problem;
pub mod query;
