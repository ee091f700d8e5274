//! The image's bill of materials: what is linked into the program, as CycloneDX.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::{process, workspace};

/// The bill, the same for the same source and compiler.
///
/// # Errors
/// When cargo does not say what the program is made of.
pub fn document() -> Result<String> {
    let target = host()?;
    let mut command = process::cargo(&["metadata", "--format-version", "1", "--locked"]);
    command.args(["--filter-platform", &target]);
    let said = command.output().context("start cargo metadata")?;
    anyhow::ensure!(
        said.status.success(),
        "cargo metadata: {}",
        String::from_utf8_lossy(&said.stderr)
    );
    let metadata: Value = serde_json::from_slice(&said.stdout)?;
    let lock = fs::read_to_string(workspace::root().join("Cargo.lock"))?;
    let mut bill = bill(&metadata, &checksums(&lock)).context("what cargo metadata says")?;
    let components = bill
        .get_mut("components")
        .and_then(Value::as_array_mut)
        .context("it has components")?;
    components.extend(linked_besides()?);
    Ok(serde_json::to_string_pretty(&bill)? + "\n")
}

/// What no crate stands for and is in the file all the same: the standard library and the C library.
fn linked_besides() -> Result<Vec<Value>> {
    let said = |program: &str, argument: &str| -> Result<String> {
        let output = process::program(program, &[argument]).output();
        let output = output.with_context(|| format!("start {program}"))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = text.lines().next().unwrap_or_default();
        Ok(line.to_owned())
    };
    let rust = said("rustc", "--version")?;
    let rust = rust.split_whitespace().nth(1).unwrap_or_default();
    // "ldd (Debian GLIBC 2.36-9) 2.36": the last word is the library's own version.
    let glibc = said("ldd", "--version")?;
    let glibc = glibc.split_whitespace().last().unwrap_or_default();
    let library = |name: &str, version: &str, licence: &str| {
        json!({
            "type": "library", "name": name, "version": version,
            "bom-ref": format!("pkg:generic/{name}@{version}"),
            "purl": format!("pkg:generic/{name}@{version}"),
            "licenses": [{"expression": licence}],
        })
    };
    Ok(vec![
        library("rust-std", rust, "MIT OR Apache-2.0"),
        library("glibc", glibc, "LGPL-2.1-or-later"),
    ])
}

fn host() -> Result<String> {
    let said = process::program("rustc", &["-vV"]).output()?;
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    let line = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(line.context("rustc names its host")?.to_owned())
}

/// The bill of what `cargo metadata` says of the package `ticketing`.
fn bill(metadata: &Value, checksums: &BTreeMap<(String, String), String>) -> Option<Value> {
    let packages = by_id(metadata.get("packages")?)?;
    let nodes = by_id(metadata.pointer("/resolve/nodes")?)?;
    let is_root = |package: &Value| text(package, "name") == "ticketing";
    let root = *packages.iter().find(|(_, package)| is_root(package))?.0;
    let mut linked = BTreeSet::from([root]);
    let mut ahead = vec![root];
    let mut dependencies = Vec::new();
    while let Some(id) = ahead.pop() {
        let below = linked_into(nodes.get(id)?);
        let names: Vec<Value> = below
            .iter()
            .filter_map(|id| Some(Value::from(purl(packages.get(id)?))))
            .collect();
        dependencies.push(json!({"ref": purl(packages.get(id)?), "dependsOn": names}));
        ahead.extend(below.into_iter().filter(|id| linked.insert(id)));
    }
    dependencies.sort_by_key(|dependency: &Value| text(dependency, "ref").to_owned());
    linked.remove(root);
    let mut components: Vec<Value> = linked
        .iter()
        .filter_map(|id| Some(component("library", packages.get(id)?, checksums)))
        .collect();
    components.sort_by_key(|component| text(component, "purl").to_owned());
    let program = component("application", packages.get(root)?, checksums);
    Some(json!({
        "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
        "metadata": {"component": program},
        "components": components,
        "dependencies": dependencies,
    }))
}

