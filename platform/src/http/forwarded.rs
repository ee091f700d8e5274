//! Whose request it is where proxies stand between: `X-Forwarded-For`, believed only from those that
//! the operator trusts.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use http::HeaderMap;
use http::header::{FORWARDED, HeaderName};
use ipnet::IpNet;

/// The addresses that a request came along, the nearest one last.
pub const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// What the names of all headers begin with that proxies add about a request.
const ADDED_BY_PROXIES: &str = "x-forwarded-";

/// Who is at the other end of the connection, whoever the request is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// The networks of the proxies whose word counts; nobody's by default. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Arc<[IpNet]>);

impl TrustedProxies {
    /// Trusts whoever asks from one of these networks.
    #[must_use]
    pub fn new(networks: impl IntoIterator<Item = IpNet>) -> Self {
        Self(networks.into_iter().collect())
    }

    /// Whether an address is a trusted proxy's.
    #[must_use]
    pub fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The address that a request of `peer` is from: the right-most of `X-Forwarded-For` that is no
    /// trusted proxy's, because everything left of it is only claimed. What can't be read ends the
    /// search: nobody trusted has written what stands left of it.
    #[must_use]
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer;
        for hop in hops(headers) {
            if !self.trusts(client) {
                break;
            }
            let Some(address) = hop else { break };
            client = address;
        }
        client.to_canonical()
    }

    /// Makes the request's `ConnectInfo` the address that it is from, and remembers the connection's
    /// as [`Peer`]. What a stranger says about proxies is removed. A second call changes nothing.
    pub fn look_behind<B>(&self, request: &mut http::Request<B>) {
        if request.extensions().get::<Peer>().is_some() {
            return;
        }
        let connected = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let Some(ConnectInfo(peer)) = connected.copied() else {
            return;
        };
        if self.trusts(peer.ip()) {
            let client = self.client(peer.ip(), request.headers());
            if client != peer.ip().to_canonical() {
                let from = ConnectInfo(SocketAddr::new(client, 0));
                request.extensions_mut().insert(from);
            }
        } else {
            forget(request.headers_mut());
        }
        request.extensions_mut().insert(Peer(peer));
    }
}

/// Looks behind trusted proxies for all routes of a router; outside of all other layers.
pub fn looking_behind(router: Router, trusted: TrustedProxies) -> Router {
    let look = move |mut request: Request| {
        trusted.look_behind(&mut request);
        request
    };
    router.layer(axum::middleware::map_request(move |request| {
        std::future::ready(look(request))
    }))
}

/// Reads `10.0.0.0/8`, `fd00::/8`, or one address.
///
/// # Errors
/// Says how to write it.
pub fn parse_network(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| "write an address or a network, such as 10.0.0.0/8".to_owned())
}

/// What limits are counted for: the address, of IPv6 the first 64 bits, because whoever has one such
/// address has all those that differ only in the rest (RFC 6177).
#[must_use]
pub fn counted(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address => address,
    }
}

/// The addresses of `X-Forwarded-For` from right to left; `None` for what is none.
fn hops(headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
    let mut lines: Vec<_> = headers.get_all(FORWARDED_FOR).iter().collect();
    lines.reverse();
    lines.into_iter().flat_map(|line| {
        let line = line.to_str().unwrap_or("?");
        line.rsplit(',').map(|hop| address(hop.trim()))
    })
}

/// Some proxies write a port behind the address, some brackets around one of IPv6.
fn address(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|hop| hop.strip_suffix(']'));
    let address = bare.unwrap_or(hop).parse::<IpAddr>().ok();
    let address = address.or_else(|| hop.parse::<SocketAddr>().ok().map(|hop| hop.ip()))?;
    Some(address.to_canonical())
}

