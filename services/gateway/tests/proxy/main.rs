//! The gateway between real sockets: clients in front of it, small servers behind.

mod bodies;
mod broken;
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod fickle;
mod forwarded;
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod live;
mod remote;
mod replicas;
mod routing;
#[expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]
mod world;
