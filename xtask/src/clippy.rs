//! Lints: the workspace's whole set for what ships, all but a few of them for tests.

use std::collections::BTreeSet;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::process;

/// What a test may do, because a panic is how it fails and a table of cases is long.
const LET_THROUGH_IN_TESTS: [&str; 6] = [
    "clippy::as_conversions",
    "clippy::expect_used",
    "clippy::indexing_slicing",
    "clippy::panic",
    "clippy::too_many_lines",
    "clippy::unwrap_used",
];

/// Refuses every warning. Both runs give clippy the same arguments and are filtered here: with `-A …` for the
/// tests only, cargo would check every crate of ours anew each time, because the arguments differ.
///
/// # Errors
/// When there are warnings, or a crate does not compile.
pub fn run() -> Result<()> {
    check(&["--lib", "--bins"], &[])?;
    check(&["--all-targets"], &LET_THROUGH_IN_TESTS)
}

fn check(targets: &[&str], let_through: &[&str]) -> Result<()> {
    let mut arguments = vec!["clippy", "--workspace", "--message-format=json"];
    arguments.extend(targets);
    let mut command = process::cargo(&arguments);
    command.stderr(Stdio::inherit());
    println!(
        "  $ cargo {} (refused: all warnings{})",
        arguments.join(" "),
        but(let_through)
    );
    let output = command.output().context("start cargo clippy")?;
    let messages = String::from_utf8_lossy(&output.stdout);
    let refused: BTreeSet<String> = messages
        .lines()
        .filter_map(|line| refused(line, let_through))
        .collect();
    for message in &refused {
        println!("{message}");
    }
    ensure!(refused.is_empty(), "{} warnings or errors", refused.len());
    ensure!(
        output.status.success(),
        "cargo clippy failed ({})",
        output.status
    );
    Ok(())
}

fn but(let_through: &[&str]) -> String {
    if let_through.is_empty() {
        return String::new();
    }
    format!(" but {}", let_through.join(", "))
}

/// The text of one line of cargo's JSON when it is a warning or an error that is not let through.
fn refused(line: &str, let_through: &[&str]) -> Option<String> {
    let entry: Value = serde_json::from_str(line).ok()?;
    if entry.get("reason")?.as_str()? != "compiler-message" {
        return None;
    }
    let message = entry.get("message")?;
    let lint = message
        .pointer("/code/code")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let is_count = message.get("spans")?.as_array()?.is_empty() && lint.is_empty();
    let is_warning = message.get("level")?.as_str()? == "warning";
    if is_warning && (is_count || let_through.contains(&lint)) {
        return None; // "12 warnings emitted" comes as a warning of its own
    }
    message.get("rendered")?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(level: &str, lint: &str) -> String {
        format!(
            r#"{{"reason":"compiler-message","message":{{"rendered":"{lint} here","level":"{level}",
            "code":{{"code":"{lint}"}},"spans":[{{"file_name":"a.rs"}}]}}}}"#
        )
        .replace('\n', "")
    }

    #[test]
    fn a_warning_is_refused() {
        let text = refused(&line("warning", "clippy::unwrap_used"), &[]);
        assert_eq!(text.as_deref(), Some("clippy::unwrap_used here"));
    }

    #[test]
    fn tests_may_unwrap_but_not_leave_a_mess() {
        let through = LET_THROUGH_IN_TESTS;
        assert_eq!(
            refused(&line("warning", "clippy::unwrap_used"), &through),
            None
        );
        assert!(refused(&line("warning", "unused_variables"), &through).is_some());
        assert!(refused(&line("error", "E0308"), &through).is_some());
    }

    #[test]
    fn the_closing_count_and_other_messages_are_no_warnings() {
        let count = r#"{"reason":"compiler-message","message":{"rendered":"2 warnings emitted","level":"warning","code":null,"spans":[]}}"#;
        assert_eq!(refused(count, &[]), None);
        assert_eq!(
            refused(r#"{"reason":"build-finished","success":true}"#, &[]),
            None
        );
    }
}
