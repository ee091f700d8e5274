//! What an object names is there: settings, accounts, what is scaled, what is routed to.

use std::collections::BTreeSet;

use deploy::manifests::{list, name, pod, text};
use serde_json::Value;

use crate::all;

/// The Secrets that an operator makes, with their keys: the table in docs/OPERATIONS.md.
const SECRETS: [(&str, &[&str]); 4] = [
    (
        "database",
        &[
            "auth",
            "tickets",
            "orders",
            "expiration",
            "payments",
            "notifications",
            "sandbox",
            "all",
        ],
    ),
    ("nats", &["url"]),
    (
        "session",
        &[
            "TICKETING_SESSION_KEY",
            "TICKETING_SESSION_PUBLIC_KEYS",
            "TICKETING_WEBHOOK_SECRETS",
        ],
    ),
    ("mail", &["url"]),
];

fn names(objects: &[Value], kind: &str) -> BTreeSet<String> {
    let of_kind = objects
        .iter()
        .filter(|object| text(object, "/kind") == kind);
    of_kind
        .map(|object| text(object, "/metadata/name").to_owned())
        .collect()
}

#[test]
fn accounts_settings_and_claims_are_there() {
    for (overlay, objects) in all() {
        let (accounts, maps) = (
            names(&objects, "ServiceAccount"),
            names(&objects, "ConfigMap"),
        );
        for object in &objects {
            let Some(pod) = pod(object) else { continue };
            let account = text(pod, "/serviceAccountName");
            assert!(
                account.is_empty() || accounts.contains(account),
                "{overlay}: {account}"
            );
            for container in list(pod, "/containers") {
                for source in list(container, "/envFrom") {
                    let map = text(source, "/configMapRef/name");
                    assert!(
                        maps.contains(map),
                        "{overlay}: {} has no {map:?}",
                        name(object)
                    );
                }
                let mut mounts = list(container, "/volumeMounts").iter();
                let claims = list(object, "/spec/volumeClaimTemplates").iter();
                let volumes: BTreeSet<&str> = list(pod, "/volumes")
                    .iter()
                    .map(|volume| text(volume, "/name"))
                    .chain(claims.map(|claim| text(claim, "/metadata/name")))
                    .collect();
                assert!(
                    mounts.all(|mount| volumes.contains(text(mount, "/name"))),
                    "{overlay}"
                );
            }
        }
    }
}

/// The process itself says which setting is missing: the cluster must not keep it from starting.
#[test]
fn secrets_are_known_and_their_lack_is_ours_to_tell() {
    for (overlay, objects) in all() {
        for pod in objects.iter().filter_map(pod) {
            for container in list(pod, "/containers") {
                for variable in list(container, "/env") {
                    let Some(secret) = variable.pointer("/valueFrom/secretKeyRef") else {
                        continue;
                    };
                    let (secret_name, key) = (text(secret, "/name"), text(secret, "/key"));
                    let plain = secret_name.split('-').next().unwrap_or_default();
                    let known = SECRETS.iter().find(|(known, _)| *known == plain);
                    let (_, keys) = known.unwrap_or_else(|| panic!("{overlay}: {secret_name}"));
                    assert!(keys.contains(&key), "{overlay}: {secret_name} {key}");
                    assert_eq!(
                        secret.get("optional"),
                        // The operator's commands mean something else without it.
                        (key != "all").then_some(&Value::Bool(true)),
                        "{secret_name} {key}"
                    );
                }
            }
        }
    }
}

#[test]
fn only_auth_gets_the_key_that_signs_and_each_its_own_database() {
    for (overlay, objects) in all() {
        for object in objects
            .iter()
            .filter(|object| text(object, "/kind") == "Deployment")
        {
            let service = text(object, "/metadata/name");
            for container in pod(object)
                .map(|pod| list(pod, "/containers"))
                .unwrap_or_default()
            {
                for variable in list(container, "/env") {
                    let key = text(variable, "/valueFrom/secretKeyRef/key");
                    match text(variable, "/name") {
                        "TICKETING_SESSION_KEY" => assert_eq!(service, "auth", "{overlay}"),
                        "TICKETING_DATABASE_URL" => assert_eq!(key, service, "{overlay}"),
                        "TICKETING_SANDBOX_DATABASE_URL" | "TICKETING_WEBHOOK_SECRETS" => {
                            assert_eq!(service, "payments", "{overlay}");
                        }
                        _ => {}
                    }
                }
            }
        }
    }
}

#[test]
fn what_is_scaled_selected_and_served_is_there() {
    for (overlay, objects) in all() {
        let deployments = names(&objects, "Deployment");
        for scaler in objects
            .iter()
            .filter(|one| text(one, "/kind") == "HorizontalPodAutoscaler")
        {
            let target = text(scaler, "/spec/scaleTargetRef/name");
            assert!(deployments.contains(target), "{overlay}: {target}");
            assert_eq!(target, text(scaler, "/metadata/name"));
            let by_lag = list(scaler, "/spec/metrics")
                .iter()
                .any(|metric| text(metric, "/pods/metric/name") == "ticketing_event_delay_seconds");
            let consumes = !matches!(target, "auth" | "web" | "gateway");
            assert_eq!(
                by_lag,
                consumes && overlay == "production otherwise",
                "{target}"
            );
        }
        let labels =
            ["", "/spec/jobTemplate"].map(|at| format!("{at}/spec/template/metadata/labels"));
        let labels: Vec<&Value> = objects
            .iter()
            .filter_map(|object| labels.iter().find_map(|labels| object.pointer(labels)))
            .collect();
        for object in &objects {
            let selector = match text(object, "/kind") {
                "Service" => object.pointer("/spec/selector"),
                "PodDisruptionBudget" => object.pointer("/spec/selector/matchLabels"),
                "NetworkPolicy" => object.pointer("/spec/podSelector/matchLabels"),
                _ => None,
            };
            let Some(selector) = selector.and_then(Value::as_object) else {
                continue;
            };
            let fits = |labels: &&&Value| {
                selector
                    .iter()
                    .all(|(label, value)| labels.get(label) == Some(value))
            };
            let count = labels.iter().filter(fits).count();
            assert_eq!(
                count,
                1,
                "{overlay}: {} selects {count} kinds of pods",
                name(object)
            );
        }
    }
}
