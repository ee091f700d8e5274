//! Lists in pages: a limit, an opaque cursor, and a link to what comes next.

use std::fmt::Write as _;

use axum::extract::{FromRequestParts, OriginalUri};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::request::Parts;

use crate::failure::{Failure, Refused};

/// How many entries a page has when the request does not say.
pub const DEFAULT_LIMIT: i64 = 100;

/// How many entries a page has at most, so that no request can make us build an answer without end.
pub const MAX_LIMIT: i64 = 200;

/// Which part of a list is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// How many entries at most, 1 to [`MAX_LIMIT`].
    pub limit: i64,
    /// Where the page begins, in the list's own terms; the beginning if `None`.
    pub cursor: Option<String>,
    path: String,
    query: String,
}

/// The address of the page that begins at `position`: the request's own, with another cursor.
#[must_use]
pub fn page_link(page: &PageRequest, position: &str) -> String {
    let mut link = format!("{}?", page.path);
    for pair in page.query.split('&').filter(|pair| !pair.is_empty()) {
        if pair != "cursor" && !pair.starts_with("cursor=") {
            let _ = write!(link, "{pair}&");
        }
    }
    let _ = write!(link, "cursor={}", URL_SAFE_NO_PAD.encode(position));
    link
}

impl PageRequest {
    fn parse(path: &str, query: &str) -> Result<Self, Refused> {
        let mut page = Self {
            limit: DEFAULT_LIMIT,
            cursor: None,
            path: path.to_owned(),
            query: query.to_owned(),
        };
        for pair in query.split('&') {
            match pair.split_once('=') {
                Some(("limit", text)) => page.limit = limit(text)?,
                Some(("cursor", text)) => page.cursor = Some(position(text)?),
                _ => {}
            }
        }
        Ok(page)
    }
}

fn limit(text: &str) -> Result<i64, Refused> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<i64>() {
        Ok(number) if digits && number > 0 => Ok(number.min(MAX_LIMIT)),
        // More digits than a number can have: still "as many as you may".
        Err(_) if digits => Ok(MAX_LIMIT),
        _ => Err(Refused::invalid(
            "invalid_limit",
            "limit must be a whole number from 1 to 200",
        )
        .on_field("limit")),
    }
}

fn position(text: &str) -> Result<String, Refused> {
    URL_SAFE_NO_PAD
        .decode(text)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(invalid_cursor)
}

/// 400: the cursor is none of ours; for lists that can't read a position either.
#[must_use]
pub fn invalid_cursor() -> Refused {
    Refused::invalid(
        "invalid_cursor",
        "take the cursor from the link to the next page as it is",
    )
    .on_field("cursor")
}

impl<S: Send + Sync> FromRequestParts<S> for PageRequest {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let uri = parts
            .extensions
            .get::<OriginalUri>()
            .map_or(&parts.uri, |original| &original.0);
        Ok(Self::parse(uri.path(), uri.query().unwrap_or(""))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_link_keeps_the_other_parameters_and_leads_to_the_position() {
        let page = PageRequest::parse("/api/things", "q=a%26b&cursor=b2xk&limit=2").unwrap();
        assert_eq!((page.limit, page.cursor.as_deref()), (2, Some("old")));
        let link = page_link(&page, "2026-01-01T00:00:00Z|id");
        let (path, query) = link.split_once('?').unwrap();
        assert!(query.starts_with("q=a%26b&limit=2&cursor="), "{query}");
        let next = PageRequest::parse(path, query).unwrap();
        assert_eq!(
            (next.limit, next.cursor.as_deref()),
            (2, Some("2026-01-01T00:00:00Z|id"))
        );
    }

    #[test]
    fn limits_are_bounded() {
        let read = |query: &str| PageRequest::parse("/", query).map(|page| page.limit);
        assert_eq!(read(""), Ok(100));
        assert_eq!(read("limit=1"), Ok(1));
        assert_eq!(read("limit=201"), Ok(200));
        assert_eq!(read("limit=99999999999999999999"), Ok(200));
        for bad in [
            "limit=0",
            "limit=-1",
            "limit=",
            "limit=ten",
            "limit=1.5",
            "limit=%2B1",
        ] {
            assert_eq!(read(bad).unwrap_err().code, "invalid_limit", "{bad}");
        }
    }

    #[test]
    fn a_cursor_that_is_none_is_refused() {
        for bad in ["cursor=***", "cursor=_w", "cursor=a"] {
            let refused = PageRequest::parse("/", bad).unwrap_err();
            assert_eq!(
                (refused.status.as_u16(), refused.code),
                (400, "invalid_cursor"),
                "{bad}"
            );
        }
    }
}
