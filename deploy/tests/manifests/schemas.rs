//! Every object is what clusters take, no field more.

use deploy::manifests::{list, name, text, told};
use deploy::tools::{ended, python, root};
use serde_json::{Value, json};
use std::process::Command;

use crate::all;

/// The current minor version and the two before it.
const VERSIONS: [&str; 3] = ["1.35", "1.36", "1.37"];

/// Whether it is one of Kubernetes' own kinds.
fn is_builtin(object: &Value) -> bool {
    let version = text(object, "/apiVersion");
    let group = version.split_once('/').map_or("", |(group, _)| group);
    !group.contains('.') || group.ends_with(".k8s.io") && group != "gateway.networking.k8s.io"
}

/// What a version of Kubernetes has against objects of its own kinds.
fn refused_by(version: &str, objects: &[&Value]) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    let documents: Vec<String> = objects.iter().map(ToString::to_string).collect();
    std::fs::write(file.path(), documents.join("\n---\n")).unwrap();
    let mut validate = python();
    validate.args([
        "-m",
        "kubernetes_validate",
        "--strict",
        "--quiet",
        "-k",
        version,
    ]);
    let output = ended(validate.arg(file.path())).unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    // A kind that it has never heard of is a mere warning to it.
    assert_eq!(output.status.success(), !said.contains("ERROR"), "{said}");
    said
}

/// What the projects of custom resources have against them.
fn refused_by_their_schemas(objects: &[&Value]) -> String {
    let mut node = Command::new("node");
    node.arg(root().join("deploy/checks/custom-resources.mjs"));
    let objects: Vec<Value> = objects.iter().map(|&object| object.clone()).collect();
    match told(&mut node, &Value::from(objects).to_string()) {
        Ok(said) => said,
        Err(error) => error.to_string(),
    }
}

#[test]
fn three_versions_of_kubernetes_take_everything() {
    // Most objects are the same in every overlay: each is looked at once.
    let mut different: Vec<Value> = all().into_iter().flat_map(|(_, objects)| objects).collect();
    different.sort_by_key(ToString::to_string);
    different.dedup();
    let (builtin, custom): (Vec<_>, Vec<_>) = different.iter().partition(|one| is_builtin(one));
    assert!(
        builtin.len() > 60 && custom.len() > 3,
        "{} {}",
        builtin.len(),
        custom.len()
    );
    for version in VERSIONS {
        assert_eq!(refused_by(version, &builtin), "", "on {version}");
    }
    assert_eq!(refused_by_their_schemas(&custom), "");
}

#[test]
fn what_no_cluster_takes_is_noticed() {
    let good = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"},
        "spec": {"ports": [{"port": 3000}]},
    });
    assert_eq!(refused_by("1.37", &[&good]), "");
    let mut unknown_field = good.clone();
    unknown_field["spec"]["ports"][0]["prot"] = 1.into();
    let mut wrong_type = good.clone();
    wrong_type["spec"]["ports"][0]["port"] = "many".into();
    let mut unknown_kind = good.clone();
    unknown_kind["kind"] = "Servise".into();
    for wrong in [unknown_field, wrong_type, unknown_kind] {
        assert_ne!(refused_by("1.37", &[&wrong]), "", "{wrong}");
    }
    let route = json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "x"},
        "spec": {"rules": [{"matches": [{"path": {"type": "PathPrefix", "value": "/"}}]}]},
    });
    assert_eq!(refused_by_their_schemas(&[&route]), "");
    let mut unknown_field = route.clone();
    unknown_field["spec"]["rules"][0]["backends"] = json!([]);
    let mut wrong_value = route.clone();
    wrong_value["spec"]["rules"][0]["matches"][0]["path"]["type"] = "Prefix".into();
    let mut unknown_kind = route.clone();
    unknown_kind["kind"] = "HTTPRout".into();
    for wrong in [unknown_field, wrong_value, unknown_kind] {
        assert_ne!(refused_by_their_schemas(&[&wrong]), "", "{wrong}");
    }
}

#[test]
fn nothing_is_there_twice() {
    for (overlay, objects) in all() {
        let mut names: Vec<String> = objects.iter().map(name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count, "{overlay}");
        for object in &objects {
            let lives = text(object, "/metadata/namespace");
            let expected = if text(object, "/kind") == "Namespace" {
                ""
            } else {
                "ticketing"
            };
            assert_eq!(lives, expected, "{overlay}: {}", name(object));
            assert!(list(object, "/metadata/finalizers").is_empty());
        }
    }
}
