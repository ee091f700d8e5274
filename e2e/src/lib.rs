//! The whole system from outside: the real program on a private directory, and people who use it.

pub mod client;
pub mod cluster;
mod composition;
mod disk;
pub mod marketplace;
mod processes;
mod scratch;

pub use client::{Answer, Client};
pub use cluster::Cluster;
pub use composition::{Composition, command, keys, program};
pub use disk::SmallDisk;
pub use marketplace::Marketplace;
pub use processes::Process;
