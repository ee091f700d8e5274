//! Single guards that can be switched off, to see whether the simulation notices that they are
//! missing. Only programs built with debug assertions can; in all others every guard stands for good.

#[cfg(debug_assertions)]
use std::sync::atomic::{AtomicU64, Ordering};

/// A guard that may be missing. Each crate names its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Flaw {
    /// What is missing, in words.
    pub name: &'static str,
}

/// A consumer handles what it has handled before: it does not compare with its cursor.
pub const CURSOR_IGNORED: Flaw = Flaw::new("a consumer does not look at its cursor");
/// A consumer handles an event before the ones that come before it.
pub const GAP_IGNORED: Flaw = Flaw::new("a consumer does not wait for earlier events");
/// No consumer asks an owner for what it lacks.
pub const NO_REPAIR: Flaw = Flaw::new("nobody asks an owner for what is missing");
/// No consumer compares its cursors with its owner's heads.
pub const NO_WATERMARK: Flaw = Flaw::new("nobody compares cursors with heads");
/// An event is acknowledged before it is durably handled, and heads are not compared.
pub const ACKNOWLEDGED_EARLY: Flaw =
    Flaw::new("an event is acknowledged before it is handled (and heads are not compared)");
/// An event counts as published whatever the bus says, and heads are not compared.
pub const PUBLISHED_UNCONFIRMED: Flaw =
    Flaw::new("an event counts as published unconfirmed (and heads are not compared)");
/// Answers are not kept for idempotency keys.
pub const KEYS_FORGOTTEN: Flaw = Flaw::new("answers are not kept for idempotency keys");
/// Nothing is synced to the disk before it is answered.
pub const NOTHING_SYNCED: Flaw = Flaw::new("nothing is synced before it is answered");
/// Which sessions have ended is not looked at.
pub const REVOCATIONS_IGNORED: Flaw = Flaw::new("sessions that have ended are believed");

/// The guards of the platform.
pub const ALL: [Flaw; 9] = [
    CURSOR_IGNORED,
    GAP_IGNORED,
    NO_REPAIR,
    NO_WATERMARK,
    ACKNOWLEDGED_EARLY,
    PUBLISHED_UNCONFIRMED,
    KEYS_FORGOTTEN,
    NOTHING_SYNCED,
    REVOCATIONS_IGNORED,
];

impl Flaw {
    /// A guard of this name.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name }
    }

    /// Whether this guard is missing.
    #[must_use]
    #[cfg(debug_assertions)]
    pub fn is_there(self) -> bool {
        let present = PRESENT.load(Ordering::Relaxed);
        present != 0 && present == crate::log::fnv_1a(self.name)
    }

    /// Whether this guard is missing.
    #[must_use]
    #[cfg(not(debug_assertions))]
    pub const fn is_there(self) -> bool {
        false
    }
}

/// The hash of the missing guard's name, or 0.
#[cfg(debug_assertions)]
static PRESENT: AtomicU64 = AtomicU64::new(0);

/// Switches one guard of this process off, and all others on. Whether that is possible.
#[must_use]
pub fn let_in(flaw: Option<Flaw>) -> bool {
    #[cfg(debug_assertions)]
    {
        let present = flaw.map_or(0, |flaw| crate::log::fnv_1a(flaw.name));
        PRESENT.store(present, Ordering::Relaxed);
        true
    }
    #[cfg(not(debug_assertions))]
    {
        flaw.is_none()
    }
}
