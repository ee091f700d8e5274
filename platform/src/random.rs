//! Randomness and ids, handed in so that a simulation can draw them from its seed.

use contracts::Timestamp;
use uuid::Uuid;

/// Where random bytes come from.
pub trait Random: Send + Sync + 'static {
    /// Fills the buffer. The bytes must be fit for secrets unless this is a simulation.
    fn fill(&self, buffer: &mut [u8]);
}

/// The operating system's generator.
#[derive(Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    #[expect(
        clippy::expect_used,
        reason = "without randomness no secret can be made: nothing may go on"
    )]
    fn fill(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).expect("the operating system gives random bytes");
    }
}

/// A UUID of version 7: milliseconds of `now` first, then randomness (RFC 9562 §5.7).
#[must_use]
pub fn uuid_v7(random: &dyn Random, now: Timestamp) -> Uuid {
    let mut bytes = [0u8; 10];
    random.fill(&mut bytes);
    let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
}

/// The time in a UUID of version 7; `None` for other versions.
#[must_use]
pub fn uuid_time(id: Uuid) -> Option<Timestamp> {
    let (seconds, nanos) = (id.get_version_num() == 7)
        .then(|| id.get_timestamp())??
        .to_unix();
    Timestamp::new(i64::try_from(seconds).ok()?, i32::try_from(nanos).ok()?).ok()
}

/// `N` random bytes in lower-case hexadecimal.
#[must_use]
pub fn hex<const N: usize>(random: &dyn Random) -> String {
    let mut bytes = [0u8; N];
    random.fill(&mut bytes);
    hex_of(&bytes)
}

/// Bytes in lower-case hexadecimal.
#[must_use]
pub fn hex_of(bytes: &[u8]) -> String {
    let digit = |nibble: u8| {
        char::from(if nibble < 10 {
            b'0' + nibble
        } else {
            b'a' + nibble - 10
        })
    };
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(byte & 15));
    }
    text
}
