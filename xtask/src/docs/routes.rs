//! deploy/kubernetes: the table of path prefixes, as a cluster's load balancers take it.

use contracts::routing::{KEPT_INSIDE, TABLE};

/// Where every service listens.
const PORT: u16 = 3000;

/// A Service without pods: what is kept inside leads to it.
const CLOSED: &str = "closed";

/// How each file begins.
const HEAD: &str =
    "# Made from contracts/src/routing.rs by `cargo xtask docs`. Not to be edited.\n";

/// The prefixes that there are in a cluster, and where they lead: those that are open, and those that
/// are kept inside.
fn prefixes() -> impl Iterator<Item = (&'static str, &'static str)> {
    let open = TABLE.iter().filter(|route| !route.is_for_development());
    let kept = KEPT_INSIDE.iter().map(|path| (*path, CLOSED));
    open.map(|route| (route.prefix, route.service)).chain(kept)
}

/// For the Gateway API. The longest prefix that fits decides, and a prefix fits whole steps of a path:
/// its rules are ours.
pub fn http_route() -> String {
    let mut text = format!(
        "{HEAD}apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata:\n  name: shop\nspec:\n  \
         parentRefs:\n    - {{name: shop, sectionName: https}}\n  hostnames: [tickets.example]\n  rules:\n"
    );
    for (prefix, service) in prefixes() {
        text += &format!(
            "    - matches: [{{path: {{type: PathPrefix, value: {prefix}}}}}]\n      \
             backendRefs: [{{name: {service}, port: {PORT}}}]\n"
        );
    }
    text
}

/// For an Ingress, of whatever class.
pub fn ingress() -> String {
    let mut text = format!(
        "{HEAD}apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: shop\n  annotations:\n    \
         cert-manager.io/cluster-issuer: letsencrypt\nspec:\n  tls:\n    - hosts: [tickets.example]\n      \
         secretName: shop-tls\n  rules:\n    - host: tickets.example\n      http:\n        paths:\n"
    );
    for (prefix, service) in prefixes() {
        text += &format!(
            "          - path: {prefix}\n            pathType: Prefix\n            \
             backend: {{service: {{name: {service}, port: {{name: http}}}}}}\n"
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_prefix_is_in_both() {
        for text in [http_route(), ingress()] {
            for route in TABLE {
                let line = format!("{}\n", route.service);
                let there = text.contains(&format!("{}}}", route.prefix))
                    || text.contains(&format!("path: {}\n", route.prefix));
                assert_eq!(there, !route.is_for_development(), "{line}{text}");
            }
            assert!(text.contains("/metrics"), "{text}");
        }
    }
}
