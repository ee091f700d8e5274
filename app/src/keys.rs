//! `ticketing keys`: the keys of sessions, as settings.

use std::process::ExitCode;

use platform::random::SystemRandom;
use platform::session::SigningKey;

/// Prints a new key for auth, and the public one for everybody, ready for an environment file.
///
/// # Errors
/// When there is no randomness.
pub fn keys() -> anyhow::Result<ExitCode> {
    let key = SigningKey::generate(&SystemRandom)?;
    println!("TICKETING_SESSION_KEY={}", key.to_text());
    println!("TICKETING_SESSION_PUBLIC_KEYS={}", key.public()?);
    Ok(ExitCode::SUCCESS)
}
