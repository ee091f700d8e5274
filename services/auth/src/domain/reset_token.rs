//! The secret in a password-reset link, computed from what is kept apart: an id and the server's key.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::digest::InvalidLength;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest, Sha256};

/// Keeps these tokens apart from everything else that is ever derived from the same key.
const PURPOSE: &[u8] = b"ticketing password reset v1\0";

/// The token of the reset with this id: 32 bytes in base64url, unguessable without the key.
///
/// Computed and not drawn, so that the mail can be written again after a crash although the
/// database holds no more than the token's hash. It is the HMAC-SHA256 (RFC 2104) of purpose and id.
///
/// # Errors
/// Never: HMAC takes a key of any length.
pub fn token(key: &str, reset_id: &str) -> Result<String, InvalidLength> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes())?;
    mac.update(PURPOSE);
    mac.update(reset_id.as_bytes());
    Ok(URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

/// What is stored of a token. One fast hash is enough: the token is as long as the hash.
#[must_use]
pub fn hash(token: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(token.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(key: &str, reset_id: &str) -> String {
        token(key, reset_id).unwrap()
    }

    /// Computed with OpenSSL: `printf 'ticketing password reset v1\0id' | openssl dgst -sha256 -hmac key
    /// -binary | basenc --base64url`, and the same with a key of 131 letters. Links that were sent before
    /// go on to be good.
    #[test]
    fn a_token_is_the_hmac_of_purpose_and_id() {
        assert_eq!(
            made("key", "id"),
            "RnRjpLBBxPF5nTratwPeaKHWew4IM9pse51vWPivNXw"
        );
        assert_eq!(
            made(&"a".repeat(131), "id"),
            "oGW7rsFwqOnKYYV4jyhjKUZ_1dyojJT6E8Zm_Cv1R8s"
        );
    }

    #[test]
    fn a_token_depends_on_key_and_id_alone() {
        let one = made("key", "id");
        assert_eq!(one, made("key", "id"));
        assert_eq!(one.len(), 43);
        assert_ne!(one, made("key", "other"));
        assert_ne!(one, made("other", "id"));
        assert_ne!(hash(&one), one);
    }
}
