//! Alerts come when they should, are about figures that exist, and somebody says what to do.

use std::collections::BTreeSet;
use std::process::Command;

use deploy::manifests::{list, overlay, text};
use deploy::tools::{root, said_by, target};
use serde_json::{Value, json};

use crate::one;

fn rules() -> Vec<Value> {
    let objects = overlay("production").unwrap();
    let rules = one(&objects, "PrometheusRule", "ticketing");
    let rules = list(rules, "/spec/groups/0/rules").to_vec();
    assert!(rules.len() > 5);
    rules
}

fn read(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap()
}

fn dashboard() -> Value {
    let objects = overlay("production").unwrap();
    let map = one(&objects, "ConfigMap", "dashboard");
    serde_json::from_str(map["data"]["ticketing.json"].as_str().unwrap()).unwrap()
}

/// Prometheus' own judgement, on series of what goes well and of what does not.
#[test]
fn they_come_when_they_should() {
    let folder = tempfile::tempdir().unwrap();
    let mut rules = rules();
    for rule in &mut rules {
        // What they say is looked at below.
        rule.as_object_mut().unwrap().remove("annotations");
    }
    let groups = json!({"groups": [{"name": "ticketing", "rules": rules}]});
    std::fs::write(folder.path().join("alerts.yaml"), groups.to_string()).unwrap();
    let tests = folder.path().join("alerts.test.yaml");
    std::fs::write(&tests, read("deploy/checks/alerts.test.yaml")).unwrap();
    for rule in &rules {
        let cases = read("deploy/checks/alerts.test.yaml");
        let mentions = cases.matches(text(rule, "/alert")).count();
        assert!(
            mentions >= 2,
            "{} is not tested both ways",
            text(rule, "/alert")
        );
    }
    let mut promtool = Command::new(target().join("tools").join("promtool"));
    said_by(promtool.args(["test", "rules"]).arg(tests)).unwrap();
}

#[test]
fn each_says_how_bad_it_is_and_what_to_do() {
    let operations = read("docs/OPERATIONS.md");
    for rule in rules() {
        let name = text(&rule, "/alert");
        let severity = text(&rule, "/labels/severity");
        assert!(
            matches!(severity, "critical" | "warning"),
            "{name}: {severity:?}"
        );
        for words in ["summary", "runbook"] {
            let words = text(&rule, &format!("/annotations/{words}"));
            assert!(
                !words.is_empty() && !words.contains('\n'),
                "{name}: {words:?}"
            );
        }
        assert!(
            operations.contains(&format!("### {name}\n")),
            "nobody says what to do about {name}"
        );
    }
}

/// The figures that an expression is about, without the endings that Prometheus adds.
fn figures(expression: &str) -> BTreeSet<String> {
    let words = expression.split(|sign: char| !sign.is_ascii_alphanumeric() && sign != '_');
    let ours = words.filter(|word| word.starts_with("ticketing_") || word.starts_with("http_"));
    ours.map(|word| word.trim_end_matches("_bucket").to_owned())
        .collect()
}

#[test]
fn what_is_watched_exists() {
    let mut sources = String::new();
    for folder in [
        "platform/src",
        "services/payments/src",
        "services/gateway/src",
    ] {
        append(&root().join(folder), &mut sources);
    }
    let rules = rules();
    let mut expressions: Vec<String> = rules
        .iter()
        .map(|rule| text(rule, "/expr").to_owned())
        .collect();
    let dashboard = dashboard();
    let panels = list(&dashboard, "/panels");
    assert!(panels.len() > 10);
    for panel in panels {
        let targets = list(panel, "/targets");
        assert!(!targets.is_empty(), "{}", text(panel, "/title"));
        expressions.extend(
            targets
                .iter()
                .map(|target| text(target, "/expr").to_owned()),
        );
    }
    for expression in expressions {
        let figures = figures(&expression);
        assert!(!figures.is_empty(), "{expression}");
        for figure in figures {
            assert!(
                sources.contains(&format!("\"{figure}\"")),
                "nothing shows {figure}"
            );
        }
    }
}

fn append(folder: &std::path::Path, text: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            append(&path, text);
        } else {
            text.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
}
