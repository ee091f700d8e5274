//! The first pages of what is on sale, kept as finished answers: the most read list of the site.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use platform::http::answer::Answer;

/// How many different first pages (by their limit) are kept; at up to 200 tickets of some 400 bytes
/// each, less than a megabyte.
const PAGES_MAX: usize = 8;

/// First pages by their query string, each with the number of commits that it shows at least.
#[derive(Debug, Default)]
pub struct FirstPages(Mutex<HashMap<String, (u64, Answer)>>);

impl FirstPages {
    /// The page, if it shows everything up to this commit. Whoever asks has counted the commits
    /// first, so nobody is shown less than what was committed before the question.
    pub fn get(&self, query: &str, commits: u64) -> Option<Answer> {
        let pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pages
            .get(query)
            .filter(|(shown, _)| *shown >= commits)
            .map(|(_, page)| page.clone())
    }

    /// Keeps a page that was read after the commits were counted.
    pub fn put(&self, query: &str, commits: u64, page: &Answer) {
        let mut pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if pages.len() >= PAGES_MAX && !pages.contains_key(query) {
            pages.clear();
        }
        let newer = pages.get(query).is_none_or(|(shown, _)| *shown <= commits);
        if newer {
            pages.insert(query.to_owned(), (commits, page.clone()));
        }
    }

    /// Whether a query string asks for a first page that is worth keeping: nothing but a limit, so
    /// that a page's link to the next holds nothing that somebody else has asked for.
    pub fn is_kept(query: &str) -> bool {
        let digits = |text: &str| text.len() <= 3 && text.bytes().all(|b| b.is_ascii_digit());
        query.is_empty() || query.strip_prefix("limit=").is_some_and(digits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::StatusCode;

    fn page(text: &str) -> Answer {
        Answer::json(StatusCode::OK, &text).unwrap()
    }

    #[test]
    fn a_page_is_given_until_the_next_commit() {
        let pages = FirstPages::default();
        assert_eq!(pages.get("", 0), None);
        pages.put("", 3, &page("three"));
        assert_eq!(pages.get("", 3), Some(page("three")));
        assert_eq!(
            pages.get("", 2),
            Some(page("three")),
            "it shows more than was asked for"
        );
        assert_eq!(pages.get("", 4), None);
        assert_eq!(pages.get("limit=20", 3), None);
    }

    #[test]
    fn a_slow_reader_does_not_bring_back_an_older_page() {
        let pages = FirstPages::default();
        pages.put("", 4, &page("four"));
        pages.put("", 3, &page("three"));
        assert_eq!(pages.get("", 4), Some(page("four")));
    }

    #[test]
    fn the_number_of_pages_is_bounded() {
        let pages = FirstPages::default();
        for limit in 0..100 {
            pages.put(&format!("limit={limit}"), 1, &page("one"));
            assert!(pages.0.lock().unwrap().len() <= PAGES_MAX);
        }
        assert!(pages.get("limit=99", 1).is_some());
    }

    #[test]
    fn only_plain_first_pages_are_kept() {
        for kept in ["", "limit=20", "limit=200"] {
            assert!(FirstPages::is_kept(kept), "{kept}");
        }
        for other in [
            "q=a",
            "cursor=x",
            "limit=20&q=a",
            "limit=2000",
            "limit=ten",
            "x=1",
        ] {
            assert!(!FirstPages::is_kept(other), "{other}");
        }
    }
}
