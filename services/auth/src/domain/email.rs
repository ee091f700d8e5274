//! An e-mail address in the one form in which it is compared, stored and written to.

use std::fmt;

/// The longest address that mail can be sent to, in bytes (RFC 5321 §4.5.3.1.3, less the angle
/// brackets).
const LENGTH_MAX: usize = 254;

/// The longest part before the `@`, in bytes (RFC 5321 §4.5.3.1.1).
const LOCAL_MAX: usize = 64;

/// Signs besides letters and digits that may stand before the `@` unquoted (RFC 5322 §3.2.3).
const LOCAL_SIGNS: &str = "!#$%&'*+-/=?^_`{|}~";

/// A trimmed, lower-case, well-formed address.
///
/// The whole address is lower-cased: no provider of note tells capitals apart, people do not
/// remember theirs, and two accounts that differ in them would be a trap.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Email(String);

/// A text that is not an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EmailError {
    /// Nothing, or white space only.
    #[error("enter your e-mail address")]
    Missing,
    /// Not of the form that mail can be sent to.
    #[error("must be an e-mail address such as name@example.org")]
    Malformed,
    /// Longer than any address that mail can be sent to.
    #[error("must have 254 characters at most")]
    TooLong,
}

impl Email {
    /// Takes what a person typed.
    ///
    /// # Errors
    /// When no mail could be sent to it.
    pub fn parse(text: &str) -> Result<Self, EmailError> {
        let email = text.trim().to_lowercase();
        if email.is_empty() {
            return Err(EmailError::Missing);
        }
        if email.len() > LENGTH_MAX {
            return Err(EmailError::TooLong);
        }
        match email.split_once('@') {
            Some((local, domain)) if is_local(local) && is_domain(domain) => Ok(Self(email)),
            _ => Err(EmailError::Malformed),
        }
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_local(local: &str) -> bool {
    let well_formed = |atom: &str| {
        !atom.is_empty()
            && atom
                .chars()
                .all(|c| c.is_alphanumeric() || LOCAL_SIGNS.contains(c))
    };
    local.len() <= LOCAL_MAX && local.split('.').all(well_formed)
}

fn is_domain(domain: &str) -> bool {
    let well_formed = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    domain.split('.').all(well_formed) && (domain.contains('.') || domain == "localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_form() {
        let parse = |text: &str| Email::parse(text).map(|email| email.to_string());
        assert_eq!(
            parse("  Ada.Lovelace+tickets@Example.ORG \n"),
            Ok("ada.lovelace+tickets@example.org".to_owned())
        );
        assert_eq!(parse("root@localhost"), Ok("root@localhost".to_owned()));
        assert_eq!(
            parse("Jürgen@Müller.example"),
            Ok("jürgen@müller.example".to_owned())
        );
        assert_eq!(
            parse("o'neil@x-y.example"),
            Ok("o'neil@x-y.example".to_owned())
        );
    }

    #[test]
    fn what_no_mail_can_be_sent_to_is_refused() {
        for bad in [
            "ada",
            "ada@",
            "@example.org",
            "ada@example",
            "ada@@example.org",
            "a@b@example.org",
            "ada@example..org",
            "ada@.example.org",
            "ada@example.org.",
            "ada@-example.org",
            "a da@example.org",
            "ada@exa mple.org",
            "ada@example.org\r\nbcc: eve@example.org",
            "ada\0@example.org",
            "ada@example.org\u{7f}",
            "<ada@example.org>",
            "ada,eve@example.org",
            "\"a b\"@example.org",
            ".ada@example.org",
            "ada.@example.org",
            "a..da@example.org",
            "ada\u{202e}@example.org",
            "ada@[127.0.0.1]",
        ] {
            assert_eq!(Email::parse(bad), Err(EmailError::Malformed), "{bad:?}");
        }
        assert_eq!(Email::parse(""), Err(EmailError::Missing));
        assert_eq!(Email::parse(" \t"), Err(EmailError::Missing));
    }

    #[test]
    fn an_address_has_a_longest() {
        let domain = format!(
            "{}.{}.{}.example",
            "a".repeat(63),
            "b".repeat(63),
            "c".repeat(63)
        );
        let address = |local: usize| format!("{}@{domain}", "x".repeat(local));
        let room = LENGTH_MAX - domain.len() - 1;
        assert!(room <= LOCAL_MAX && Email::parse(&address(room)).is_ok());
        assert_eq!(Email::parse(&address(room + 1)), Err(EmailError::TooLong));
        assert_eq!(
            Email::parse(&format!("{}@example.org", "x".repeat(65))),
            Err(EmailError::Malformed)
        );
    }
}
