//! The compose file: every service as the program calls it, settings that it knows, and no visitor who is
//! believed what he says of his address.

use std::net::Ipv4Addr;

use deploy::manifests::{compose, list, text};
use serde_json::{Map, Value, json};
use servers::postgres::WITH_DATA;

use crate::settings::{Outcome, started};

/// The containers that run the program, by name.
fn ours(compose: &Value) -> Map<String, Value> {
    let services = compose["services"].as_object().unwrap().clone();
    let ours = services
        .into_iter()
        .filter(|(_, container)| list(container, "/command").first() == Some(&json!("ticketing")));
    ours.collect()
}

#[test]
fn every_service_is_there_and_has_its_database() {
    let compose = compose().unwrap();
    let mut expected: Vec<&str> = WITH_DATA.to_vec();
    let mut mounts = list(&compose["services"]["postgres"], "/volumes")
        .iter()
        .filter_map(|mount| mount.as_str()?.split_once(":/docker-entrypoint-initdb.d/"));
    let (file, _) = mounts.next().unwrap();
    let file = deploy::tools::root().join("deploy").join(file);
    let databases = std::fs::read_to_string(file).unwrap();
    for name in expected.iter().chain(&["sandbox"]) {
        assert!(databases.contains(&format!("create database {name};")));
    }
    expected.extend(["gateway", "web"]);
    expected.sort_unstable();
    let ours = ours(&compose);
    assert_eq!(ours.keys().collect::<Vec<_>>(), expected);
    for (name, container) in &ours {
        assert_eq!(container["command"], json!(["ticketing", "serve", name]));
    }
}

#[tokio::test]
async fn every_container_starts_or_names_what_it_lacks() {
    let mut listening = Vec::new();
    for (name, container) in ours(&compose().unwrap()) {
        let serve = json!({"args": ["serve", name]});
        match started(&serve, &container["environment"]).await {
            Outcome::Listens => listening.push(name),
            Outcome::Ended(last) => {
                // The keys come from `ticketing keys`, and servers have these names in containers only.
                let lacks = ["(TICKETING_SESSION_", "(TICKETING_NATS_URL): nats-1:4222"];
                let named = lacks.iter().any(|what| last.contains(what));
                assert!(last.starts_with("error: ") && named, "{name}: {last}");
            }
        }
    }
    assert_eq!(listening, ["gateway"]);
}

#[test]
fn only_containers_are_believed_whom_they_speak_for() {
    let compose = compose().unwrap();
    let network = &compose["networks"]["default"]["ipam"]["config"][0];
    let (range, bits) = text(network, "/ip_range").split_once('/').unwrap();
    let (range, bits): (Ipv4Addr, u32) = (range.parse().unwrap(), bits.parse().unwrap());
    let bridge: Ipv4Addr = text(network, "/gateway").parse().unwrap();
    let part = |address: Ipv4Addr| address.to_bits() >> (32 - bits);
    assert_ne!(part(bridge), part(range), "visitors come from the bridge");
    for (name, container) in ours(&compose) {
        let trusted = text(&container, "/environment/TICKETING_TRUSTED_PROXY");
        assert_eq!(trusted, text(network, "/ip_range"), "{name}");
    }
}
