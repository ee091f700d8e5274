//! Subjects and names: what stands where on the server.

use contracts::Envelope;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::connection::ConnectError;
use crate::log::partition;

/// What stays as it is in one token of a subject: no dot, wildcard or space may.
const TOKEN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// The first token of all subjects of a site, and the first part of its names.
#[derive(Debug, Clone)]
pub(super) struct Names(String);

impl Names {
    pub(super) fn new(namespace: &str) -> Result<Self, ConnectError> {
        let plain = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '-' | '_');
        if namespace.is_empty() || !namespace.chars().all(plain) {
            return Err(ConnectError::Malformed(format!(
                "a namespace is letters, digits, `-` and `_`, not `{namespace}`"
            )));
        }
        Ok(Self(namespace.to_owned()))
    }

    /// The stream of a service's events.
    pub(super) fn stream(&self, service: &str) -> String {
        format!("{}-{}", self.0, token(service))
    }

    /// The subjects that a service's stream keeps: events alone have five tokens.
    pub(super) fn kept(&self, service: &str) -> String {
        format!("{}.{}.*.*.*", self.0, token(service))
    }

    /// The subjects of an aggregate type's events.
    pub(super) fn events(&self, owner: &str, aggregate: &str) -> String {
        format!("{}.{}.{}.*.*", self.0, token(owner), token(aggregate))
    }

    /// The subject of an event.
    pub(super) fn event(&self, event: &Envelope) -> String {
        format!(
            "{}.{}.{}.{}.{}",
            self.0,
            token(owner(event)),
            token(&event.aggregate),
            partition(&event.subject),
            token(&event.subject)
        )
    }

    /// What holds a consumer's place in an aggregate type's events.
    pub(super) fn durable(consumer: &str, aggregate: &str) -> String {
        format!("{}-{}", token(consumer), token(aggregate))
    }

    pub(super) fn questions(&self, service: &str) -> String {
        format!("{}.{}.ask", self.0, token(service))
    }

    pub(super) fn news(&self, service: &str) -> String {
        format!("{}.{}.news", self.0, token(service))
    }

    pub(super) fn nudges(&self, service: &str) -> String {
        format!("{}.{}.wake", self.0, token(service))
    }

    /// A subject that nobody hears: its refusal shows that the server has read what came before.
    pub(super) fn nobody(&self) -> String {
        format!("{}.nobody", self.0)
    }
}

fn token(text: &str) -> String {
    utf8_percent_encode(text, TOKEN).to_string()
}

/// The service that published an event: the first part of its source, `/<owner>/<aggregate>/<id>`.
pub(super) fn owner(event: &Envelope) -> &str {
    let parts = event.source.strip_prefix('/').unwrap_or(&event.source);
    parts.split('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_one_token_whatever_it_is() {
        assert_eq!(token("0190-a_b"), "0190-a_b");
        for id in ["a.b", "a b", "*", ">", "ä", "a/b"] {
            let token = token(id);
            assert!(
                !token.contains(['.', ' ', '*', '>', '/']) && token.is_ascii(),
                "{token}"
            );
        }
    }

    #[test]
    fn a_namespace_is_plain() {
        assert!(Names::new("site-2_b").is_ok());
        for namespace in ["", "a.b", "a b", "*", ">"] {
            assert!(Names::new(namespace).is_err(), "{namespace}");
        }
    }

    #[test]
    fn only_events_are_kept() {
        let names = Names::new("t").unwrap();
        assert_eq!(names.kept("orders"), "t.orders.*.*.*");
        assert_eq!(names.events("orders", "order"), "t.orders.order.*.*");
        for subject in [
            names.questions("orders"),
            names.news("orders"),
            names.nudges("orders"),
        ] {
            assert_eq!(subject.split('.').count(), 3, "{subject}");
        }
    }
}
