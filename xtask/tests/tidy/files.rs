//! The project's files: those that git tracks, and new ones that it does not ignore.

use std::fs;
use std::path::Path;
use std::process::Command;

/// A text file, by its path from the workspace's root.
pub struct File {
    pub path: String,
    pub text: String,
}

impl File {
    pub fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// What is wrong in a line, as every rule says it.
    pub fn finding(&self, line: usize, what: &str) -> String {
        format!("{}:{line}: {what}", self.path)
    }

    /// Each line that the test objects to, with its number.
    pub fn objections(&self, what: &str, objects: impl Fn(&str) -> bool) -> Vec<String> {
        (1..)
            .zip(self.text.lines())
            .filter(|(_, line)| objects(line))
            .map(|(number, _)| self.finding(number, what))
            .collect()
    }
}

/// A file for the rules' own tests.
#[cfg(test)]
pub fn file(path: &str, text: &str) -> File {
    File {
        path: path.to_owned(),
        text: text.to_owned(),
    }
}

/// Every text file; binary ones and those just deleted are left out.
pub fn of_the_project() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask stands in the workspace");
    let listed = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(root)
        .output()
        .expect("git runs");
    assert!(
        listed.status.success(),
        "git: {}",
        String::from_utf8_lossy(&listed.stderr)
    );
    let names = String::from_utf8(listed.stdout).expect("paths are UTF-8");
    names
        .split_terminator('\0')
        .filter_map(|path| {
            let text = fs::read_to_string(root.join(path)).ok()?;
            Some(File {
                path: path.to_owned(),
                text,
            })
        })
        .collect()
}

/// The folder of the package that a file belongs to: `services/orders`, or the first folder elsewhere.
pub fn package_folder(path: &str) -> &str {
    let depth = if path.starts_with("services/") { 2 } else { 1 };
    path.match_indices('/')
        .nth(depth - 1)
        .map_or("", |(end, _)| &path[..end])
}

#[test]
fn a_file_belongs_to_its_package() {
    assert_eq!(
        package_folder("services/orders/src/lib.rs"),
        "services/orders"
    );
    assert_eq!(package_folder("platform/src/bus/mod.rs"), "platform");
    assert_eq!(package_folder("Cargo.toml"), "");
}
