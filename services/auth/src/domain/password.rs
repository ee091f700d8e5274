//! A password, which never shows itself.

use std::fmt;
use std::ops::RangeInclusive;

/// A password as it was typed. `Debug` does not show it, so that no log can.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

/// A text that can't be a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Nothing.
    #[error("enter your password")]
    Missing,
    /// Too short or too long for a new one.
    #[error("must have {} to {} characters", .0.start(), .0.end())]
    Length(RangeInclusive<usize>),
}

impl Password {
    /// Takes a password that is to be used from now on, of so many characters.
    ///
    /// # Errors
    /// When it is shorter or longer than that.
    pub fn choose(text: &str, chars: &RangeInclusive<usize>) -> Result<Self, PasswordError> {
        if text.is_empty() {
            return Err(PasswordError::Missing);
        }
        if !chars.contains(&text.chars().count()) {
            return Err(PasswordError::Length(chars.clone()));
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

    fn choose(text: &str) -> Result<Password, PasswordError> {
        Password::choose(text, &(8..=128))
    }

    #[test]
    fn characters_count_not_bytes() {
        assert!(choose("пароль!!").is_ok());
        assert!(choose("🎫🎫🎫🎫🎫🎫🎫🎫").is_ok());
        assert_eq!(
            choose("🎫🎫🎫🎫🎫🎫🎫"),
            Err(PasswordError::Length(8..=128))
        );
        assert!(choose(&"é".repeat(128)).is_ok());
        assert_eq!(
            choose(&"e".repeat(129)),
            Err(PasswordError::Length(8..=128))
        );
        assert_eq!(choose(""), Err(PasswordError::Missing));
        let said = choose("short").unwrap_err().to_string();
        assert_eq!(said, "must have 8 to 128 characters");
    }

    #[test]
    fn any_characters_will_do_and_none_is_cut() {
        let spaces = choose("  \0\t\n  \u{202e}").unwrap();
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
        let shown = format!("{:?}", choose("correct horse").unwrap());
        assert_eq!(shown, "Password(…)");
    }
}
