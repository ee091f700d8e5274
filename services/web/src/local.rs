//! Paths on this very site: where one wanted to go, and nothing that leads elsewhere.

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};

/// Everything but unreserved characters (RFC 3986 §2.3) and the slash, which a query may hold.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

/// What ends or breaks the value of a header; percent signs stand for themselves already.
const HEADER: &AsciiSet = &CONTROLS.add(b' ');

/// A longer one is no page of ours.
const PATH_BYTES_MAX: usize = 1024;

/// The path if it leads to a page of this site.
///
/// Browsers read `//host`, `/\host` and, after dropping a tab or a line break, `/<tab>/host` as
/// another site (WHATWG URL, "basic URL parser"), so none of these is accepted.
pub fn local_path(path: &str) -> Option<&str> {
    let leads_elsewhere = path.len() > PATH_BYTES_MAX
        || !path.starts_with('/')
        || path.starts_with("//")
        || path.contains('\\')
        || path.chars().any(char::is_control);
    (!leads_elsewhere).then_some(path)
}

/// Where to go after signing in: the path that was asked for if it is local, else the home page.
pub fn next_or_home(path: &str) -> &str {
    local_path(path).unwrap_or("/")
}

/// The value, written so that it can stand in a query.
pub fn in_query(value: &str) -> String {
    utf8_percent_encode(value, QUERY).to_string()
}

/// The value of a `Location` header: other characters than ASCII are escaped.
pub fn in_header(path: &str) -> String {
    utf8_percent_encode(path, HEADER).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_this_site_are_followed() {
        for good in ["/", "/orders/1?x=%2F%2Fa", "/tickets/new", "/a//b", "/?q=ä"] {
            assert_eq!(local_path(good), Some(good), "{good}");
        }
        let bad = [
            "",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\/evil",
            "https://evil",
            "javascript:alert(1)",
            "evil.example",
            " /x",
            "/\t/evil.example",
            "/\n/evil.example",
            "/a\\b",
            "/\u{0}",
        ];
        for path in bad {
            assert_eq!(local_path(path), None, "{path:?}");
        }
        assert_eq!(local_path(&format!("/{}", "a".repeat(2000))), None);
    }

    #[test]
    fn a_query_value_holds_nothing_that_ends_it() {
        assert_eq!(in_query("/tickets?q=a&b#c"), "/tickets%3Fq%3Da%26b%23c");
    }
}
