//! What happened, in words: its sum tells whether two runs were the same, its end tells a story.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::executor::Executor;

/// Whether all that happens is printed.
static PRINTED: AtomicBool = AtomicBool::new(false);

/// Prints all that happens in this process from now on, or no more.
pub fn print(is_wanted: bool) {
    PRINTED.store(is_wanted, Ordering::Relaxed);
}

/// How many lines are kept.
const KEPT: usize = 50_000;

/// What happened. Cheap to clone.
#[derive(Clone)]
pub struct Trace {
    executor: Executor,
    lines: Arc<Mutex<Lines>>,
}

struct Lines {
    /// FNV-1a over every byte.
    sum: u64,
    kept: VecDeque<String>,
}

impl Trace {
    /// Nothing has happened yet.
    #[must_use]
    pub fn new(executor: &Executor) -> Self {
        let lines = Lines {
            sum: 0xcbf2_9ce4_8422_2325,
            kept: VecDeque::new(),
        };
        Self {
            executor: executor.clone(),
            lines: Arc::new(Mutex::new(lines)),
        }
    }

    /// This happened.
    pub fn say(&self, what: impl FnOnce() -> String) {
        let line = format!("{:>12.6}s {}", self.executor.now().as_secs_f64(), what());
        if PRINTED.load(Ordering::Relaxed) {
            println!("{line}");
        }
        let mut lines = self.lines();
        for byte in line.bytes() {
            lines.sum = (lines.sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        if lines.kept.len() == KEPT {
            lines.kept.pop_front();
        }
        lines.kept.push_back(line);
    }

    /// The sum of everything that happened.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.lines().sum
    }

    /// The last lines, at most `most`, that are about one of these or about what went wrong with
    /// processes.
    #[must_use]
    pub fn about(&self, ids: &[String], most: usize) -> Vec<String> {
        let lines = self.lines();
        let is_told = |line: &&String| {
            line.contains(FAULT) || ids.iter().any(|id| line.contains(id.as_str()))
        };
        let told: Vec<&String> = lines.kept.iter().filter(is_told).collect();
        let skipped = told.len().saturating_sub(most);
        told.into_iter().skip(skipped).cloned().collect()
    }

    /// All lines that are kept.
    #[must_use]
    pub fn all(&self) -> Vec<String> {
        self.lines().kept.iter().cloned().collect()
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What marks a line about something that went wrong with a process.
pub const FAULT: &str = "fault: ";
