//! Rules for Rust files.

use crate::files::File;

/// Lines of a source file; beyond, it shows more than one thing.
const LINES_MAX: usize = 400;
/// Lines of a service's `lib.rs`; beyond, it is no table of contents.
const LIB_LINES_MAX: usize = 60;

/// A file begins with one sentence on what it is.
pub fn first_line(file: &File) -> Vec<String> {
    let begins = file.text.starts_with("//! ") || !file.is_rust();
    if begins {
        Vec::new()
    } else {
        vec![file.finding(1, "begin with `//!` and one sentence")]
    }
}

/// A source file shows one thing.
pub fn length(file: &File) -> Vec<String> {
    let counted = file.is_rust() && file.path.contains("src/");
    too_long(file, counted, LINES_MAX)
}

/// A service's `lib.rs` lists what it has, and has nothing itself.
pub fn table_of_contents(file: &File) -> Vec<String> {
    let counted = file.path.starts_with("services/") && file.path.ends_with("/src/lib.rs");
    too_long(file, counted, LIB_LINES_MAX)
}

fn too_long(file: &File, counted: bool, limit: usize) -> Vec<String> {
    let lines = file.text.lines().count();
    if !counted || lines <= limit {
        return Vec::new();
    }
    vec![file.finding(limit + 1, &format!("{lines} lines; the limit is {limit}"))]
}

/// A lint that is expected to fire tells when it no longer does; an allowed one is silent for ever.
pub fn silenced_lints(file: &File) -> Vec<String> {
    let attributes = [
        concat!("#[", "allow("),
        concat!("#![", "allow("),
        concat!(", ", "allow(clippy"),
    ];
    if !file.is_rust() {
        return Vec::new();
    }
    let objects = |line: &str| attributes.iter().any(|attribute| line.contains(attribute));
    file.objections("use #[expect(…, reason = \"…\")]", objects)
}

/// A test that does not run does not test.
pub fn left_out_tests(file: &File) -> Vec<String> {
    let attribute = concat!("#[", "ignore");
    if !file.is_rust() {
        return Vec::new();
    }
    file.objections("a test runs, or it is deleted", |line| {
        line.contains(attribute)
    })
}

/// Doc tests are not part of `cargo xtask test`, so an example that pretends to be one is refused.
pub fn untested_examples(file: &File) -> Vec<String> {
    let mut open = false;
    let mut findings = Vec::new();
    for (number, line) in (1..).zip(file.text.lines()) {
        let line = line.trim_start();
        let comment = line
            .strip_prefix("///")
            .or_else(|| line.strip_prefix("//!"));
        let Some(language) = comment.and_then(|comment| comment.trim().strip_prefix("```")) else {
            continue;
        };
        open = !open;
        if open && file.is_rust() && matches!(language, "" | "rust" | "no_run" | "should_panic") {
            findings
                .push(file.finding(number, "mark it ```text; what must work is shown in a test"));
        }
    }
    findings
}

/// The domain decides, from what it is handed.
pub fn domain_io(file: &File) -> Vec<String> {
    const WORDS: [&str; 12] = [
        "async",
        "await",
        "tokio",
        "axum",
        "rusqlite",
        "reqwest",
        "hyper",
        "SystemTime",
        "Instant",
        "Clock",
        "File",
        "spawn",
    ];
    const PATHS: [&str; 11] = [
        "platform::db",
        "platform::bus",
        "platform::clock",
        "platform::http",
        "std::fs",
        "std::net",
        "std::env",
        "Timestamp::now",
        "crate::store",
        "crate::commands",
        "crate::api",
    ];
    let in_domain = file.path.contains("/src/domain/") || file.path.ends_with("/src/domain.rs");
    if !in_domain || !file.is_rust() {
        return Vec::new();
    }
    let objects = |line: &str| {
        let code = line.split("//").next().unwrap_or_default();
        let mut words = code.split(|sign: char| !sign.is_alphanumeric() && sign != '_');
        words.any(|word| WORDS.contains(&word)) || PATHS.iter().any(|path| code.contains(path))
    };
    file.objections("domain/ is free of I/O, async and clocks", objects)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::file;

    #[test]
    fn a_file_without_a_first_line_is_found() {
        assert_eq!(
            first_line(&file("app/src/main.rs", "fn main() {}")).len(),
            1
        );
        assert_eq!(first_line(&file("app/src/main.rs", "\n//! Late.")).len(), 1);
        assert!(first_line(&file("app/src/main.rs", "//! In time.\n")).is_empty());
        assert!(first_line(&file("README.md", "# ticketing")).is_empty());
    }

    #[test]
    fn one_line_too_many_is_found() {
        assert!(length(&file("app/src/main.rs", &"\n".repeat(400))).is_empty());
        let findings = length(&file("app/src/main.rs", &"\n".repeat(401)));
        assert_eq!(
            findings,
            ["app/src/main.rs:401: 401 lines; the limit is 400"]
        );
        assert!(length(&file("docs/EVENTS.md", &"\n".repeat(401))).is_empty());
    }

    #[test]
    fn a_service_with_logic_in_its_contents_is_found() {
        let text = "\n".repeat(61);
        assert_eq!(
            table_of_contents(&file("services/orders/src/lib.rs", &text)).len(),
            1
        );
        assert!(table_of_contents(&file("platform/src/lib.rs", &text)).is_empty());
    }

    #[test]
    fn a_silenced_lint_is_found() {
        let text = concat!(
            "//! A.\n#[",
            "allow(dead_code)]\n#![",
            "allow(clippy::panic)]"
        );
        assert_eq!(silenced_lints(&file("a/src/lib.rs", text)).len(), 2);
        assert!(
            silenced_lints(&file(
                "a/src/lib.rs",
                "#[expect(dead_code, reason = \"soon\")]"
            ))
            .is_empty()
        );
    }

    #[test]
    fn a_left_out_test_is_found() {
        let text = concat!("#[test]\n#[", "ignore = \"slow\"]\nfn slow() {}");
        let findings = left_out_tests(&file("a/src/lib.rs", text));
        assert_eq!(findings, ["a/src/lib.rs:2: a test runs, or it is deleted"]);
        assert!(left_out_tests(&file("a/src/lib.rs", "#[test]\nfn quick() {}")).is_empty());
    }

    #[test]
    fn an_example_that_never_runs_is_found() {
        let text =
            "/// ```\n/// f();\n/// ```\nfn f() {}\n/// ```text\n/// a → b\n/// ```\nfn g() {}";
        assert_eq!(untested_examples(&file("a/src/lib.rs", text)).len(), 1);
    }

    #[test]
    fn io_in_the_domain_is_found() {
        let refused = [
            "async fn load() {}",
            "use platform::db::Tx;",
            "use tokio::time;",
            "let now = Timestamp::now();",
            "fn due(clock: &Clock) {}",
            "use crate::store::orders;",
        ];
        for line in refused {
            assert_eq!(
                domain_io(&file("services/orders/src/domain/order.rs", line)).len(),
                1,
                "{line}"
            );
            assert!(domain_io(&file("services/orders/src/commands/order.rs", line)).is_empty());
        }
        let fine = "fn is_due(now: Timestamp) -> bool // no clock, no async\n{ asynchronous }";
        assert!(domain_io(&file("services/orders/src/domain.rs", fine)).is_empty());
    }
}
