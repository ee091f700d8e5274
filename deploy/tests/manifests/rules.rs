//! Our own rules: who a pod runs as, what it may and takes, and that no secret stands in plain text.

use deploy::manifests::{name, overlay, pod, text};
use deploy::policy::{complaints, is_secret};
use serde_json::Value;

use crate::{all, one};

/// Every service, with what it is in a cluster.
const SERVICES: [&str; 8] = [
    "auth",
    "expiration",
    "gateway",
    "notifications",
    "orders",
    "payments",
    "tickets",
    "web",
];

#[test]
fn every_pod_keeps_to_them() {
    for (overlay, objects) in all() {
        let found: Vec<String> = objects.iter().flat_map(complaints).collect();
        assert!(found.is_empty(), "{overlay}: {found:#?}");
        assert!(
            objects.iter().any(|object| pod(object).is_some()),
            "{overlay}"
        );
    }
}

#[test]
fn every_service_has_all_that_it_needs() {
    for objects in [overlay("production").unwrap(), all().pop().unwrap().1] {
        for service in SERVICES {
            for kind in [
                "Deployment",
                "Service",
                "ServiceAccount",
                "PodDisruptionBudget",
                "HorizontalPodAutoscaler",
                "NetworkPolicy",
            ] {
                one(&objects, kind, service);
            }
            let deployment = one(&objects, "Deployment", service);
            let argument = deployment.pointer("/spec/template/spec/containers/0/args/1");
            assert_eq!(argument.and_then(Value::as_str), Some(service));
            assert!(
                deployment.pointer("/spec/replicas").is_none(),
                "the autoscaler's to say"
            );
        }
    }
}

#[test]
fn no_secret_is_in_plain_text() {
    for (overlay, objects) in all() {
        for object in objects
            .iter()
            .filter(|object| text(object, "/kind") == "ConfigMap")
        {
            let values = object.pointer("/data").and_then(Value::as_object).unwrap();
            for (setting, value) in values {
                let value = value.as_str().unwrap_or_default();
                assert!(!is_secret(setting, value), "{overlay}: {setting}");
            }
        }
        // Whoever develops makes keys on their own machine; the servers there ask for no password.
        if overlay != "development" {
            let secret = objects
                .iter()
                .find(|object| text(object, "/kind") == "Secret");
            assert!(secret.is_none(), "{overlay}: {:?}", secret.map(name));
        }
    }
    let databases = include_str!("../../kubernetes/overlays/development/databases.env");
    for (name, url) in databases.lines().filter_map(|line| line.split_once('=')) {
        assert!(!is_secret(name, url), "{url}");
    }
}

#[test]
fn the_image_is_the_one_of_this_version() {
    let wanted = format!("ticketing:{}", env!("CARGO_PKG_VERSION"));
    for (overlay, objects) in all() {
        let mut ours = 0;
        for pod in objects.iter().filter_map(pod) {
            for container in deploy::manifests::list(pod, "/containers") {
                let image = text(container, "/image");
                if image.starts_with("ticketing") {
                    assert_eq!(image, wanted, "{overlay}");
                    ours += 1;
                }
            }
        }
        assert!(ours > 0, "{overlay}");
    }
}

/// A stop takes the time that load balancers need, then the time of what runs.
#[test]
fn a_pod_has_time_to_stop() {
    for (overlay, objects) in all() {
        let settings = objects.iter().find(|object| {
            text(object, "/kind") == "ConfigMap"
                && text(object, "/metadata/name").starts_with("settings")
        });
        let drain = text(settings.unwrap(), "/data/TICKETING_DRAIN_FOR");
        let drain: u64 = drain.trim_end_matches('s').parse().unwrap();
        for object in &objects {
            let Some(pod) = pod(object) else { continue };
            let container = pod.pointer("/containers/0/name").and_then(Value::as_str);
            if container == Some("ticketing") {
                let grace = pod.pointer("/terminationGracePeriodSeconds");
                let grace = grace.and_then(Value::as_u64).unwrap_or(30);
                assert!(
                    grace >= drain + 35,
                    "{overlay}: {} has {grace} s",
                    name(object)
                );
            }
        }
    }
}
