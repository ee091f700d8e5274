//! What the provider's form made of a card.

use std::fmt;

/// Longer ones are no provider's: the longest known are about 100 characters.
const LENGTH_MAX: usize = 200;

/// A card's token: a secret, never shown and never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

/// A text that no provider makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the 1 to {LENGTH_MAX} visible characters that the card form gave")]
pub struct InvalidToken;

impl Token {
    /// Takes 1 to 200 visible ASCII characters.
    ///
    /// # Errors
    /// For anything else.
    pub fn parse(text: &str) -> Result<Self, InvalidToken> {
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if text.is_empty() || text.len() > LENGTH_MAX || !visible {
            return Err(InvalidToken);
        }
        Ok(Self(text.to_owned()))
    }

    /// The token as the provider wants it.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_visible_characters_make_a_token() {
        assert_eq!(Token::parse("tok_visa").unwrap().secret(), "tok_visa");
        assert!(Token::parse(&"x".repeat(200)).is_ok());
        for bad in [
            "",
            " ",
            "tok visa",
            "tok_visa\n",
            "tok\0",
            "tök",
            &"x".repeat(201),
        ] {
            assert_eq!(Token::parse(bad), Err(InvalidToken), "{bad:?}");
        }
    }

    #[test]
    fn a_token_does_not_show_itself() {
        assert_eq!(
            format!("{:?}", Token::parse("tok_visa").unwrap()),
            "Token(…)"
        );
    }
}
