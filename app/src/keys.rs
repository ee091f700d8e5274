//! `ticketing keys`: the keys of sessions and the secret of the payment provider's notices, as settings.

use std::process::ExitCode;

use payments::provider::signature::Secret;
use platform::random::SystemRandom;
use platform::session::SigningKey;

/// Prints a new key for auth, the public one for everybody, and a secret for payments, ready for an
/// environment file.
///
/// # Errors
/// When there is no randomness.
pub fn keys() -> anyhow::Result<ExitCode> {
    let key = SigningKey::generate(&SystemRandom)?;
    println!("TICKETING_SESSION_KEY={}", key.to_text());
    println!("TICKETING_SESSION_PUBLIC_KEYS={}", key.public()?);
    let secret = Secret::generate(&SystemRandom);
    println!("TICKETING_WEBHOOK_SECRETS={}", secret.to_text());
    Ok(ExitCode::SUCCESS)
}
