//! How any service runs: its database, its event log, its inbox, its HTTP, its jobs.
//!
//! A service is a value ([`Service`]): a name, migrations, routes, consumers and jobs. What is in
//! here knows nothing of what the services are about.

pub mod bus;
pub mod clock;
pub mod context;
pub mod db;
pub mod failure;
pub mod flaws;
pub mod gate;
pub mod http;
pub mod lease;
pub mod log;
pub mod mail;
pub mod random;
pub mod run;
pub mod service;
pub mod session;
pub mod shares;
pub mod tasks;
pub mod telemetry;
pub mod tls;
pub mod trace;

pub use clock::Clock;
pub use context::Context;
pub use db::{Db, Tx};
pub use failure::{Failure, Refused, Result};
pub use gate::consumer::{Consumer, Event};
pub use gate::owned::{Current, Owned};
pub use service::{Job, Schema, Service};
