//! A stand-in for a cluster on one machine: every pod has a network namespace, an address and names of
//! its own, and others hear late that it comes or goes.

mod endpoints;
mod forward;
mod lan;
mod names;
mod pods;

pub use endpoints::Endpoints;
pub use forward::forward;
pub use lan::{Lan, inside};
pub use names::Names;
pub use pods::{Blueprint, Pod};
