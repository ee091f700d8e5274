//! Which service answers a path, by the table of path prefixes.

use contracts::routing::TABLE;

/// The service that answers a path.
#[must_use]
pub fn service_of(path: &str) -> &'static str {
    TABLE
        .iter()
        .filter(|route| fits(route.prefix, path))
        .max_by_key(|route| route.prefix.len())
        .map_or("web", |route| route.service)
}

fn fits(prefix: &str, path: &str) -> bool {
    prefix == "/"
        || path
            .strip_prefix(prefix)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A service that answers a path which the table gives to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misrouted {
    /// The service.
    pub service: &'static str,
    /// The path.
    pub path: String,
}

/// Checks that every path of a service is the table's to give to it.
///
/// # Errors
/// Names the first path that is not.
pub fn verify<'a>(
    service: &'static str,
    paths: impl Iterator<Item = &'a String>,
) -> Result<(), Misrouted> {
    for path in paths {
        if service_of(path) != service {
            return Err(Misrouted {
                service,
                path: path.clone(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_decides() {
        assert_eq!(service_of("/api/orders"), "orders");
        assert_eq!(service_of("/api/orders/1/refund"), "orders");
        assert_eq!(service_of("/api/ordersx"), "web");
        assert_eq!(service_of("/orders"), "web");
        assert_eq!(service_of("/"), "web");
        assert_eq!(service_of("/api/users/signin"), "auth");
    }

    #[test]
    fn a_path_of_another_service_is_found() {
        let path = "/api/orders".to_owned();
        assert_eq!(verify("orders", std::iter::once(&path)), Ok(()));
        let wrong = Misrouted {
            service: "tickets",
            path: path.clone(),
        };
        assert_eq!(verify("tickets", std::iter::once(&path)), Err(wrong));
    }
}
