//! How a provider signs its notices: HMAC-SHA256 over the time and the body, as Stripe does it.
//!
//! The header says `t=1700000000,v1=5257…`: seconds since 1970, and a signature for each secret that
//! is in use, so that a secret can be replaced while notices go on.
//! <https://docs.stripe.com/webhooks#verify-manually>

use std::str::FromStr;
use std::time::Duration;

use contracts::Timestamp;
use hmac::{Hmac, KeyInit as _, Mac as _};
use platform::clock::until;
use platform::random::{Random, hex, hex_of};
use sha2::Sha256;

/// The header that carries the signature.
pub const SIGNATURE: &str = "provider-signature";

/// How far the time of a notice may be from our clock: what is sent again gets a new one.
pub const TOLERANCE: Duration = Duration::from_secs(5 * 60);

/// What every secret begins with, so that one that has leaked is recognised.
const PREFIX: &str = "whsec_";

/// The shortest secret: as many random hexadecimal digits as SHA-256 can use half of.
const SECRET_MIN: usize = PREFIX.len() + 32;

/// How many signatures of one header are looked at: nobody uses more secrets at a time.
const SIGNATURES_MAX: usize = 8;

/// A secret that a provider and this service share.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// The text is no secret for notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret for notices looks like whsec_ and at least 32 letters and digits")]
pub struct NoSecret;

impl FromStr for Secret {
    type Err = NoSecret;

    fn from_str(text: &str) -> Result<Self, NoSecret> {
        let secret = text.trim();
        let random = secret.strip_prefix(PREFIX).ok_or(NoSecret)?;
        let is_fine = secret.len() >= SECRET_MIN
            && random
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"+/=-_".contains(&byte));
        is_fine.then(|| Self(secret.to_owned())).ok_or(NoSecret)
    }
}

impl Secret {
    /// A new secret of 256 bits.
    #[must_use]
    pub fn generate(random: &dyn Random) -> Self {
        Self(format!("{PREFIX}{}", hex::<32>(random)))
    }

    /// As it is written in settings.
    #[must_use]
    pub fn to_text(&self) -> &str {
        &self.0
    }

    fn mac(&self, time: &str, body: &[u8]) -> Option<Hmac<Sha256>> {
        // A key of any length is fine; an error there would be a signature that never fits.
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.as_bytes()).ok()?;
        mac.update(time.as_bytes());
        mac.update(b".");
        mac.update(body);
        Some(mac)
    }
}

/// Why a notice is not the provider's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forged {
    /// There is no signature, or none that can be read.
    Unsigned,
    /// No secret of ours has made it.
    WrongSignature,
    /// It was made too long ago, or will be.
    Untimely,
}

/// The value of the header for a body that is sent now.
#[must_use]
pub fn sign(secrets: &[Secret], body: &[u8], now: Timestamp) -> String {
    let time = now.as_second().to_string();
    let signatures = secrets.iter().filter_map(|secret| {
        let mac = secret.mac(&time, body)?;
        Some(format!(",v1={}", hex_of(&mac.finalize().into_bytes())))
    });
    format!("t={time}{}", signatures.collect::<String>())
}

/// Whether one of the secrets has signed this body, lately.
///
/// # Errors
/// When none has.
pub fn verify(
    secrets: &[Secret],
    header: Option<&str>,
    body: &[u8],
    now: Timestamp,
) -> Result<(), Forged> {
    let Signed { time, signatures } = header.and_then(Signed::read).ok_or(Forged::Unsigned)?;
    let is_genuine = secrets.iter().any(|secret| {
        signatures.iter().any(|signature| {
            // Compared in constant time.
            let mac = secret.mac(time, body);
            mac.is_some_and(|mac| mac.verify_slice(signature).is_ok())
        })
    });
    if !is_genuine {
        return Err(Forged::WrongSignature);
    }
    let seconds = time.parse().map_err(|_| Forged::Unsigned)?;
    let sent_at = Timestamp::from_second(seconds).map_err(|_| Forged::Untimely)?;
    let off = until(sent_at, now).max(until(now, sent_at));
    if off > TOLERANCE {
        return Err(Forged::Untimely);
    }
    Ok(())
}

/// What a header says.
struct Signed<'a> {
    time: &'a str,
    signatures: Vec<Vec<u8>>,
}

impl<'a> Signed<'a> {
    /// Schemes that nobody knows are passed over: there may be a `v2` one day.
    fn read(header: &'a str) -> Option<Self> {
        let (mut time, mut signatures) = (None, Vec::new());
        for part in header.split(',') {
            match part.trim().split_once('=')? {
                ("t", text) if time.is_none() => time = Some(text),
                ("t", _) => return None,
                ("v1", text) if signatures.len() < SIGNATURES_MAX => signatures.push(bytes(text)?),
                _ => {}
            }
        }
        Some(Self {
            time: time?,
            signatures,
        })
    }
}

/// The bytes that hexadecimal digits stand for.
fn bytes(hexadecimal: &str) -> Option<Vec<u8>> {
    let digit = |letter: &u8| char::from(*letter).to_digit(16);
    let pairs = hexadecimal.as_bytes().chunks(2);
    let read = pairs.map(|pair| match pair {
        [high, low] => u8::try_from(digit(high)? * 16 + digit(low)?).ok(),
        _ => None,
    });
    read.collect()
}

#[cfg(test)]
mod tests;
