//! A cluster's load balancer routes by the same table as our own.

use contracts::routing::{KEPT_INSIDE, TABLE};
use deploy::manifests::{list, overlay, production_otherwise, text};
use serde_json::Value;

use crate::{all, one};

/// Where each path prefix leads, as the cluster is told.
fn by_gateway_api() -> Vec<(String, String)> {
    let objects = overlay("production").unwrap();
    let route = one(&objects, "HTTPRoute", "shop");
    let rules = list(route, "/spec/rules").iter();
    let rules = rules.map(|rule| {
        assert_eq!(text(rule, "/matches/0/path/type"), "PathPrefix");
        assert_eq!(
            (
                list(rule, "/matches").len(),
                list(rule, "/backendRefs").len()
            ),
            (1, 1)
        );
        (
            text(rule, "/matches/0/path/value"),
            text(rule, "/backendRefs/0/name"),
        )
    });
    rules
        .map(|(path, to)| (path.to_owned(), to.to_owned()))
        .collect()
}

fn by_ingress() -> Vec<(String, String)> {
    let objects = production_otherwise().unwrap();
    let ingress = one(&objects, "Ingress", "shop");
    assert_eq!(
        ingress.pointer("/spec/ingressClassName"),
        None,
        "any class will do"
    );
    let paths = list(ingress, "/spec/rules/0/http/paths").iter();
    let paths = paths.map(|path| {
        assert_eq!(text(path, "/pathType"), "Prefix");
        (text(path, "/path"), text(path, "/backend/service/name"))
    });
    paths
        .map(|(path, to)| (path.to_owned(), to.to_owned()))
        .collect()
}

#[test]
fn it_is_the_same_table() {
    let mut expected: Vec<(String, String)> = TABLE
        .iter()
        .filter(|route| !route.is_for_development())
        .map(|route| (route.prefix.to_owned(), route.service.to_owned()))
        .chain(
            KEPT_INSIDE
                .iter()
                .map(|path| ((*path).to_owned(), "closed".to_owned())),
        )
        .collect();
    expected.sort_unstable();
    for mut routes in [by_gateway_api(), by_ingress()] {
        routes.sort_unstable();
        assert_eq!(routes, expected);
    }
}

#[test]
fn nobody_answers_what_is_kept_inside() {
    let objects = overlay("production").unwrap();
    let closed = one(&objects, "Service", "closed");
    assert_eq!(closed.pointer("/spec/selector"), None);
}

#[test]
fn every_service_of_the_table_is_an_upstream_of_our_own_load_balancer() {
    for (overlay, objects) in all() {
        let settings = objects
            .iter()
            .filter(|object| text(object, "/kind") == "ConfigMap");
        let upstreams = settings
            .map(|settings| text(settings, "/data/TICKETING_UPSTREAMS"))
            .find(|upstreams| !upstreams.is_empty());
        let Some(upstreams) = upstreams else {
            assert_eq!(overlay, "all-in-one");
            continue;
        };
        for route in TABLE {
            let service = route.service;
            let wanted = format!("{service}={service}-pods:3000");
            assert!(
                upstreams.split(',').any(|upstream| upstream == wanted),
                "{overlay}: {wanted}"
            );
            let pods = one(&objects, "Service", &format!("{service}-pods"));
            assert_eq!(
                text(pods, "/spec/clusterIP"),
                "None",
                "an address for each pod"
            );
        }
    }
}

/// The host stands once, in the public URL.
#[test]
fn the_host_is_told_once() {
    let copy = deploy::manifests::Copy::new().unwrap();
    let settings = "overlays/production/settings.env";
    copy.change(
        settings,
        &[("https://tickets.example", "https://seats.example")],
    )
    .unwrap();
    let objects = copy.render("overlays/production").unwrap();
    for route in ["shop", "to-https"] {
        let hosts = list(one(&objects, "HTTPRoute", route), "/spec/hostnames");
        assert_eq!(hosts, [Value::from("seats.example")]);
    }
    let listeners = list(one(&objects, "Gateway", "shop"), "/spec/listeners");
    assert_eq!(listeners.len(), 2);
    for listener in listeners {
        assert_eq!(text(listener, "/hostname"), "seats.example");
    }
    let ingress = production_otherwise().unwrap();
    let ingress = one(&ingress, "Ingress", "shop");
    assert_eq!(text(ingress, "/spec/rules/0/host"), "tickets.example");
    assert_eq!(text(ingress, "/spec/tls/0/hosts/0"), "tickets.example");
}
