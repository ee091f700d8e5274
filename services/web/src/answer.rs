//! What the API answered: a document, a refusal in words, or a failure.

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use contracts::api::problem::{FieldError, Problem};
use http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;

/// What a handler gives back: a page, or the failure that the guard makes a page of.
pub type Reply = Result<Response, Failure>;

/// Why there is no page to show as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// It needs a person: to the sign-in page, and from there back to this path.
    SignIn(String),
    /// There is no such thing.
    NotFound,
    /// It is somebody else's.
    NotAllowed,
    /// The form came from another site.
    CrossSite,
    /// The page takes no such request.
    NoSuchAct,
    /// The form is larger than any of ours.
    TooLarge,
    /// The form could not be read.
    Unreadable,
    /// Too often; seconds to wait if known.
    TooOften(Option<u64>),
    /// The part of the system that knows does not answer now.
    Unavailable(Part),
    /// Something here is wrong.
    Broken,
}

/// A part of the site that can be away while the others are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Who people are.
    Accounts,
    /// What is on sale.
    Listings,
    /// Who bought what.
    Orders,
    /// What was paid.
    Payments,
    /// Another, or nobody knows which.
    Some,
}

impl Part {
    /// The part that answers this path of the API.
    pub fn of(path: &str) -> Self {
        let resource = path.strip_prefix("/api/").unwrap_or("");
        match resource.split(['/', '?']).next() {
            Some("users") => Self::Accounts,
            Some("tickets") => Self::Listings,
            Some("orders") => Self::Orders,
            Some("payments") => Self::Payments,
            _ => Self::Some,
        }
    }
}

impl IntoResponse for Failure {
    /// An empty answer that carries the failure; the guard makes the page.
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<askama::Error> for Failure {
    fn from(error: askama::Error) -> Self {
        tracing::error!(%error, "a page could not be rendered");
        Self::Broken
    }
}

/// The API's no to an act, in words that a form can show.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// The status of the page that shows it: 422, or 429 with a time to wait.
    pub status: StatusCode,
    /// The stable slug of the reason.
    pub code: String,
    /// Everything that is wrong.
    pub errors: Vec<FieldError>,
    /// Seconds to wait before trying again.
    pub retry_after: Option<u64>,
}