fn forget(headers: &mut HeaderMap) {
    headers.remove(FORWARDED);
    let claimed: Vec<HeaderName> = headers
        .keys()
        .filter(|name| name.as_str().starts_with(ADDED_BY_PROXIES))
        .cloned()
        .collect();
    for name in claimed {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn trusted() -> TrustedProxies {
        let networks = ["10.0.0.0/8", "fd00::/8", "192.0.2.1"];
        TrustedProxies::new(networks.map(|network| parse_network(network).unwrap()))
    }

    fn client(peer: &str, lines: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, HeaderValue::from_str(line).unwrap());
        }
        let client = trusted().client(peer.parse().unwrap(), &headers);
        client.to_string()
    }

    #[test]
    fn the_right_most_stranger_is_the_client() {
        assert_eq!(client("10.0.0.1", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(
            client("10.0.0.1", &["6.6.6.6, 203.0.113.9, 10.1.1.1"]),
            "203.0.113.9"
        );
        assert_eq!(
            client("192.0.2.1", &["6.6.6.6", "203.0.113.9 , fd00::1"]),
            "203.0.113.9"
        );
        assert_eq!(
            client("::ffff:10.0.0.1", &["::ffff:203.0.113.9"]),
            "203.0.113.9"
        );
        assert_eq!(client("fd00::2", &["2001:db8::7"]), "2001:db8::7");
    }

    #[test]
    fn a_stranger_is_not_believed() {
        assert_eq!(client("203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
        assert_eq!(client("192.0.2.2", &["198.51.100.1"]), "192.0.2.2");
    }

    #[test]
    fn among_proxies_alone_the_first_one_is_the_client() {
        assert_eq!(client("10.0.0.1", &["10.0.0.3, 10.0.0.2"]), "10.0.0.3");
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn ports_and_brackets_are_read_and_nonsense_is_where_it_ends() {
        assert_eq!(client("10.0.0.1", &["203.0.113.9:4711"]), "203.0.113.9");
        assert_eq!(client("10.0.0.1", &["[2001:db8::7]:80"]), "2001:db8::7");
        assert_eq!(client("10.0.0.1", &["[2001:db8::7]"]), "2001:db8::7");
        for bad in [
            "",
            "unknown",
            "_hidden",
            "1.2.3",
            "203.0.113.9 x",
            "[::1",
            ",",
        ] {
            assert_eq!(client("10.0.0.1", &[bad]), "10.0.0.1", "{bad:?}");
            let behind = format!("6.6.6.6, {bad}, 10.0.0.9");
            assert_eq!(client("10.0.0.1", &[&behind]), "10.0.0.9", "{bad:?}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(
            FORWARDED_FOR,
            HeaderValue::from_bytes(b"\xff, 1.1.1.1").unwrap(),
        );
        let peer = "10.0.0.1".parse().unwrap();
        assert_eq!(trusted().client(peer, &headers), peer);
    }

    fn request(peer: &str) -> http::Request<()> {
        let mut request = http::Request::new(());
        let peer: SocketAddr = peer.parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(peer));
        for (name, value) in [
            ("x-forwarded-for", "203.0.113.9"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "evil.example"),
            ("forwarded", "for=203.0.113.9"),
            ("x-request-id", "r-1"),
        ] {
            request
                .headers_mut()
                .insert(name, HeaderValue::from_static(value));
        }
        request
    }

    fn seen(request: &http::Request<()>) -> (String, usize) {
        let from = request
            .extensions()
            .get::<ConnectInfo<SocketAddr>>()
            .unwrap();
        (from.0.ip().to_string(), request.headers().len())
    }

    #[test]
    fn the_client_takes_the_place_of_a_trusted_peer() {
        let mut request = request("10.0.0.1:5000");
        trusted().look_behind(&mut request);
        assert_eq!(seen(&request), ("203.0.113.9".to_owned(), 5));
        let peer = request.extensions().get::<Peer>().unwrap();
        assert_eq!(peer.0.to_string(), "10.0.0.1:5000");
        trusted().look_behind(&mut request);
        assert_eq!(
            seen(&request),
            ("203.0.113.9".to_owned(), 5),
            "once is enough"
        );
    }

    #[test]
    fn what_a_stranger_claims_is_removed() {
        let mut request = request("198.51.100.4:5000");
        trusted().look_behind(&mut request);
        assert_eq!(seen(&request), ("198.51.100.4".to_owned(), 1));
        assert!(request.headers().contains_key("x-request-id"));
    }

    #[test]
    fn neighbours_in_one_network_count_as_one() {
        let counted = |text: &str| counted(text.parse().unwrap()).to_string();
        assert_eq!(counted("2001:db8:1:2:3:4:5:6"), counted("2001:db8:1:2::9"));
        assert_ne!(counted("2001:db8:1:2::1"), counted("2001:db8:1:3::1"));
        assert_eq!(counted("::ffff:192.0.2.1"), "192.0.2.1");
    }

    #[test]
    fn a_network_has_an_address() {
        assert_eq!(
            parse_network(" 10.0.0.0/8").unwrap().to_string(),
            "10.0.0.0/8"
        );
        assert_eq!(parse_network("::1").unwrap().to_string(), "::1/128");
        for bad in ["", "10.0.0.0/33", "proxy", "10.0.0"] {
            assert!(parse_network(bad).is_err(), "{bad}");
        }
    }
}
