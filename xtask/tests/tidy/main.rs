//! Tidy: the house rules that a machine can judge, over every file that git knows or would add.

mod files;
mod imports;
mod manifests;
mod rust;
mod words;

use std::collections::BTreeMap;
use std::process::Command;

use files::File;

/// A rule looks at one file and says what is wrong, as `path:line: what`.
type Rule = fn(&File) -> Vec<String>;

#[track_caller]
fn holds_everywhere(rule: Rule) {
    let files = files::of_the_project();
    assert!(
        files.len() > 20,
        "only {} files: is this a git checkout?",
        files.len()
    );
    let findings: Vec<String> = files.iter().flat_map(rule).collect();
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

#[test]
fn every_rust_file_says_what_it_is() {
    holds_everywhere(rust::first_line);
}

#[test]
fn no_source_file_is_too_long() {
    holds_everywhere(rust::length);
}

#[test]
fn a_service_is_a_table_of_contents() {
    holds_everywhere(rust::table_of_contents);
}

#[test]
fn no_lint_is_silenced_for_good() {
    holds_everywhere(rust::silenced_lints);
}

#[test]
fn no_test_is_left_out() {
    holds_everywhere(rust::left_out_tests);
}

#[test]
fn no_example_in_a_comment_goes_untested() {
    holds_everywhere(rust::untested_examples);
}

#[test]
fn the_domain_does_no_io() {
    holds_everywhere(rust::domain_io);
}

#[test]
fn files_are_named_for_what_they_hold() {
    holds_everywhere(words::vague_names);
}

#[test]
fn the_platform_does_not_know_what_is_sold() {
    holds_everywhere(words::platform_subject);
}

#[test]
fn nothing_depends_on_one_machine() {
    holds_everywhere(words::machine_paths);
}

#[test]
fn nothing_names_a_package_registry() {
    holds_everywhere(words::registry_hosts);
}

#[test]
fn the_architecture_is_read_in_one_sitting() {
    holds_everywhere(words::architecture_length);
}

#[test]
fn versions_stand_in_the_workspace_alone() {
    holds_everywhere(manifests::versions);
}

#[test]
fn every_dependency_is_used() {
    let files = files::of_the_project();
    let mut sources: BTreeMap<&str, String> = BTreeMap::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        let folder = files::package_folder(&file.path);
        sources.entry(folder).or_default().push_str(&file.text);
    }
    let is_member = |file: &&File| file.path.ends_with("/Cargo.toml");
    let findings: Vec<String> = files
        .iter()
        .filter(is_member)
        .flat_map(|manifest| {
            let folder = files::package_folder(&manifest.path);
            manifests::unused(manifest, sources.get(folder).map_or("", String::as_str))
        })
        .collect();
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

#[test]
fn crates_import_only_what_they_may() {
    let findings = imports::of_the_workspace();
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

/// Builds the marketplace first, unless `TICKETING_BIN` names it.
#[test]
fn generated_documents_are_current() {
    let ended = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["docs", "--check"])
        .output()
        .expect("xtask runs");
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success(), "\n{said}\n");
}

#[test]
fn every_setting_is_documented() {
    let files = files::of_the_project();
    let text = |path: &str| -> String {
        let those = files.iter().filter(|file| file.path.starts_with(path));
        those.map(|file| file.text.as_str()).collect()
    };
    // The file, and the folder beside it.
    let (settings, document) = (text("app/src/settings"), text("docs/OPERATING.md"));
    let undocumented = words::settings_missing(&settings, &document);
    assert!(
        undocumented.is_empty(),
        "docs/OPERATING.md lacks {undocumented:?}"
    );
}
