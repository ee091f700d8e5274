//! The manifests and the compose file: every overlay renders, is what clusters of three versions take, keeps to our rules, and
//! routes as we do.

mod alerts;
mod compose;
mod network;
mod references;
mod routing;
mod rules;
mod schemas;
mod settings;

use deploy::manifests::{OVERLAYS, overlay, production_otherwise};
use serde_json::Value;

/// Every way to install it, by name.
fn all() -> Vec<(String, Vec<Value>)> {
    let overlays = OVERLAYS.iter();
    let mut all: Vec<(String, Vec<Value>)> = overlays
        .map(|name| ((*name).to_owned(), overlay(name).unwrap()))
        .collect();
    all.push((
        "production otherwise".to_owned(),
        production_otherwise().unwrap(),
    ));
    all
}

/// The one object of that kind and name.
fn one<'a>(objects: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let wanted = format!("{kind} {name}");
    let mut found = objects
        .iter()
        .filter(|object| deploy::manifests::name(object) == wanted);
    let first = found.next().unwrap_or_else(|| panic!("no {wanted}"));
    assert!(found.next().is_none(), "two of {wanted}");
    first
}