fn by_id(list: &Value) -> Option<BTreeMap<&str, &Value>> {
    let list = list.as_array()?.iter();
    Some(list.map(|item| (text(item, "id"), item)).collect())
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// Whom a package is linked with: not what only its build or its tests use, nor what runs in the compiler.
fn linked_into(node: &Value) -> Vec<&str> {
    let is_linked = |dependency: &&Value| {
        let kinds = dependency.get("dep_kinds").and_then(Value::as_array);
        let mut kinds = kinds.into_iter().flatten();
        kinds.any(|kind| kind.get("kind").is_some_and(Value::is_null))
    };
    let dependencies = node.get("deps").and_then(Value::as_array);
    let dependencies = dependencies.map(Vec::as_slice).unwrap_or_default();
    let linked = dependencies.iter().filter(is_linked);
    linked.map(|dependency| text(dependency, "pkg")).collect()
}

fn component(kind: &str, package: &Value, checksums: &BTreeMap<(String, String), String>) -> Value {
    let (name, version) = (text(package, "name"), text(package, "version"));
    let mut component = serde_json::Map::new();
    for (field, value) in [
        ("type", kind),
        ("name", name),
        ("version", version),
        ("bom-ref", &purl(package)),
        ("purl", &purl(package)),
    ] {
        component.insert(field.to_owned(), value.into());
    }
    if let Some(licence) = package.get("license").and_then(Value::as_str) {
        // Older manifests write a slash for a choice.
        let licence = licence.replace(" / ", " OR ").replace('/', " OR ");
        component.insert("licenses".to_owned(), json!([{"expression": licence}]));
    }
    if let Some(hash) = checksums.get(&(name.to_owned(), version.to_owned())) {
        let hash = json!([{"alg": "SHA-256", "content": hash}]);
        component.insert("hashes".to_owned(), hash);
    }
    component.into()
}

fn purl(package: &Value) -> String {
    format!(
        "pkg:cargo/{}@{}",
        text(package, "name"),
        text(package, "version")
    )
}

/// What Cargo.lock says of each package's source: a name, a version and a checksum on lines of their own.
fn checksums(lock: &str) -> BTreeMap<(String, String), String> {
    let mut found = BTreeMap::new();
    for package in lock.split("[[package]]").skip(1) {
        let field = |name: &str| {
            let line = package.lines().find_map(|line| line.strip_prefix(name))?;
            Some(line.trim_matches([' ', '=', '"']).to_owned())
        };
        if let (Some(name), Some(version), Some(sum)) =
            (field("name"), field("version"), field("checksum"))
        {
            found.insert((name, version), sum);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Value {
        let package = |name: &str| json!({"id": name, "name": name, "version": "1.0.0", "license": "MIT/Apache-2.0"});
        let needs = |name: &str, kind: Value| json!({"pkg": name, "dep_kinds": [{"kind": kind}]});
        json!({
            "packages": [package("ticketing"), package("linked"), package("below"), package("builds")],
            "resolve": {"nodes": [
                {"id": "ticketing", "deps": [needs("linked", Value::Null), needs("builds", "build".into())]},
                {"id": "linked", "deps": [needs("below", Value::Null)]},
                {"id": "below", "deps": []},
                {"id": "builds", "deps": []},
            ]},
        })
    }

    #[test]
    fn it_names_what_is_linked_and_nothing_else() {
        let sum = ("below".to_owned(), "1.0.0".to_owned());
        let bill = bill(&known(), &BTreeMap::from([(sum, "ab".to_owned())])).unwrap();
        let components = bill["components"].as_array().unwrap().iter();
        let names: Vec<_> = components.map(|component| &component["name"]).collect();
        assert_eq!(names, ["below", "linked"]);
        assert_eq!(bill["components"][0]["hashes"][0]["content"], "ab");
        let licence = &bill["components"][0]["licenses"][0]["expression"];
        assert_eq!(licence, "MIT OR Apache-2.0");
        assert_eq!(bill["metadata"]["component"]["name"], "ticketing");
        let uses =
            json!({"ref": "pkg:cargo/ticketing@1.0.0", "dependsOn": ["pkg:cargo/linked@1.0.0"]});
        assert!(bill["dependencies"].as_array().unwrap().contains(&uses));
    }

    #[test]
    fn checksums_are_found() {
        let lock = "version = 4\n[[package]]\nname = \"a\"\nversion = \"1.2.3\"\nchecksum = \"ff\"\n\n\
                    [[package]]\nname = \"ours\"\nversion = \"0.1.0\"\n";
        let found = checksums(lock);
        assert_eq!(found.len(), 1);
        assert_eq!(
            found.get(&("a".to_owned(), "1.2.3".to_owned())).unwrap(),
            "ff"
        );
    }
}
