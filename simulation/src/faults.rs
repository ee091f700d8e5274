//! What goes wrong, and how often it did.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Everything that is done to the marketplace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, clap::ValueEnum)]
pub enum Fault {
    /// A process ends in the middle of whatever it does.
    Crash,
    /// So does its machine: what was not synced is gone.
    PowerLoss,
    /// A database that several processes share loses what was not synced, and they live on.
    DatabaseCrash,
    /// A process stands still for a while, and does not know it.
    Paused,
    /// No database of a service takes another page.
    DiskFull,
    /// Nothing can be written.
    DiskFailing,
    /// An owner comes back from a backup.
    Restored,
    /// An event is confirmed by the bus, and never delivered.
    Lost,
    /// It is delivered twice.
    Doubled,
    /// It is delivered late, behind later ones.
    Delayed,
    /// It is delivered, and its confirmation is not.
    Unconfirmed,
    /// The bus does not hear an acknowledgement.
    AcknowledgementLost,
    /// An announcement of heads is not heard.
    Unheard,
    /// A question to an owner, or the answer, is lost.
    Unanswered,
    /// The bus forgets all that it holds.
    BusEmptied,
    /// It forgets how far a consumer has come, and begins somewhere in what it has kept.
    PlaceLost,
    /// What a service sends does not arrive.
    CutOutgoing,
    /// What is sent to a service does not arrive.
    CutIncoming,
    /// A service hears everything late.
    SlowConsumer,
    /// A clock jumps.
    ClockJump,
    /// A clock runs off.
    ClockRunsOff,
    /// The payment provider answers after it was given up.
    ProviderLate,
    /// It acts, and its answer is lost.
    ProviderAnswerLost,
    /// It answers 503.
    ProviderUnavailable,
    /// It can't take what it holds.
    ProviderDeclinesCaptures,
    /// It gives money back that nobody has asked for.
    GivenBack,
    /// The mail server takes no message.
    MailRefused,
    /// It takes one, and its answer is lost.
    MailAnswerLost,
    /// A client does not get its answer.
    AnswerLost,
    /// A client goes away while it is answered.
    ClientLeft,
    /// A notice of the provider does not arrive.
    NoticeLost,
    /// It arrives twice.
    NoticeDoubled,
    /// It arrives late.
    NoticeLate,
    /// A later one about the same charge arrives before it.
    NoticeOvertaken,
    /// Somebody who does not know the secret sends one.
    NoticeForged,
    /// One of an hour ago is sent again.
    NoticeOld,
    /// One arrives with another content than was signed.
    NoticeAltered,
    /// One that is signed says what is not so.
    NoticeUntrue,
    /// A newer version of an owner says what others don't know.
    NewerVersion,
}

impl Fault {
    /// All there are.
    pub const ALL: [Self; 39] = [
        Self::Crash,
        Self::PowerLoss,
        Self::DatabaseCrash,
        Self::Paused,
        Self::DiskFull,
        Self::DiskFailing,
        Self::Restored,
        Self::Lost,
        Self::Doubled,
        Self::Delayed,
        Self::Unconfirmed,
        Self::AcknowledgementLost,
        Self::Unheard,
        Self::Unanswered,
        Self::BusEmptied,
        Self::PlaceLost,
        Self::CutOutgoing,
        Self::CutIncoming,
        Self::SlowConsumer,
        Self::ClockJump,
        Self::ClockRunsOff,
        Self::ProviderLate,
        Self::ProviderAnswerLost,
        Self::ProviderUnavailable,
        Self::ProviderDeclinesCaptures,
        Self::GivenBack,
        Self::MailRefused,
        Self::MailAnswerLost,
        Self::AnswerLost,
        Self::ClientLeft,
        Self::NoticeLost,
        Self::NoticeDoubled,
        Self::NoticeLate,
        Self::NoticeOvertaken,
        Self::NoticeForged,
        Self::NoticeOld,
        Self::NoticeAltered,
        Self::NoticeUntrue,
        Self::NewerVersion,
    ];
}

/// How often each happened.
#[derive(Debug, Default)]
pub struct Tally {
    counts: Mutex<BTreeMap<Fault, u64>>,
    strikes: AtomicU64,
}

impl Tally {
    /// It happened once more.
    pub fn count(&self, fault: Fault) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(fault).or_default() += 1;
    }

    /// The number of the next strike, from 1 on.
    pub fn strike(&self) -> u64 {
        self.strikes.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// How many strikes there were until now.
    #[must_use]
    pub fn strikes(&self) -> u64 {
        self.strikes.load(Ordering::Relaxed)
    }

    /// How often each happened until now.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<Fault, u64> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_is_listed_once() {
        let mut all = Fault::ALL.to_vec();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), Fault::ALL.len());
        // The last one of the enumeration: one that is added behind it and not listed shows here.
        assert_eq!(all.len(), usize::from(Fault::NewerVersion as u8) + 1);
    }
}
