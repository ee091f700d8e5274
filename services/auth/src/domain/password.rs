//! A password, which never shows itself.

use std::fmt;
use std::ops::RangeInclusive;

/// How many characters a password that is newly chosen has. Any characters: length is what counts
/// (NIST SP 800-63B §3.1.1.2). The upper bound keeps requests small.
const LENGTH: RangeInclusive<usize> = 8..=128;

/// A password as it was typed. `Debug` does not show it, so that no log can.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

/// A text that can't be a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Nothing.
    #[error("enter your password")]
    Missing,
    /// Too short or too long for a new one.
    #[error("must have 8 to 128 characters")]
    Length,
}

impl Password {
    /// Takes a password that is to be used from now on.
    ///
    /// # Errors
    /// When it is shorter or longer than a password may be.
    pub fn choose(text: &str) -> Result<Self, PasswordError> {
        if text.is_empty() {
            return Err(PasswordError::Missing);
        }
        if !LENGTH.contains(&text.chars().count()) {
            return Err(PasswordError::Length);
        }
        Ok(Self(text.to_owned()))
    }

    /// Takes a password that is to be compared; one that could never have been chosen is wrong, not
    /// malformed.
    ///
    /// # Errors
    /// When there is nothing.
    pub fn typed(text: &str) -> Result<Self, PasswordError> {
        if text.is_empty() {
            Err(PasswordError::Missing)
        } else {
            Ok(Self(text.to_owned()))
        }
    }

    /// The bytes to be hashed.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_count_not_bytes() {
        assert!(Password::choose("пароль!!").is_ok());
        assert!(Password::choose("🎫🎫🎫🎫🎫🎫🎫🎫").is_ok());
        assert_eq!(
            Password::choose("🎫🎫🎫🎫🎫🎫🎫"),
            Err(PasswordError::Length)
        );
        assert!(Password::choose(&"é".repeat(128)).is_ok());
        assert_eq!(
            Password::choose(&"e".repeat(129)),
            Err(PasswordError::Length)
        );
        assert_eq!(Password::choose(""), Err(PasswordError::Missing));
    }

    #[test]
    fn any_characters_will_do_and_none_is_cut() {
        let spaces = Password::choose("  \0\t\n  \u{202e}").unwrap();
        assert_eq!(spaces.as_bytes(), "  \0\t\n  \u{202e}".as_bytes());
    }

    #[test]
    fn a_typed_password_may_be_of_any_length() {
        assert!(Password::typed("x").is_ok());
        assert!(Password::typed(&"x".repeat(1000)).is_ok());
        assert_eq!(Password::typed(""), Err(PasswordError::Missing));
    }

    #[test]
    fn it_does_not_show_itself() {
        let shown = format!("{:?}", Password::choose("correct horse").unwrap());
        assert_eq!(shown, "Password(…)");
    }
}
