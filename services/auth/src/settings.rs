//! What an operator can set.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use platform::mail::Mailer;
use platform::session::{LIFETIME, SigningKey};

use crate::hashing::Cost;

/// What auth is given, and its limits.
#[derive(Clone)]
pub struct Settings {
    /// Signs sessions; reset links are derived from it too.
    pub signing_key: SigningKey,
    /// Sends the mails with reset links.
    pub mailer: Arc<dyn Mailer>,
    /// The address under which people reach the site: links in mail begin with it.
    pub public_url: String,
    /// How many characters a new password has. Any characters: length is what counts (NIST SP
    /// 800-63B §3.1.1.2). The upper bound keeps requests small.
    pub password_chars: RangeInclusive<usize>,
    /// What hashing a password costs.
    pub hash_cost: Cost,
    /// How many passwords are hashed at once: the number of cores.
    pub hash_concurrency: usize,
    /// How many may wait for that. At 15 ms a hash, a thousand are served in 8 s on two cores.
    pub hash_waiting_max: usize,
    /// How long a session lives.
    pub session_lifetime: Duration,
    /// How many live sessions a person has at most; of more the oldest end.
    pub sessions_max: i64,
    /// How long a reset link works.
    pub reset_lifetime: Duration,
    /// How many reset mails go to one address in an hour.
    pub resets_per_hour: u32,
    /// How many wrong passwords a minute are heard, per account and per network address.
    pub failures_per_minute: u32,
}

impl Settings {
    /// The defaults, with the two things that have none.
    #[must_use]
    pub fn new(signing_key: SigningKey, mailer: Arc<dyn Mailer>) -> Self {
        Self {
            signing_key,
            mailer,
            public_url: "http://127.0.0.1:3000".to_owned(),
            password_chars: 8..=128,
            hash_cost: Cost::default(),
            hash_concurrency: std::thread::available_parallelism().map_or(1, usize::from),
            hash_waiting_max: 1024,
            session_lifetime: LIFETIME,
            sessions_max: 1000,
            reset_lifetime: Duration::from_secs(3600),
            resets_per_hour: 5,
            failures_per_minute: 10,
        }
    }
}