/// An answer of the API, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Whose it is.
    pub part: Part,
    /// Its status.
    pub status: StatusCode,
    /// Its header fields.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Answer {
    /// The document in it.
    ///
    /// # Errors
    /// [`Failure::Broken`] when it is not the document that the contract promises.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_slice(&self.body).map_err(|error| {
            tracing::error!(%error, status = self.status.as_u16(), "the api's answer is unreadable");
            Failure::Broken
        })
    }

    /// Whether it is worth asking once more, as the API says: the first of two equal requests
    /// still runs, or a copy is not there yet.
    pub fn asks_to_retry(&self) -> bool {
        self.status == StatusCode::CONFLICT && self.headers.contains_key(header::RETRY_AFTER)
    }

    /// Itself when it is a success; else the failure that a page shows for it.
    ///
    /// # Errors
    /// The failure; `page` is where to return after signing in.
    pub fn or_failure(self, page: &str) -> Result<Self, Failure> {
        if self.status.is_success() {
            Ok(self)
        } else {
            Err(self.failure(page))
        }
    }

    /// Itself when it is a success; a refusal when the form can be mended.
    ///
    /// # Errors
    /// The failure when there is no form to be mended; `page` is where to return after signing in.
    pub fn or_refusal(self, page: &str) -> Result<Result<Self, Refusal>, Failure> {
        match self.status.as_u16() {
            200..=299 => Ok(Ok(self)),
            400 | 402 | 409 | 412 | 413 | 422 | 429 => Ok(Err(self.refusal())),
            _ => Err(self.failure(page)),
        }
    }

    /// The cursor of the next page, from `Link: <…>; rel="next"` (RFC 8288).
    pub fn next_cursor(&self) -> Option<String> {
        let links = self.headers.get(header::LINK)?.to_str().ok()?;
        let next = links
            .split(',')
            .find(|link| link.contains("rel=\"next\""))?;
        let (target, _) = next.split_once('<')?.1.split_once('>')?;
        let (_, query) = target.split_once('?')?;
        let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).ok()?;
        pairs
            .into_iter()
            .find_map(|(name, value)| (name == "cursor").then_some(value))
    }

    fn retry_after(&self) -> Option<u64> {
        self.headers
            .get(header::RETRY_AFTER)?
            .to_str()
            .ok()?
            .parse()
            .ok()
    }

    fn failure(&self, page: &str) -> Failure {
        match self.status.as_u16() {
            401 => Failure::SignIn(page.to_owned()),
            403 => Failure::NotAllowed,
            404 => Failure::NotFound,
            429 => Failure::TooOften(self.retry_after()),
            500..=599 => {
                tracing::warn!(status = self.status.as_u16(), "the api fails");
                Failure::Unavailable(self.part)
            }
            status => {
                tracing::error!(status, "the api answers what no page expects");
                Failure::Broken
            }
        }
    }

    fn refusal(self) -> Refusal {
        let status = match self.status {
            StatusCode::TOO_MANY_REQUESTS => StatusCode::TOO_MANY_REQUESTS,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        let retry_after = self.retry_after();
        let (code, errors) = match serde_json::from_slice::<Problem>(&self.body) {
            Ok(problem) if problem.errors.is_empty() => {
                let message = problem.detail.unwrap_or(problem.title);
                (
                    problem.code,
                    vec![FieldError {
                        message,
                        field: None,
                    }],
                )
            }
            Ok(problem) => (problem.code, problem.errors),
            Err(_) => {
                let message = "This could not be done as it stands. Check it and try again.";
                (
                    String::new(),
                    vec![FieldError {
                        message: message.to_owned(),
                        field: None,
                    }],
                )
            }
        };
        Refusal {
            status,
            code,
            errors,
            retry_after,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, link: Option<&str>, body: &'static str) -> Answer {
        let mut headers = HeaderMap::new();
        if let Some(link) = link {
            headers.insert(header::LINK, link.parse().unwrap());
        }
        let status = StatusCode::from_u16(status).unwrap();
        Answer {
            part: Part::Orders,
            status,
            headers,
            body: Bytes::from_static(body.as_bytes()),
        }
    }

    #[test]
    fn the_next_cursor_is_read_from_the_link() {
        let link = "</api/tickets?limit=2>; rel=\"first\", </api/tickets?limit=2&cursor=a%3Db>; rel=\"next\"";
        assert_eq!(
            answer(200, Some(link), "").next_cursor().as_deref(),
            Some("a=b")
        );
        assert_eq!(
            answer(200, Some("</api/tickets>; rel=\"prev\""), "").next_cursor(),
            None
        );
        assert_eq!(
            answer(200, Some("nonsense; rel=\"next\""), "").next_cursor(),
            None
        );
        assert_eq!(answer(200, None, "").next_cursor(), None);
    }

    #[test]
    fn a_path_tells_the_part() {
        assert_eq!(Part::of("/api/payments?orderId=1"), Part::Payments);
        assert_eq!(Part::of("/api/users/currentuser"), Part::Accounts);
        assert_eq!(Part::of("/api/tickets"), Part::Listings);
        assert_eq!(Part::of("/api/openapi.json"), Part::Some);
    }

    #[test]
    fn each_status_has_its_outcome() {
        let failure = |status| answer(status, None, "").or_refusal("/p").unwrap_err();
        assert_eq!(failure(401), Failure::SignIn("/p".to_owned()));
        assert_eq!(failure(403), Failure::NotAllowed);
        assert_eq!(failure(404), Failure::NotFound);
        assert_eq!(failure(503), Failure::Unavailable(Part::Orders));
        assert_eq!(failure(302), Failure::Broken);
        let refusal = answer(409, None, "not json")
            .or_refusal("/p")
            .unwrap()
            .unwrap_err();
        assert_eq!(refusal.status, 422);
        assert_eq!(refusal.errors.len(), 1);
    }
}
