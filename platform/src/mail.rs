//! Mail: messages, and the two ways they leave: by SMTP, or into files that are shown instead.

mod file;
mod smtp;

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use contracts::Timestamp;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, MultiPartKind, SinglePart};
use sha2::{Digest as _, Sha256};

use crate::clock::until;
use crate::random::hex_of;

pub use file::{FileMailer, KeptMessage};
pub use smtp::SmtpMailer;

/// A message to one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The address it goes to.
    pub to: String,
    /// Its subject.
    pub subject: String,
    /// Its content as plain text.
    pub text: String,
    /// Its content as HTML.
    pub html: String,
    /// The same at every attempt to send this message, and of no other: what a receiver (and
    /// [`FileMailer`]) recognises a repetition by.
    pub message_id: String,
}

/// A message was not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("mail: {message}")]
pub struct MailError {
    /// Whether another attempt may go better.
    pub temporary: bool,
    /// What went wrong, for operators.
    pub message: String,
}

/// Sends messages.
#[async_trait]
pub trait Mailer: Send + Sync + 'static {
    /// Sends a message; returns once somebody has taken responsibility for it. A repetition of a
    /// message that had been taken may arrive twice, but with the same id.
    ///
    /// # Errors
    /// When nobody has, or that is not certain.
    async fn send(&self, message: &Message) -> Result<(), MailError>;

    /// After how long whoever began to send a message and did not say what came of it is gone: longer
    /// than any sending takes.
    fn patience(&self) -> Duration {
        Duration::from_secs(180)
    }

    /// How many messages are handed over at once: a mail server takes about a second for each, and
    /// allows a client few connections.
    fn at_once(&self) -> usize {
        8
    }
}

impl MailError {
    fn temporary(error: &dyn std::fmt::Display) -> Self {
        Self {
            temporary: true,
            message: error.to_string(),
        }
    }

    fn permanent(error: &dyn std::fmt::Display) -> Self {
        Self {
            temporary: false,
            message: error.to_string(),
        }
    }
}

/// A short name of a message: the same at every attempt, and safe in file names and headers.
fn fingerprint(message: &Message) -> String {
    let digest = Sha256::digest(message.message_id.as_bytes());
    hex_of(digest.get(..16).unwrap_or(&digest))
}

/// Puts a message into the form of RFC 5322, with both contents. Nothing of it can become a header
/// or a recipient of its own: addresses are parsed, and control characters in the subject are blanks.
fn compose(message: &Message, from: &Mailbox, at: Timestamp) -> Result<lettre::Message, MailError> {
    let to = message
        .to
        .parse::<lettre::Address>()
        .map_err(|e| MailError::permanent(&e))?;
    let name = fingerprint(message);
    let id = format!("<{name}@{}>", from.email.domain());
    let subject: String = message
        .subject
        .chars()
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect();
    let part = |kind: ContentType, content: &str| {
        SinglePart::builder().header(kind).body(content.to_owned())
    };
    // RFC 3834: no automatic answers to this, please.
    let automatic = HeaderValue::new(
        HeaderName::new_from_ascii_str("Auto-Submitted"),
        "auto-generated".to_owned(),
    );
    lettre::Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to))
        .subject(subject)
        .message_id(Some(id))
        .date(SystemTime::UNIX_EPOCH + until(Timestamp::UNIX_EPOCH, at))
        .raw_header(automatic)
        .multipart(
            MultiPart::builder()
                .kind(MultiPartKind::Alternative)
                .boundary(format!("part-{name}"))
                .build()
                .singlepart(part(ContentType::TEXT_PLAIN, &message.text))
                .singlepart(part(ContentType::TEXT_HTML, &message.html)),
        )
        .map_err(|e| MailError::permanent(&e))
}

fn mailbox(from: &str) -> anyhow::Result<Mailbox> {
    from.parse()
        .map_err(|error| anyhow::anyhow!("{from:?} is not a mail address: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn message(message_id: &str) -> Message {
        Message {
            to: "buyer@mail.example".to_owned(),
            subject: "Your things: Ünïcödé".to_owned(),
            text: "It is yours.\n".to_owned(),
            html: "<p>It is yours.</p>\n".to_owned(),
            message_id: message_id.to_owned(),
        }
    }

    fn written(message: &Message) -> Result<String, MailError> {
        let from = mailbox("Shop <shop@site.example>").unwrap();
        let composed = compose(message, &from, "2026-01-02T03:04:05Z".parse().unwrap())?;
        Ok(String::from_utf8(composed.formatted()).unwrap())
    }

    #[test]
    fn a_message_has_both_contents_and_the_same_form_each_time() {
        let text = written(&message("order/1")).unwrap();
        assert_eq!(text, written(&message("order/1")).unwrap());
        for part in [
            "From: Shop <shop@site.example>\r\n",
            "To: buyer@mail.example\r\n",
            "Date: Fri, 02 Jan 2026 03:04:05 +0000\r\n",
            "Auto-Submitted: auto-generated\r\n",
            "It is yours.\r\n",
            "<p>It is yours.</p>",
            "Content-Type: multipart/alternative",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert_ne!(text, written(&message("order/2")).unwrap());
    }

    #[test]
    fn no_header_can_be_smuggled_in() {
        let mut evil = message("id>\r\nBcc: all@mail.example");
        evil.subject = "Hello\r\nBcc: all@mail.example\r\n\r\nbody\0".to_owned();
        let text = written(&evil).unwrap();
        let headers = text.split("\r\n\r\n").next().unwrap();
        assert!(
            !headers.lines().any(|line| line.starts_with("Bcc:")),
            "{headers}"
        );
        for to in [
            "a@b.example\r\nBcc: c@d.example",
            "a@b.example, c@d.example",
            "A <a@b.example>",
            "",
            "nobody",
        ] {
            let mut evil = message("id");
            evil.to = to.to_owned();
            let error = written(&evil).unwrap_err();
            assert!(!error.temporary, "{to}");
        }
    }
}
