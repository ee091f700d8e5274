//! The header `Idempotency-Key`: a string in the sense of RFC 8941, or the bare characters.

use http::HeaderMap;

use crate::failure::Refused;

/// How many characters a key may have.
const MAX_LENGTH: usize = 255;

/// The key of the header: a string of RFC 8941 (`"…"`), as the draft has it, or bare, as most
/// clients send it.
pub(super) fn key_in(headers: &HeaderMap) -> Result<Option<String>, Refused> {
    let mut lines = headers.get_all("idempotency-key").iter();
    let Some(line) = lines.next() else {
        return Ok(None);
    };
    let malformed = || {
        let message = "Idempotency-Key must be 1 to 255 visible characters, once";
        Refused::invalid("invalid_idempotency_key", message)
    };
    let text = line.to_str().map_err(|_| malformed())?.trim();
    let key = match text.strip_prefix('"') {
        Some(quoted) => unquote(quoted).ok_or_else(malformed)?,
        None => text.to_owned(),
    };
    let visible = key.bytes().all(|byte| byte.is_ascii_graphic());
    if key.is_empty() || key.len() > MAX_LENGTH || !visible || lines.next().is_some() {
        return Err(malformed());
    }
    Ok(Some(key))
}

/// What stands between the quotes, the first of which is already gone.
fn unquote(quoted: &str) -> Option<String> {
    let mut key = String::with_capacity(quoted.len());
    let mut characters = quoted.chars();
    loop {
        match characters.next()? {
            '"' => return characters.next().is_none().then_some(key),
            '\\' => key.push(
                characters
                    .next()
                    .filter(|next| matches!(next, '"' | '\\'))?,
            ),
            other => key.push(other),
        }
    }
}
