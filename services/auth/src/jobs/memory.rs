//! Gives the memory for hashes back when no password has been hashed for a while.

use std::time::Duration;

use platform::{Context, Job};

use crate::hashing::Memory;

/// Memory that was used in none of two looks in a row goes.
const INTERVAL: Duration = Duration::from_secs(5);

/// The job.
pub fn job(memory: Memory) -> Job {
    Job::new("memory", INTERVAL, move |_: Context| {
        memory.release_unused();
        std::future::ready(Ok(None))
    })
}
