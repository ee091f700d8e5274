//! The import rule: which of our crates may depend on which.

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Every dependency between two of our crates that the rule refuses.
pub fn of_the_workspace() -> Vec<String> {
    let metadata = MetadataCommand::new()
        .no_deps()
        .exec()
        .expect("cargo metadata runs");
    let folder_of = |path: &cargo_metadata::camino::Utf8Path| {
        path.strip_prefix(&metadata.workspace_root)
            .map(|inside| inside.to_string())
            .ok()
    };
    let mut findings = Vec::new();
    for package in &metadata.packages {
        let from = package
            .manifest_path
            .parent()
            .and_then(folder_of)
            .expect("a member stands in the workspace");
        for dependency in &package.dependencies {
            let Some(to) = dependency.path.as_deref().and_then(folder_of) else {
                continue;
            };
            let in_tests = dependency.kind == DependencyKind::Development;
            if !may_import(&from, &to, in_tests) {
                let where_to = if in_tests { " in its tests" } else { "" };
                findings.push(format!(
                    "{from}/Cargo.toml: {from} may not import {to}{where_to}"
                ));
            }
        }
    }
    findings
}

/// Whether the crate in one folder may depend on the crate in another, for good or in its tests only.
fn may_import(from: &str, to: &str, in_tests: bool) -> bool {
    let is_service = |folder: &str| folder.starts_with("services/");
    match from {
        "contracts" | "servers" => false,
        "platform" => to == "contracts" || in_tests && to == "testing",
        "testing" => matches!(to, "contracts" | "platform" | "servers"),
        "app" => {
            matches!(to, "contracts" | "platform") || is_service(to) || in_tests && to == "testing"
        }
        "e2e" => matches!(to, "app" | "contracts" | "platform" | "servers" | "testing"),
        "bench" => matches!(to, "e2e" | "servers"),
        "deploy" => matches!(to, "contracts" | "e2e" | "servers" | "testing"),
        "simulation" => {
            matches!(to, "app" | "contracts" | "platform" | "testing") || is_service(to)
        }
        "xtask" => !is_service(to),
        service if is_service(service) => {
            matches!(to, "contracts" | "platform") || in_tests && to == "testing"
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_do_not_import_each_other() {
        assert!(!may_import("services/orders", "services/tickets", false));
        assert!(!may_import("services/orders", "services/tickets", true));
        assert!(may_import("services/orders", "contracts", false));
        assert!(may_import("services/orders", "platform", false));
    }

    #[test]
    fn the_test_harness_stays_in_tests() {
        assert!(may_import("services/orders", "testing", true));
        assert!(!may_import("services/orders", "testing", false));
        assert!(!may_import("app", "testing", false));
    }

    #[test]
    fn nothing_points_upwards() {
        assert!(!may_import("contracts", "platform", false));
        assert!(may_import("platform", "testing", true));
        assert!(!may_import("platform", "testing", false));
        assert!(!may_import("platform", "services/orders", false));
        assert!(!may_import("services/web", "app", false));
        assert!(!may_import("e2e", "services/orders", false));
        assert!(!may_import("xtask", "services/orders", false));
        assert!(!may_import("a new folder", "contracts", false));
    }

    #[test]
    fn the_composition_sees_everything() {
        assert!(may_import("app", "services/orders", false));
        assert!(may_import("e2e", "app", false));
        assert!(may_import("xtask", "app", false));
    }
}
