//! A harness that is handed services as values: whole services in one process, with a clock that can
//! be moved, a bus that can lose, and owners that are only pretended; and real servers where the code talks to one.

pub mod answered;
pub mod backup;
mod beside;
pub mod bus;
pub mod certificates;
pub mod clock;
pub mod crash;
pub mod hold;
pub mod nats;
pub mod owner;
mod owners;
mod place;
pub mod postgres;
pub mod random;
pub mod replica;
pub mod world;

pub use answered::Answered;
pub use backup::Backup;
pub use bus::{Faults, FaultyBus};
pub use clock::TestClock;
pub use crash::Crashed;
pub use replica::Replica;
pub use world::World;
