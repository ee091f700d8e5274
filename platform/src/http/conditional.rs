//! Conditional requests (RFC 9110 §13): a resource's version is its `ETag`, `If-Match` guards changes.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::StatusCode;
use http::header::IF_MATCH;
use http::request::Parts;

use crate::failure::{Refused, Result};

/// The strong entity tag of a version: `"7"`.
#[must_use]
pub fn etag(version: i64) -> String {
    format!("\"{version}\"")
}

/// The request's `If-Match`, if it has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IfMatch(Option<String>);

impl IfMatch {
    /// Refuses unless the request names this version, or says nothing about versions.
    ///
    /// # Errors
    /// 412 `version_mismatch`.
    pub fn check(&self, version: i64) -> Result<()> {
        let Some(list) = &self.0 else { return Ok(()) };
        if list.trim() == "*" || names(list, &etag(version)) {
            return Ok(());
        }
        let message = "this was changed since you looked at it; look again before you change it";
        Err(Refused::new(StatusCode::PRECONDITION_FAILED, "version_mismatch", message).into())
    }
}

/// Whether a list of entity tags holds this strong one. Weak tags never match (RFC 9110 §8.8.3.2),
/// and what is not a list of entity tags matches nothing from where it goes wrong.
fn names(list: &str, strong: &str) -> bool {
    let mut rest = list;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let (weak, quoted) = match rest.strip_prefix("W/") {
            Some(quoted) => (true, quoted),
            None => (false, rest),
        };
        let Some((tag, after)) = quoted
            .strip_prefix('"')
            .and_then(|text| text.split_once('"'))
        else {
            return false;
        };
        let after = after.trim_start_matches([' ', '\t']);
        if !after.is_empty() && !after.starts_with(',') {
            return false;
        }
        if !weak && strong.trim_matches('"') == tag {
            return true;
        }
        rest = after;
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let lines: Vec<String> = parts
            .headers
            .get_all(IF_MATCH)
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .collect();
        Ok(Self((!lines.is_empty()).then(|| lines.join(", "))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(list: Option<&str>, version: i64) -> bool {
        IfMatch(list.map(str::to_owned)).check(version).is_ok()
    }

    #[test]
    fn without_the_header_everything_goes() {
        assert!(matches(None, 3));
    }

    #[test]
    fn lists_and_the_star_match_strong_tags_only() {
        for yes in [
            "\"3\"",
            "*",
            " * ",
            "\"1\", \"3\"",
            "\"1\",\"2\",\"3\"",
            "W/\"3\", \"3\"",
            "\"a,b\", \"3\"",
            ", \"3\" ,",
        ] {
            assert!(matches(Some(yes), 3), "{yes}");
        }
        for no in [
            "",
            "3",
            "\"4\"",
            "W/\"3\"",
            "\"33\"",
            "\"3",
            "\"1\" \"3\"",
            "\"*\"",
            "\"1, 3\"",
            "*, \"4\"",
        ] {
            assert!(!matches(Some(no), 3), "{no}");
        }
    }

    #[test]
    fn a_mismatch_is_412() {
        let failure = IfMatch(Some("\"1\"".to_owned())).check(2).unwrap_err();
        assert_eq!(
            failure.refused().unwrap().status,
            StatusCode::PRECONDITION_FAILED
        );
    }
}
