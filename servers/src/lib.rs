//! Real servers for tests, benchmarks and the cluster on a laptop: private directories, free loopback
//! ports, stopped by process id, gone when whoever started them is.

pub mod postgres;
mod process;

pub use process::{Process, bound, free_listener, free_port, program};
