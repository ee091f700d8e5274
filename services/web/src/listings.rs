//! Lists as they were rendered last: one rendering per change of the list, not per visitor.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use http::{HeaderValue, header};

use crate::answer::{Answer, Failure};

/// How many lists are kept: the first pages and what is searched for most. About 40 kB each.
const KEPT_MAX: usize = 64;
/// A longer question is not asked twice.
const PATH_BYTES_MAX: usize = 256;

/// The kept renderings, by the path that was asked of the API.
#[derive(Default)]
pub struct Listings(RwLock<HashMap<String, Kept>>);

struct Kept {
    answer: Bytes,
    link: Option<HeaderValue>,
    html: Arc<str>,
}

impl Listings {
    /// The rendering of this very answer: the kept one if the bytes are the same, else a new one.
    ///
    /// # Errors
    /// What `render` fails with.
    pub fn html(
        &self,
        path: &str,
        answer: &Answer,
        render: impl FnOnce() -> Result<String, Failure>,
    ) -> Result<Arc<str>, Failure> {
        if let Some(html) = self.kept(path, answer) {
            return Ok(html);
        }
        let html: Arc<str> = render()?.into();
        if path.len() <= PATH_BYTES_MAX {
            self.keep(path, answer, html.clone());
        }
        Ok(html)
    }

    fn kept(&self, path: &str, answer: &Answer) -> Option<Arc<str>> {
        let lists = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let kept = lists.get(path)?;
        let same = kept.answer == answer.body && kept.link.as_ref() == link(answer);
        same.then(|| kept.html.clone())
    }

    fn keep(&self, path: &str, answer: &Answer, html: Arc<str>) {
        let mut lists = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if lists.len() >= KEPT_MAX && !lists.contains_key(path) {
            lists.clear();
        }
        let kept = Kept {
            answer: answer.body.clone(),
            link: link(answer).cloned(),
            html,
        };
        lists.insert(path.to_owned(), kept);
    }
}

fn link(answer: &Answer) -> Option<&HeaderValue> {
    answer.headers.get(header::LINK)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, StatusCode};

    fn answer(body: &str) -> Answer {
        let body = Bytes::copy_from_slice(body.as_bytes());
        Answer {
            part: crate::answer::Part::Listings,
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body,
        }
    }

    #[test]
    fn the_same_answer_is_rendered_once_and_a_changed_one_anew() {
        let lists = Listings::default();
        let first = lists
            .html("/a", &answer("1"), || Ok("one".to_owned()))
            .unwrap();
        let again = lists
            .html("/a", &answer("1"), || Err(Failure::Broken))
            .unwrap();
        assert_eq!((&*first, &*again), ("one", "one"));
        let changed = lists
            .html("/a", &answer("2"), || Ok("two".to_owned()))
            .unwrap();
        assert_eq!(&*changed, "two");
        assert!(
            lists
                .html("/b", &answer("2"), || Err(Failure::Broken))
                .is_err()
        );
    }

    #[test]
    fn only_so_many_are_kept() {
        let lists = Listings::default();
        for number in 0..1000 {
            lists
                .html(&format!("/{number}"), &answer("1"), || Ok(String::new()))
                .unwrap();
        }
        assert!(lists.0.read().unwrap().len() <= KEPT_MAX);
        let long = "x".repeat(10_000);
        lists
            .html(&long, &answer("1"), || Ok(String::new()))
            .unwrap();
        assert!(!lists.0.read().unwrap().contains_key(&long));
    }
}
