//! The whole system from outside: the real program on a private directory, and people who use it.

pub mod client;
pub mod cluster;
pub mod marketplace;
mod processes;

pub use client::{Answer, Client};
pub use cluster::Cluster;
pub use marketplace::{Composition, Marketplace, command, program};
pub use processes::Process;
