//! The whole marketplace in one thread, drawn from a seed: every service with its own code on a disk, a
//! clock and a network that fail, people who race and click twice, and what must hold all the same.

pub mod campaign;
pub mod client;
pub mod clock;
pub mod coverage;
pub mod executor;
pub mod faults;
pub mod guards;
pub mod history;
pub mod minimise;
pub mod network;
mod newer;
pub mod notices;
pub mod people;
pub mod post;
pub mod promises;
pub mod remote;
pub mod setup;
pub mod simulate;
pub mod storm;
pub mod trace;
pub mod verdict;
pub mod world;

pub use setup::{Setup, Size};
pub use simulate::{Report, simulate};
