//! Rules for crate manifests.

use crate::files::File;

/// Every dependency is taken from the workspace's manifest, which alone states a version; one line each.
pub fn versions(manifest: &File) -> Vec<String> {
    if !manifest.path.ends_with("/Cargo.toml") {
        return Vec::new();
    }
    let mut section = String::new();
    let mut findings = Vec::new();
    for (number, line) in (1..).zip(manifest.text.lines().map(str::trim)) {
        if line.starts_with('[') {
            section = line.to_owned();
            if section.contains("dependencies.") {
                findings.push(manifest.finding(number, "write a dependency on one line"));
            }
            continue;
        }
        let states_version = section == "[package]" && line.starts_with("version ");
        let dependency =
            section.contains("dependencies") && !line.is_empty() && !line.starts_with('#');
        if states_version || dependency && !is_from_workspace(line) {
            findings
                .push(manifest.finding(number, "take it from the workspace: `….workspace = true`"));
        }
    }
    findings
}

fn is_from_workspace(line: &str) -> bool {
    line.contains("workspace = true")
}

/// Every dependency is named somewhere in the package's source.
pub fn unused(manifest: &File, source: &str) -> Vec<String> {
    let mut in_dependencies = false;
    let mut findings = Vec::new();
    for (number, line) in (1..).zip(manifest.text.lines().map(str::trim)) {
        if line.starts_with('[') {
            in_dependencies = line.contains("dependencies");
            continue;
        }
        let name = line.split(['.', '=', ' ']).next().unwrap_or_default();
        let is_dependency = in_dependencies && is_from_workspace(line);
        if is_dependency && !is_named(&name.replace('-', "_"), source) {
            findings.push(manifest.finding(number, &format!("`{name}` is not used")));
        }
    }
    findings
}

/// Whether the source holds that word, as a path's beginning (`name::`) or an import (`use name;`).
fn is_named(word: &str, source: &str) -> bool {
    source.match_indices(word).any(|(at, _)| {
        let before = source[..at].chars().next_back();
        let after = &source[at + word.len()..];
        let begins =
            before.is_none_or(|sign| !sign.is_alphanumeric() && sign != '_' && sign != '.');
        begins && (after.starts_with("::") || after.starts_with(';') || after.starts_with(" as "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::file;

    #[test]
    fn a_version_outside_the_workspace_is_found() {
        let text = "[package]\nversion = \"1.0\"\n[dependencies]\n# a remark\nanyhow.workspace = true\nserde = \"1\"\n\
                    axum = { workspace = true, features = [\"ws\"] }\n[dev-dependencies]\ntesting = { path = \"../testing\" }\n\
                    [dependencies.bytes]\nversion = \"1\"";
        let lines: Vec<String> = versions(&file("app/Cargo.toml", text))
            .iter()
            .map(|f| f.replace("app/Cargo.toml", ""))
            .collect();
        let numbers: Vec<&str> = lines
            .iter()
            .filter_map(|line| line.split(':').nth(1))
            .collect();
        assert_eq!(numbers, ["2", "6", "9", "10", "11"], "{lines:?}");
        assert!(versions(&file("Cargo.toml", text)).is_empty());
    }

    #[test]
    fn an_unused_dependency_is_found() {
        let manifest = file(
            "app/Cargo.toml",
            "[dependencies]\nanyhow.workspace = true\nhttp-body.workspace = true",
        );
        assert!(
            unused(
                &manifest,
                "use anyhow::Result;\nfn f(b: http_body::Frame) {}"
            )
            .is_empty()
        );
        let findings = unused(&manifest, "use anyhow::Result;\nuse other::http_body_util;");
        assert_eq!(findings, ["app/Cargo.toml:3: `http-body` is not used"]);
    }
}
