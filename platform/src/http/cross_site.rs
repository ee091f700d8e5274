//! Keeps other sites from acting in the name of somebody who is signed in here.
//!
//! The cookie's `SameSite=Lax` is the first line, this is the second. Browsers say where a request
//! comes from (`Sec-Fetch-Site`, <https://www.w3.org/TR/fetch-metadata/>, and `Origin`); programs that
//! are no browsers say nothing, and carry no cookie that they were not given.

use http::header::{HOST, ORIGIN};
use http::{HeaderMap, Method, Request, Uri};

/// Where requests may come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct OwnOrigin(Option<String>);

impl OwnOrigin {
    /// The origin (RFC 6454) of the public address; without one, a request's own host counts.
    pub(super) fn of(public_url: Option<&str>) -> Self {
        Self(public_url.and_then(origin))
    }

    /// Whether a request would change something in the name of another site.
    pub(super) fn is_crossed_by<B>(&self, request: &Request<B>) -> bool {
        let safe = matches!(
            *request.method(),
            Method::GET | Method::HEAD | Method::OPTIONS
        );
        !safe && !self.allows(request.headers(), request.uri())
    }

    fn allows(&self, headers: &HeaderMap, uri: &Uri) -> bool {
        let text = |name| {
            headers
                .get(name)
                .map(|value: &http::HeaderValue| value.to_str().unwrap_or("?"))
        };
        let sent_from = text(ORIGIN);
        match text(http::HeaderName::from_static("sec-fetch-site")) {
            // A page can't forge this header. It is the better witness where the host was rewritten on
            // the way, and where a page hides its origin ("null").
            Some("same-origin" | "none") => match (&self.0, sent_from) {
                (Some(own), Some(origin)) => origin == own || origin == "null",
                _ => true,
            },
            Some(_) => false,
            None => match (&self.0, sent_from) {
                (_, None) => true,
                (Some(own), Some(origin)) => origin == own,
                (None, Some(origin)) => {
                    let host = text(HOST).or_else(|| uri.authority().map(|own| own.as_str()));
                    host.is_some_and(|host| is_at(origin, host))
                }
            },
        }
    }
}

/// The origin of an address as browsers write it: lower case, the scheme's own port left out.
fn origin(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    let (scheme, host) = (
        uri.scheme_str()?.to_ascii_lowercase(),
        uri.host()?.to_ascii_lowercase(),
    );
    match uri.port_u16() {
        Some(port) if Some(port) != own_port(&scheme) => Some(format!("{scheme}://{host}:{port}")),
        _ => Some(format!("{scheme}://{host}")),
    }
}

/// Whether an origin is at this host (and port).
fn is_at(origin: &str, host: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else {
        return false;
    };
    let suffix = own_port(scheme)
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    let plain = |authority: &str| {
        authority
            .strip_suffix(&suffix)
            .unwrap_or(authority)
            .to_ascii_lowercase()
    };
    plain(authority) == plain(host)
}

fn own_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crosses(public_url: Option<&str>, method: &str, headers: &[(&str, &str)]) -> bool {
        let mut request = Request::builder().method(method).uri("/api/things");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        OwnOrigin::of(public_url).is_crossed_by(&request.body(()).unwrap())
    }

    const HOST: (&str, &str) = ("host", "site.example:3000");
    const OWN: (&str, &str) = ("origin", "http://site.example:3000");
    const OTHER: (&str, &str) = ("origin", "http://evil.example");
    const HIDDEN: (&str, &str) = ("origin", "null");
    const SAME: (&str, &str) = ("sec-fetch-site", "same-origin");
    const TYPED: (&str, &str) = ("sec-fetch-site", "none");
    const SIBLING: (&str, &str) = ("sec-fetch-site", "same-site");
    const CROSS: (&str, &str) = ("sec-fetch-site", "cross-site");

    #[test]
    fn without_a_public_url_the_host_counts() {
        for good in [
            &[HOST][..],
            &[HOST, OWN],
            &[HOST, OWN, SAME],
            &[HOST, TYPED],
            &[HOST, HIDDEN, SAME],
            &[],
        ] {
            assert!(!crosses(None, "POST", good), "{good:?}");
        }
        for bad in [
            &[HOST, OTHER][..],
            &[HOST, OWN, CROSS],
            &[HOST, CROSS],
            &[HOST, OWN, SIBLING],
            &[HOST, HIDDEN],
            &[OWN],
        ] {
            assert!(crosses(None, "POST", bad), "{bad:?}");
        }
    }

    #[test]
    fn a_proxy_may_rewrite_the_host_when_the_browser_vouches() {
        let host = ("host", "127.0.0.1:3000");
        assert!(!crosses(
            None,
            "POST",
            &[host, ("origin", "https://site.example"), SAME]
        ));
        assert!(crosses(
            None,
            "POST",
            &[host, ("origin", "https://site.example")]
        ));
    }

    #[test]
    fn with_a_public_url_the_host_says_nothing() {
        let url = Some("https://Site.example:443/shop");
        let own = ("origin", "https://site.example");
        for good in [
            &[HOST][..],
            &[HOST, own],
            &[HOST, own, SAME],
            &[HOST, HIDDEN, SAME],
            &[HOST, SAME],
        ] {
            assert!(!crosses(url, "DELETE", good), "{good:?}");
        }
        for bad in [
            &[HOST, OWN][..],
            &[HOST, OWN, SAME],
            &[HOST, OTHER],
            &[own, CROSS],
            &[own, SIBLING],
            &[HIDDEN],
            &[("origin", "http://site.example")],
            &[("origin", "https://site.example:8443")],
        ] {
            assert!(crosses(url, "DELETE", bad), "{bad:?}");
        }
    }

    #[test]
    fn reading_is_free() {
        for method in ["GET", "HEAD", "OPTIONS"] {
            assert!(!crosses(
                Some("https://site.example"),
                method,
                &[OTHER, CROSS]
            ));
        }
        for method in ["POST", "PUT", "PATCH", "DELETE", "TRACE", "MADEUP"] {
            assert!(
                crosses(Some("https://site.example"), method, &[OTHER]),
                "{method}"
            );
        }
    }

    #[test]
    fn default_ports_and_case_make_no_difference() {
        assert!(!crosses(
            None,
            "POST",
            &[
                ("host", "Site.Example:80"),
                ("origin", "http://site.example")
            ]
        ));
        assert!(crosses(
            None,
            "POST",
            &[
                ("host", "site.example:8080"),
                ("origin", "http://site.example")
            ]
        ));
        assert!(crosses(
            None,
            "POST",
            &[("host", "site.example"), ("origin", "site.example")]
        ));
    }
}
