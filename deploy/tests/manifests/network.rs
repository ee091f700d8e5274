//! Who may reach whom: nothing by default, and what design and table ask for.

use deploy::manifests::{list, overlay, text};
use serde_json::{Value, json};

use crate::one;

/// Whether a rule's peers hold addresses outside of private networks.
fn leaves_the_cluster(rule: &Value) -> bool {
    list(rule, "/to")
        .iter()
        .any(|peer| matches!(text(peer, "/ipBlock/cidr"), "0.0.0.0/0" | "::/0"))
}

fn ports(rule: &Value) -> Vec<u64> {
    let ports = list(rule, "/ports").iter();
    ports
        .filter_map(|port| port.get("port").and_then(Value::as_u64))
        .collect()
}

#[test]
fn nothing_is_open_by_default() {
    let objects = overlay("production").unwrap();
    let spec = one(&objects, "NetworkPolicy", "nothing-else")
        .pointer("/spec")
        .unwrap();
    assert_eq!(
        spec,
        &json!({"podSelector": {}, "policyTypes": ["Ingress", "Egress"]})
    );
}

#[test]
fn only_payments_and_mail_leave_the_cluster() {
    let objects = overlay("production").unwrap();
    for policy in objects
        .iter()
        .filter(|object| text(object, "/kind") == "NetworkPolicy")
    {
        let name = text(policy, "/metadata/name");
        for rule in list(policy, "/spec/egress") {
            assert!(
                !list(rule, "/to").is_empty(),
                "{name}: a rule for everybody"
            );
            assert!(
                !list(rule, "/ports").is_empty(),
                "{name}: a rule for every port"
            );
            if leaves_the_cluster(rule) {
                let expected: &[u64] = match name {
                    "payments" => &[443],
                    "auth" | "notifications" => &[25, 465, 587],
                    _ => &[],
                };
                assert_eq!(ports(rule), expected, "{name}");
            }
        }
    }
}

#[test]
fn no_service_reaches_another_but_the_load_balancer_and_web() {
    let objects = overlay("production").unwrap();
    for policy in objects
        .iter()
        .filter(|object| text(object, "/kind") == "NetworkPolicy")
    {
        let name = text(policy, "/metadata/name");
        let to_pods = list(policy, "/spec/egress")
            .iter()
            .flat_map(|rule| list(rule, "/to"))
            .filter_map(|peer| peer.pointer("/podSelector/matchExpressions/0/values"));
        let to_pods: Vec<&Value> = to_pods.collect();
        match name {
            "web" => assert_eq!(to_pods, [&json!(["gateway"])]),
            "gateway" => assert_eq!(to_pods.len(), 1),
            _ => assert_eq!(to_pods.len(), 0, "{name}"),
        }
        for rule in list(policy, "/spec/ingress") {
            assert!(!list(rule, "/from").is_empty(), "{name}: anybody comes in");
            for from in list(rule, "/from") {
                let who = from.pointer("/podSelector/matchExpressions/0/values");
                let allowed = [json!(["gateway"]), json!(["web"])];
                assert!(
                    who.is_none_or(|who| allowed.contains(who)),
                    "{name}: {who:?}"
                );
            }
        }
    }
}

#[test]
fn each_reaches_its_database_and_the_bus_and_nothing_else_of_state() {
    let objects = overlay("production").unwrap();
    for (service, expected) in [
        ("auth", &[5432, 4222][..]),
        ("expiration", &[5432, 4222]),
        ("web", &[4222]),
        ("gateway", &[]),
        ("migrate", &[5432]),
    ] {
        let policy = one(&objects, "NetworkPolicy", service);
        let state = list(policy, "/spec/egress").iter().filter(|rule| {
            list(rule, "/to").iter().any(|peer| {
                peer.pointer("/namespaceSelector/matchLabels/ticketing~1state")
                    .is_some()
            })
        });
        let reached: Vec<u64> = state.flat_map(ports).collect();
        assert_eq!(reached, expected, "{service}");
    }
}
