//! The keys of sessions: Ed25519, and the PASETO v4.public tokens that they sign and open.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use contracts::Timestamp;
use contracts::ids::{SessionId, UserId};
use ed25519_compact::{KeyPair, Seed};
use pasetors::Public;
use pasetors::keys::{AsymmetricPublicKey, AsymmetricSecretKey};
use pasetors::token::UntrustedToken;
use pasetors::version4::{PublicToken, V4};
use serde::{Deserialize, Serialize};

use super::SignedIn;
use crate::failure::{Failure, Result};
use crate::random::Random;

/// How a signing key is written (PASERK, <https://github.com/paseto-standard/paserk>).
const SECRET: &str = "k4.secret.";

/// How a public key is written.
const PUBLIC: &str = "k4.public.";

/// A text that is not a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a key: expected {0}… and nothing else")]
pub struct InvalidKey(&'static str);

/// Signs sessions. Only the service that lets people in has it.
#[derive(Clone)]
pub struct SigningKey(AsymmetricSecretKey<V4>);

/// Tells whether a [`SigningKey`] has signed a token.
#[derive(Clone, PartialEq)]
pub struct PublicKey(AsymmetricPublicKey<V4>);

impl SigningKey {
    /// A new key.
    ///
    /// # Errors
    /// When `random` gives something that can't be a key (all zeros).
    pub fn generate(random: &dyn Random) -> Result<Self> {
        let mut seed = [0; Seed::BYTES];
        random.fill(&mut seed);
        let pair = KeyPair::try_from_seed(Seed::new(seed)).map_err(|e| broken(&e))?;
        let key = AsymmetricSecretKey::from(pair.sk.as_ref()).map_err(|e| broken(&e))?;
        Ok(Self(key))
    }

    /// The key as a text for its file or setting. It is a secret.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("{SECRET}{}", URL_SAFE_NO_PAD.encode(self.0.as_bytes()))
    }

    /// The key that opens what this one signs.
    ///
    /// # Errors
    /// When the key is damaged.
    pub fn public(&self) -> Result<PublicKey> {
        let key = AsymmetricPublicKey::try_from(&self.0).map_err(|e| broken(&e))?;
        Ok(PublicKey(key))
    }

    /// The token of a session.
    ///
    /// # Errors
    /// When it can't be signed: a fault of our own.
    pub fn sign(&self, session: &SignedIn) -> Result<String> {
        let claims = Claims {
            sub: session.user_id,
            jti: session.session_id,
            email: session.email.clone(),
            iat: session.issued_at,
            exp: session.expires_at,
        };
        let message = serde_json::to_vec(&claims)?;
        PublicToken::sign(&self.0, &message, None, None).map_err(|e| broken(&e))
    }
}

impl FromStr for SigningKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let bytes = decode(text, SECRET)?;
        let seed = bytes.get(..Seed::BYTES).ok_or(InvalidKey(SECRET))?;
        // The library below would panic on a seed that this refuses.
        Seed::from_slice(seed)
            .and_then(KeyPair::try_from_seed)
            .map_err(|_| InvalidKey(SECRET))?;
        AsymmetricSecretKey::from(&bytes)
            .map(Self)
            .map_err(|_| InvalidKey(SECRET))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(secret)")
    }
}

impl PublicKey {
    /// What the token says, if this key's owner has signed it. Times are not judged here.
    pub(super) fn open(&self, token: &str) -> Option<SignedIn> {
        let untrusted = UntrustedToken::<Public, V4>::try_from(token).ok()?;
        let trusted = PublicToken::verify(&self.0, &untrusted, None, None).ok()?;
        let claims: Claims = serde_json::from_str(trusted.payload()).ok()?;
        Some(SignedIn {
            user_id: claims.sub,
            session_id: claims.jti,
            email: claims.email,
            issued_at: claims.iat,
            expires_at: claims.exp,
        })
    }
}

impl FromStr for PublicKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let bytes = decode(text, PUBLIC)?;
        ed25519_compact::PublicKey::from_slice(&bytes)
            .and_then(|key| key.validate())
            .map_err(|_| InvalidKey(PUBLIC))?;
        AsymmetricPublicKey::from(&bytes)
            .map(Self)
            .map_err(|_| InvalidKey(PUBLIC))
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PUBLIC}{}", URL_SAFE_NO_PAD.encode(self.0.as_bytes()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a token says; the names are registered claims of PASETO.
#[derive(Serialize, Deserialize)]
struct Claims {
    sub: UserId,
    jti: SessionId,
    email: String,
    iat: Timestamp,
    exp: Timestamp,
}

fn decode(text: &str, prefix: &'static str) -> Result<Vec<u8>, InvalidKey> {
    let encoded = text.trim().strip_prefix(prefix).ok_or(InvalidKey(prefix))?;
    URL_SAFE_NO_PAD
        .decode(encoded)
        .map_err(|_| InvalidKey(prefix))
}

fn broken(error: &dyn fmt::Display) -> Failure {
    Failure::Broken(anyhow::anyhow!("session key: {error}"))
}
