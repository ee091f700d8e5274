//! An answer as a value: it can be sent, and stored to be given again.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, ETAG, LINK, RETRY_AFTER, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Serialize;

use super::pages::{PageRequest, page_link};
use crate::failure::{Failure, Result};

/// What a handler answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    /// An answer with a JSON document.
    ///
    /// # Errors
    /// When `document` does not serialise: a fault of our own.
    pub fn json(status: StatusCode, document: &impl Serialize) -> Result<Self> {
        let body = serde_json::to_vec(document)?;
        Ok(Self::typed(
            status,
            HeaderValue::from_static("application/json"),
            body,
        ))
    }

    /// An answer without a body.
    #[must_use]
    pub fn empty(status: StatusCode) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    /// An answer with a body of a media type.
    #[must_use]
    pub fn typed(status: StatusCode, media_type: HeaderValue, body: impl Into<Bytes>) -> Self {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, media_type)]);
        Self {
            status,
            headers,
            body: body.into(),
        }
    }

    /// The answer with the version of the resource that it shows, as its `ETag`.
    #[must_use]
    pub fn etag(self, version: i64) -> Self {
        self.header(ETAG, super::conditional::etag(version))
    }

    /// The answer with one more header. A name or value that no header can have is left out, and
    /// logged.
    #[must_use]
    pub fn header(
        mut self,
        name: impl TryInto<HeaderName>,
        value: impl TryInto<HeaderValue>,
    ) -> Self {
        match (name.try_into(), value.try_into()) {
            (Ok(name), Ok(value)) => {
                self.headers.append(name, value);
            }
            (Ok(name), Err(_)) => tracing::error!(%name, "left out a malformed header value"),
            (Err(_), _) => tracing::error!("left out a header with a malformed name"),
        }
        self
    }

    /// The answer with `Retry-After`, in seconds.
    #[must_use]
    pub fn retry_after(self, seconds: u32) -> Self {
        self.header(RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// The answer with a link to the next page of a list (RFC 8288), if there is one: `position` is
    /// where it begins, in the list's own terms.
    #[must_use]
    pub fn next_page(self, page: &PageRequest, position: Option<&str>) -> Self {
        match position {
            Some(position) => self.header(
                LINK,
                format!("<{}>; rel=\"next\"", page_link(page, position)),
            ),
            None => self,
        }
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The answer as texts for a database row. Cookies are left out: whoever repeats a request later
    /// must not get a session with it.
    ///
    /// # Errors
    /// When a header or the body is not text: a fault of our own.
    pub(crate) fn to_stored(&self) -> Result<Stored> {
        let mut headers = Vec::new();
        for (name, value) in &self.headers {
            if name != SET_COOKIE {
                headers.push((name.as_str(), value.to_str().map_err(broken)?));
            }
        }
        Ok(Stored {
            status: i64::from(self.status.as_u16()),
            headers: serde_json::to_string(&headers)?,
            body: String::from_utf8(self.body.to_vec()).map_err(broken)?,
        })
    }

    /// The answer that was stored.
    ///
    /// # Errors
    /// When the row does not hold one: a fault of our own.
    pub(crate) fn from_stored(stored: Stored) -> Result<Self> {
        let pairs: Vec<(String, String)> = serde_json::from_str(&stored.headers)?;
        let mut headers = HeaderMap::with_capacity(pairs.len());
        for (name, value) in pairs {
            headers.append(
                name.parse::<HeaderName>().map_err(broken)?,
                value.parse::<HeaderValue>().map_err(broken)?,
            );
        }
        let status = u16::try_from(stored.status).map_err(broken)?;
        let status = StatusCode::from_u16(status).map_err(broken)?;
        Ok(Self {
            status,
            headers,
            body: Bytes::from(stored.body),
        })
    }
}

/// An answer as it stands in a database row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) status: i64,
    pub(crate) headers: String,
    pub(crate) body: String,
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

fn broken(error: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Failure::Broken(anyhow::Error::new(error).context("an answer to store"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_survives_being_stored_but_its_cookie_does_not() {
        let answer = Answer::json(
            StatusCode::CREATED,
            &serde_json::json!({"title": "Ünïcödé"}),
        )
        .unwrap()
        .etag(3)
        .header("location", "/api/things/1");
        let stored = answer
            .clone()
            .header(SET_COOKIE, "session=secret")
            .to_stored()
            .unwrap();
        assert!(!stored.headers.contains("secret"));
        assert_eq!(Answer::from_stored(stored).unwrap(), answer);
    }

    #[test]
    fn an_empty_answer_has_no_content_type() {
        let response = Answer::empty(StatusCode::NO_CONTENT).into_response();
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        assert!(response.headers().is_empty());
    }

    #[test]
    fn a_malformed_header_is_left_out() {
        let answer = Answer::empty(StatusCode::OK).header("x-note", "two\r\nlines");
        assert!(answer.headers().is_empty());
    }
}
