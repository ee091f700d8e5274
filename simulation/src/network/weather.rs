//! What goes wrong with messages and connections.

use std::time::Duration;

/// What goes wrong with messages, each in a thousand.
#[derive(Debug, Clone, Copy, Default)]
pub struct Weather {
    /// Events that are confirmed and lost.
    pub lost: u64,
    /// Events that come twice.
    pub doubled: u64,
    /// Events that come late.
    pub delayed: u64,
    /// Events whose confirmation is lost.
    pub unconfirmed: u64,
    /// Acknowledgements that are lost.
    pub acknowledgements_lost: u64,
    /// Announcements that nobody hears.
    pub unheard: u64,
    /// Questions, or their answers, that are lost.
    pub unanswered: u64,
    /// Answers that clients do not get.
    pub answers_lost: u64,
    /// Clients that go away while they are answered.
    pub clients_left: u64,
    /// Notices of the payment provider that do not arrive.
    pub notices_lost: u64,
    /// Those that arrive twice.
    pub notices_doubled: u64,
    /// Those that arrive late.
    pub notices_late: u64,
    /// Those that a later one may overtake.
    pub notices_overtaken: u64,
    /// Those to which somebody adds one that is forged.
    pub notices_forged: u64,
    /// One of an hour ago.
    pub notices_old: u64,
    /// One with another content than was signed.
    pub notices_altered: u64,
    /// One that says what is not so.
    pub notices_untrue: u64,
}

/// What is wrong with a process's connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Connection {
    /// What it sends does not arrive.
    pub outgoing_cut: bool,
    /// What is sent to it does not arrive.
    pub incoming_cut: bool,
    /// It hears events so much later.
    pub slowed: Duration,
}
