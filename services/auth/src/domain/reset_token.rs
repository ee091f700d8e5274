//! The secret in a password-reset link, computed from what is kept apart: an id and the server's key.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// Keeps these tokens apart from everything else that is ever derived from the same key.
const PURPOSE: &[u8] = b"ticketing password reset v1\0";

/// The block length of SHA-256 in bytes (FIPS 180-4), which HMAC pads its key to.
const BLOCK: usize = 64;

/// The token of the reset with this id: 32 bytes in base64url, unguessable without the key.
///
/// Computed and not drawn, so that the mail can be written again after a crash although the
/// database holds no more than the token's hash.
#[must_use]
pub fn token(key: &str, reset_id: &str) -> String {
    URL_SAFE_NO_PAD.encode(hmac(key.as_bytes(), &[PURPOSE, reset_id.as_bytes()]))
}

/// What is stored of a token. One fast hash is enough: the token is as long as the hash.
#[must_use]
pub fn hash(token: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(token.as_bytes()))
}

/// HMAC with SHA-256 (RFC 2104).
fn hmac(key: &[u8], message: &[&[u8]]) -> [u8; 32] {
    let hashed: [u8; 32];
    let short = if key.len() > BLOCK {
        hashed = Sha256::digest(key).into();
        hashed.as_slice()
    } else {
        key
    };
    let padded = |pad: u8| {
        short
            .iter()
            .copied()
            .chain(std::iter::repeat(0))
            .take(BLOCK)
            .map(move |byte| byte ^ pad)
    };
    let mut inner = Sha256::new();
    inner.update(padded(0x36).collect::<Vec<u8>>());
    message.iter().for_each(|part| inner.update(part));
    let mut outer = Sha256::new();
    outer.update(padded(0x5c).collect::<Vec<u8>>());
    outer.update(inner.finalize());
    outer.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The vectors of RFC 4231 §4.2, §4.3 and §4.7.
    #[test]
    fn it_is_hmac_sha256() {
        assert_eq!(
            hex(&hmac(&[0x0b; 20], &[b"Hi ", b"There"])),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        );
        assert_eq!(
            hex(&hmac(b"Jefe", &[b"what do ya want for nothing?"])),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_eq!(
            hex(&hmac(
                &[0xaa; 131],
                &[b"Test Using Larger Than Block-Size Key - Hash Key First"]
            )),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
    }

    #[test]
    fn a_token_depends_on_key_and_id_alone() {
        let one = token("key", "id");
        assert_eq!(one, token("key", "id"));
        assert_eq!(one.len(), 43);
        assert_ne!(one, token("key", "other"));
        assert_ne!(one, token("other", "id"));
        assert_ne!(hash(&one), one);
    }
}
